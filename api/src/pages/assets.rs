//! The built style sheet, scripts and images, embedded in the binary.
//!
//! `make assets` builds them into `api/assets/dist` with a hash of their content in their names.
//! They are served under `/assets/` and may be cached for ever; nothing loads from elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

/// The policy that every page is sent with: nothing inline, nothing from elsewhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy for the HTML part of a mail, shown on its own: its inline styles, and nothing else.
pub const MAIL_CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox allow-popups allow-top-navigation-by-user-activation";

/// What a hashed asset is sent with.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "assets/dist/"]
#[allow_missing = true]
struct Dist;

/// The assets were not built before the binary was.
#[derive(Debug, thiserror::Error)]
#[error("assets: `api/assets/dist/manifest.json` is not in this binary: run `make assets`, then build again")]
pub struct AssetsMissing;

/// One file as it is served.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The bytes of the file.
    pub bytes: Cow<'static, [u8]>,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
}

static MANIFEST: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    Dist::get("manifest.json").and_then(|file| serde_json::from_slice(&file.data).ok()).unwrap_or_default()
});

/// Checks that the assets are in the binary.
///
/// # Errors
/// [`AssetsMissing`], which says what to run.
pub fn check() -> Result<(), AssetsMissing> {
    let needed = [
        "mandate.css",
        "mandate.js",
        "favicon.svg",
        "licences.txt",
        "swagger-ui.css",
        "swagger-ui.js",
        "swagger.js",
    ];
    if needed.iter().all(|name| MANIFEST.contains_key(*name)) { Ok(()) } else { Err(AssetsMissing) }
}

/// The address of an asset by its plain name; the hashed one where it was built.
#[must_use]
pub fn url(name: &str) -> String {
    format!("/assets/{}", MANIFEST.get(name).map_or(name, String::as_str))
}

/// The file behind `/assets/<file>`, by its hashed name; only what the manifest lists is served.
#[must_use]
pub fn find(file: &str) -> Option<Asset> {
    if !MANIFEST.values().any(|built| built == file) {
        return None;
    }
    let content_type = match file.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    };
    Some(Asset { bytes: Dist::get(file)?.data, content_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() {
        if let Err(missing) = check() {
            panic!("{missing}");
        }
    }

    fn text(name: &str) -> String {
        built();
        let address = url(name);
        let asset = find(address.strip_prefix("/assets/").unwrap()).unwrap();
        String::from_utf8(asset.bytes.into_owned()).unwrap()
    }

    #[test]
    fn the_assets_were_built() {
        built();
    }

    #[test]
    fn every_built_file_is_served_with_a_type() {
        built();
        for file in MANIFEST.values() {
            assert!(find(file).is_some(), "`{file}` is in the manifest and not served");
        }
    }

    #[test]
    fn only_files_of_the_manifest_are_served() {
        assert!(find("manifest.json").is_none());
        assert!(find("mandate.css").is_none());
        assert!(find("../package.json").is_none());
    }

    #[test]
    fn no_trace_of_the_gov_uk_brand_is_left() {
        built();
        // Swagger UI is no page of ours.
        let ours = |name: &&String| *name != "licences.txt" && !name.starts_with("swagger-ui.");
        for name in MANIFEST.keys().filter(ours) {
            let text = text(name).to_lowercase();
            for word in ["gds transport", "crown", "crest", "logotype", "opengraph", "@font-face"] {
                assert!(!text.contains(word), "`{name}` holds `{word}`");
            }
        }
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        let css = text("mandate.css");
        assert!(!css.contains("@import"), "the style sheet imports another");
        for address in css.split("url(").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(find(address).is_some(), "the style sheet fetches `{address}`, which is not served");
        }
        for name in ["mandate.js", "govuk-frontend.js"] {
            let text = text(name).replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "`{name}` names another host");
        }
    }
}
