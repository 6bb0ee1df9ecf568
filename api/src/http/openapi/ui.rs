//! `GET /swagger-ui`: the document for people, from the assets in this binary.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::pages::assets;

/// Nothing inline and nothing from elsewhere; the style sheet of Swagger UI holds its arrows as `data:` images.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page.
pub async fn page() -> Response {
    let (style, script, start) =
        (assets::url("swagger-ui.css"), assets::url("swagger-ui.js"), assets::url("swagger.js"));
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n<title>API – Mandate</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"{}\">\n<link rel=\"stylesheet\" href=\"{style}\">\n\
         <script src=\"{script}\" defer></script>\n<script src=\"{start}\" type=\"module\"></script>\n</head>\n<body>\n\
         <main id=\"swagger-ui\"><p>This page needs JavaScript. The document itself is at \
         <a href=\"/v3/api-docs\">/v3/api-docs</a>, and every list also has a page.</p></main>\n</body>\n</html>\n",
        assets::url("favicon.svg")
    );
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, html).into_response()
}
