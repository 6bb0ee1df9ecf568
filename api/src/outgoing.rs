//! What requests to other servers have in common: whom they believe, how they are connected to, and how a failure is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests over connections that are used again; redirects are not followed.
pub type Pooled<R> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// Whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub enum Authorities {
    /// Those of the public authorities.
    #[default]
    Public,
    /// Those of authorities of one's own as well.
    AndOwn(Box<ClientConfig>),
}

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("ca_file: {path}: {reason}; expected the certificate of your certificate authority, in PEM")]
pub struct AuthoritiesError {
    path: PathBuf,
    reason: String,
}

impl Authorities {
    /// The public ones, and those of a file beside them, where one is named.
    ///
    /// # Errors
    /// [`AuthoritiesError`] for a file that cannot be read, or holds no certificate of an authority.
    pub fn public_and(ca_file: Option<&Path>) -> Result<Self, AuthoritiesError> {
        let Some(path) = ca_file else { return Ok(Self::Public) };
        let wrong = |reason: String| AuthoritiesError { path: path.to_owned(), reason };
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let mut own = 0;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            own += 1;
        }
        if own == 0 {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self::AndOwn(Box::new(config.with_root_certificates(roots).with_no_client_auth())))
    }
}

/// Connects over TLS with the authorities, or in clear where an address says so.
pub fn pooled<R>(mut connector: HttpConnector<R>, authorities: &Authorities) -> Pooled<R>
where
    HttpsConnector<HttpConnector<R>>: Connect + Clone,
{
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new();
    let builder = match authorities {
        Authorities::Public => builder.with_webpki_roots(),
        Authorities::AndOwn(config) => builder.with_tls_config(ClientConfig::clone(config)),
    };
    let secured = builder.https_or_http().enable_http1().wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2)
        .build(secured)
}

/// The innermost reason, which says most: a refused connection, a certificate, a name.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    mandate_domain::fact::shortened(&innermost.to_string())
}
