//! The way out: one request, no redirects, a bound on time and on what is read of the answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use super::address::{Addresses, is_public};
use crate::outgoing::{Authorities, Pooled, innermost, pooled};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read, so that the connection can be used again.
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// The longest pause that a receiver may ask for.
const LONGEST_PAUSE_SECONDS: i64 = 3_600;

/// One message as it is sent.
pub struct Message {
    /// Its id, the same however often it is sent.
    pub id: String,
    /// Seconds since 1970 of this attempt.
    pub timestamp: i64,
    /// The signature.
    pub signature: String,
    /// The CloudEvent.
    pub body: Bytes,
}

/// What an address made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Any 2xx.
    Accepted(StatusCode),
    /// 410: it wants no more.
    Gone,
    /// Anything else.
    Failed {
        /// In words.
        why: String,
        /// Seconds that the receiver asks to be left alone.
        pause_seconds: Option<i64>,
    },
}

/// Sends messages.
pub struct Client(Pooled<Resolver>);

impl Client {
    pub fn new(addresses: Addresses, authorities: &Authorities) -> Self {
        Self(pooled(HttpConnector::new_with_resolver(Resolver(addresses)), authorities))
    }

    /// Sends one message and hears what is made of it.
    pub async fn send(&self, to: &Uri, message: Message) -> Answer {
        let request = match request(to, message) {
            Ok(request) => request,
            Err(error) => return failed(error.to_string()),
        };
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| innermost(&error))?;
            let (status, pause) = (response.status(), pause(response.headers().get(RETRY_AFTER)));
            // What it says does not matter; read, the connection can be used again.
            drop(Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await);
            Ok((status, pause))
        };
        match tokio::time::timeout(ANSWER, exchange).await {
            Err(_) => failed(format!("no answer within {} s", ANSWER.as_secs())),
            Ok(Err(why)) => failed(why),
            Ok(Ok((status, _))) if status.is_success() => Answer::Accepted(status),
            Ok(Ok((StatusCode::GONE, _))) => Answer::Gone,
            Ok(Ok((status, _))) if status.is_redirection() => {
                failed(format!("it answered {}; redirects are not followed", status.as_u16()))
            }
            Ok(Ok((status, pause_seconds))) => {
                Answer::Failed { why: format!("it answered {}", status.as_u16()), pause_seconds }
            }
        }
    }
}

fn failed(why: String) -> Answer {
    Answer::Failed { why, pause_seconds: None }
}

fn request(to: &Uri, message: Message) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    Request::builder()
        .method(Method::POST)
        .uri(to)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json; charset=utf-8"))
        .header(USER_AGENT, HeaderValue::from_static(concat!("mandate/", env!("CARGO_PKG_VERSION"))))
        .header("webhook-id", message.id)
        .header("webhook-timestamp", message.timestamp)
        .header("webhook-signature", message.signature)
        .body(Full::new(message.body))
}

fn pause(stated: Option<&HeaderValue>) -> Option<i64> {
    let seconds: i64 = stated?.to_str().ok()?.trim().parse().ok()?;
    (seconds > 0).then_some(seconds.min(LONGEST_PAUSE_SECONDS))
}

/// Looks names up, and leaves out what is not public unless the host is named.
#[derive(Debug, Clone)]
pub struct Resolver(Addresses);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let named = self.0.names(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| named || is_public(address.ip())).collect();
            if allowed.is_empty() {
                let why = format!(
                    "`{}` leads to this machine or a private network, and the configuration does not name it",
                    name.as_str()
                );
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            Ok(allowed.into_iter())
        })
    }
}
