//! Who sends a request, as far as the network tells: the other end of the connection, or whom a trusted proxy names.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use super::app::App;

/// The header in which a proxy names whom it speaks for.
const FORWARDED: &str = "x-forwarded-for";

/// The other end of a connection, which the listener puts beside each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The proxies that are believed when they say for whom they speak; none unless they are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

/// The address that a request comes from; what is counted for each client is counted for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl Proxies {
    /// Reads addresses (`10.0.0.5`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// In words, naming the one that is neither.
    pub fn parse(stated: &[String]) -> Result<Self, String> {
        let read = |text: &String| {
            let net = text.parse::<IpNet>().ok();
            net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).ok_or_else(|| {
                format!("trusted_proxies: `{text}`: expected an address such as 10.0.0.5, or a network such as 10.0.0.0/8")
            })
        };
        stated.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is that of a trusted proxy.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address.to_canonical()))
    }

    /// Where a request comes from: the last address that no trusted proxy stands at. What is named before it may be
    /// anybody's invention.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut from = peer;
        let lines: Vec<&str> =
            headers.get_all(FORWARDED).iter().filter_map(|line| line.to_str().ok()).collect();
        let mut named = lines.iter().rev().flat_map(|line| line.rsplit(','));
        while self.holds(from) {
            let Some(next) = named.next().and_then(|text| text.trim().parse().ok()) else { break };
            from = next;
        }
        ClientAddress::of(from)
    }
}

impl ClientAddress {
    /// An address: one of IPv6 by its network of 64 bits, of which one client has all.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
            four @ IpAddr::V4(_) => four,
        })
    }
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(client_of(app, &parts.extensions, &parts.headers))
    }
}

/// Where a request comes from; one that came over no connection was made in this process.
pub fn client_of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> ClientAddress {
    let peer = extensions.get::<Peer>().map_or(IpAddr::V6(Ipv6Addr::LOCALHOST), |peer| peer.0);
    app.proxies.client(peer, headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, named: &[&str]) -> String {
        let stated: Vec<String> = proxies.iter().map(|text| (*text).to_owned()).collect();
        let mut headers = HeaderMap::new();
        for line in named {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        Proxies::parse(&stated).unwrap().client(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_named_as_a_proxy() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn a_proxy_names_the_last_address_and_what_stands_before_it_is_not_believed() {
        let proxies = ["10.0.0.0/8", "192.0.2.9"];
        assert_eq!(client(&proxies, "10.1.2.3", &["203.0.113.5, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&proxies, "10.1.2.3", &["203.0.113.5", "198.51.100.7, 192.0.2.9"]), "198.51.100.7");
        assert_eq!(client(&proxies, "::ffff:10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn a_proxy_that_names_nobody_is_itself_the_client() {
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &["unknown"]), "10.1.2.3");
    }

    #[test]
    fn a_client_of_ipv6_is_known_by_its_network() {
        assert_eq!(client(&[], "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
    }

    #[test]
    fn what_is_no_address_is_named() {
        let told = Proxies::parse(&["10.0.0.0/99".to_owned()]).unwrap_err();
        assert!(told.contains("10.0.0.0/99") && told.contains("10.0.0.0/8"), "{told}");
    }
}
