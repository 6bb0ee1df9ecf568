//! Which addresses are called: public ones by `https`, and hosts that the configuration names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;

/// Longest address, in bytes.
const MAX_BYTES: usize = 2_000;

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It cannot be read.
    #[error("`url`: expected an address such as \"https://example.gov.uk/hooks\"")]
    Form,
    /// It is too long.
    #[error("`url`: longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is not protected.
    #[error(
        "`url`: expected `https`; `http` is for hosts that the configuration names under [webhooks] hosts"
    )]
    Plain,
    /// It is not among those that may be called.
    #[error("`url`: in the demonstration only this machine is called")]
    NotNamed,
    /// It holds a user or password.
    #[error("`url`: no user or password stands in it; the signature shows who sends")]
    UserInfo,
    /// It leads into this machine or a private network.
    #[error(
        "`url`: `{0}` is this machine or in a private network; where that is meant, the configuration names the host \
         under [webhooks] hosts"
    )]
    Private(String),
}

/// Hosts that are called although they are on this machine or in a private network, and also by `http`.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    named: Vec<String>,
    only: bool,
}

impl Addresses {
    /// Public addresses, and the hosts that are named.
    #[must_use]
    pub fn public_and(named: &[String]) -> Self {
        Self { named: named.iter().map(|host| host.to_ascii_lowercase()).collect(), only: false }
    }

    /// The hosts that are named and no others.
    #[must_use]
    pub fn only(named: &[String]) -> Self {
        Self { only: true, ..Self::public_and(named) }
    }

    /// Whether a host is named.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(bare(host)))
    }

    /// Reads an address that may be called. Names are looked up when it is called, and held against the same rule.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn read(&self, text: &str) -> Result<Uri, AddressError> {
        if text.len() > MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        let uri: Uri = text.parse().map_err(|_| AddressError::Form)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(AddressError::Form);
        };
        if authority.as_str().contains('@') {
            return Err(AddressError::UserInfo);
        }
        let host = authority.host();
        if host.is_empty() || text.contains('#') || !["http", "https"].contains(&scheme) {
            return Err(AddressError::Form);
        }
        if self.names(host) {
            return Ok(uri);
        }
        if self.only {
            return Err(AddressError::NotNamed);
        }
        if bare(host).parse::<IpAddr>().is_ok_and(|address| !is_public(address)) || is_here(host) {
            return Err(AddressError::Private(host.to_owned()));
        }
        if scheme != "https" {
            return Err(AddressError::Plain);
        }
        Ok(uri)
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_here(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

const fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(a == 0
        || v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || v4.is_multicast()
        || a >= 240
        // Shared address space, protocol assignments, benchmarks.
        || (a == 100 && b >= 64 && b < 128)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [first, second, third, ..] = v6.segments();
    let [.., high, low] = v6.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    match first {
        // NAT64 and 6to4 lead to the address of version 4 inside.
        0x0064 if second == 0xff9b => embedded(high, low),
        0x2002 => embedded(second, third),
        // Documentation, Teredo and others of 2001::/23 are no hosts of the internet.
        0x2001 => second >= 0x0200 && second != 0x0db8,
        // Only 2000::/3 is given out.
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_private_networks_are_not_public() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1", true),
            ("::1", false),
            ("::", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn only_public_https_is_called_unless_the_host_is_named() {
        let usual = Addresses::default();
        assert!(usual.read("https://example.gov.uk/hooks?a=b").is_ok());
        for (wrong, why) in [
            ("http://example.gov.uk/", AddressError::Plain),
            ("https://u:p@example.gov.uk/", AddressError::UserInfo),
            ("https://127.0.0.1/", AddressError::Private("127.0.0.1".to_owned())),
            ("https://[::1]:8443/", AddressError::Private("[::1]".to_owned())),
            ("https://localhost/", AddressError::Private("localhost".to_owned())),
            ("https://a.LOCALHOST./", AddressError::Private("a.LOCALHOST.".to_owned())),
            ("ftp://example.gov.uk/", AddressError::Form),
            ("/hooks", AddressError::Form),
            ("", AddressError::Form),
        ] {
            assert_eq!(usual.read(wrong).unwrap_err(), why, "{wrong}");
        }
        let named = Addresses::public_and(&["127.0.0.1".to_owned(), "::1".to_owned()]);
        assert!(named.read("http://127.0.0.1:9000/").is_ok());
        assert!(named.read("http://[::1]:9000/").is_ok());
        assert!(named.read("http://127.0.0.2:9000/").is_err());
    }
}
