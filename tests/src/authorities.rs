//! Servers whose certificates are of an authority of one's own: believed where the configuration names it, and nowhere else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use mandate_api::outgoing::Authorities;
use mandate_api::sign_in::{SignIn, SignInSettings};
use mandate_api::webhooks::{Addresses, Webhooks};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::at;

const NOW: &str = "2026-03-03T09:00:00Z";

/// An authority, and a certificate of it for this machine.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        authority.openssl(
            &[
                &["req", "-x509"],
                &key[..],
                &["-keyout", "ca.key", "-out", "ca.pem"],
                &["-days", "3650", "-subj", "/CN=An authority of our own"],
            ]
            .concat(),
        );
        authority.openssl(
            &[
                &["req"],
                &key[..],
                &["-keyout", "key.pem", "-out", "request.pem"],
                &["-subj", "/CN=localhost"],
            ]
            .concat(),
        );
        std::fs::write(authority.path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
        authority.openssl(&[
            "x509",
            "-req",
            "-in",
            "request.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-days",
            "3650",
            "-extfile",
            "names",
            "-out",
            "certificate.pem",
        ]);
        authority
    }

    fn openssl(&self, arguments: &[&str]) {
        let run = Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server on this machine that answers each request as `answer` says of its first line.
    async fn serve(&self, answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> String {
        let certificates = CertificateDer::pem_file_iter(self.path("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates.map(Result::unwrap).collect(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (own, answer) = (base.clone(), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, own, answer) = (acceptor.clone(), own.clone(), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut bytes = vec![0; 16 << 10];
                    let read = stream.read(&mut bytes).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                    let body = answer(text.lines().next().unwrap_or_default(), &own);
                    let head = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        base
    }
}

fn sign_in(issuer: &str, ca_file: Option<PathBuf>) -> SignIn {
    let settings = SignInSettings { ca_file, ..SignInSettings::new(issuer, "mandate") };
    SignIn::new(settings, "http://localhost:8080").unwrap()
}

#[tokio::test]
async fn an_issuer_whose_certificate_is_of_ones_own_authority_is_believed_where_it_is_named() {
    let authority = Authority::new();
    let issuer = authority
        .serve(|line, own| {
            if line.contains("openid-configuration") {
                json!({"issuer": own, "authorization_endpoint": format!("{own}/authorize"),
                       "token_endpoint": format!("{own}/token"), "jwks_uri": format!("{own}/keys")})
                .to_string()
            } else {
                let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
                json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "1", "x": x}]})
                    .to_string()
            }
        })
        .await;
    let refused = sign_in(&issuer, None).leave("/", at(NOW)).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    let (_, to) = sign_in(&issuer, Some(authority.path("ca.pem"))).leave("/", at(NOW)).await.unwrap();
    assert!(to.starts_with(&format!("{issuer}/authorize?")), "{to}");
    // Another authority of one's own is not this one.
    let other = Authority::new();
    assert!(sign_in(&issuer, Some(other.path("ca.pem"))).leave("/", at(NOW)).await.is_err());
}

#[tokio::test]
async fn so_is_the_receiver_of_a_webhook() {
    let authority = Authority::new();
    let receiver = authority.serve(|_, _| String::new()).await.replace("localhost", "127.0.0.1");
    let server = crate::webhooks::server().await;
    let body = json!({"url": format!("{receiver}/hooks"), "after": 0});
    crate::webhooks::subscribe(&server, body).await;
    let addresses = || Addresses::public_and(&["127.0.0.1".to_owned()]);
    let pass = async |authorities: &Authorities| {
        Webhooks::believing(server.store.clone(), server.clock.clone(), addresses(), authorities).pass().await
    };
    let passed = pass(&Authorities::Public).await;
    assert_eq!((passed.accepted, passed.failing), (0, 1));
    server.advance("2026-03-03T12:00:00Z");
    let passed = pass(&Authorities::public_and(Some(&authority.path("ca.pem"))).unwrap()).await;
    assert!(passed.accepted > 0 && passed.failing == 0, "{passed:?}");
}

#[test]
fn a_file_that_holds_no_authority_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| Authorities::public_and(Some(path)).unwrap_err().to_string();
    let path = folder.path().join("ca.pem");
    assert!(told(&path).contains("ca.pem"), "{}", told(&path));
    std::fs::write(&path, "no certificate\n").unwrap();
    assert!(told(&path).contains("in PEM"), "{}", told(&path));
}
