//! What is asked of the issuer over HTTP: bounded in time and size, redirects not followed.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;

use crate::outgoing::{Authorities, Pooled, innermost, pooled};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 512 << 10;

/// Why the issuer did not answer as it should. Never holds what it said, which may be a token.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It cannot be reached.
    #[error("{at}: {reason}")]
    Unreachable {
        /// The address.
        at: String,
        /// Why.
        reason: String,
    },
    /// It answered otherwise.
    #[error("{at}: it answered {status}")]
    Refused {
        /// The address.
        at: String,
        /// The status.
        status: StatusCode,
    },
}

/// Asks the issuer.
#[derive(Debug, Clone)]
pub struct Fetch(Pooled<GaiResolver>);

impl Fetch {
    /// Asks over TLS with the authorities, or in clear where an address says so.
    #[must_use]
    pub fn new(authorities: &Authorities) -> Self {
        Self(pooled(HttpConnector::new(), authorities))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`FetchError`] for any other answer than 200.
    pub async fn get(&self, at: &Uri) -> Result<Bytes, FetchError> {
        self.exchange(at, Request::get(at).body(Full::new(Bytes::new()))).await
    }

    /// Sends a form; `authorization` is the header of that name.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(
        &self,
        at: &Uri,
        authorization: Option<&str>,
        form: String,
    ) -> Result<Bytes, FetchError> {
        let mut request = Request::post(at).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.exchange(at, request.body(Full::new(Bytes::from(form)))).await
    }

    async fn exchange(
        &self,
        at: &Uri,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<Bytes, FetchError> {
        let unreachable = |reason: String| FetchError::Unreachable { at: at.to_string(), reason };
        let mut request = request.map_err(|error| unreachable(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, hyper::header::HeaderValue::from_static("application/json"));
        let agent = concat!("mandate/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, hyper::header::HeaderValue::from_static(agent));
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| unreachable(innermost(&error)))?;
            let status = response.status();
            if status != StatusCode::OK {
                return Err(FetchError::Refused { at: at.to_string(), status });
            }
            let read = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
            read.map(http_body_util::Collected::to_bytes)
                .map_err(|_| unreachable("its answer broke off or is too long".to_owned()))
        };
        tokio::time::timeout(ANSWER, exchange)
            .await
            .unwrap_or_else(|_| Err(unreachable(format!("no answer within {} s", ANSWER.as_secs()))))
    }
}
