//! Who is at the other end of a connection, and what a trusted proxy says of its clients.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, header};
use ipnet::IpNet;

/// The address that a request comes from, as an extension of the request: that of the connection,
/// or behind a trusted proxy that of the proxy's client. A request that is made inside the process
/// has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(IpAddr);

impl Peer {
    /// An IPv4 address that was mapped into IPv6 is itself again.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address itself.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// What limits per address are counted by: an IPv4 address, or the first 64 bits of an IPv6
    /// address, since one customer of a provider has all the addresses behind them.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a trusted proxy says about the request that it passes on, as an extension of the request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarded {
    /// `http` or `https`: how the client reached the proxy.
    pub scheme: Option<&'static str>,
    /// The `Host` that the client sent to the proxy.
    pub host: Option<String>,
}

/// The proxies whose `Forwarded`, `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are
/// believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Proxies in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether none is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the peer is a trusted proxy.
    #[must_use]
    pub fn trust(&self, peer: Peer) -> bool {
        self.0.iter().any(|network| network.contains(&peer.0))
    }

    /// Replaces the [`Peer`] of a request that came through a trusted proxy by the proxy's client,
    /// and puts what else the proxy says beside it as [`Forwarded`].
    pub(crate) fn resolve<B>(&self, request: &mut Request<B>) {
        let Some(proxy) = request.extensions().get::<Peer>().copied() else { return };
        if !self.trust(proxy) {
            return;
        }
        let standard = self.standard(request.headers());
        let common = self.common(request.headers());
        // A proxy writes one kind of header and may let the client's own of the other kind pass.
        // Where both are there and name different clients, neither can be believed.
        if let (Some(one), Some(other)) = (standard.client, common.client)
            && one != other
        {
            return;
        }
        if let Some(client) = common.client.or(standard.client) {
            request.extensions_mut().insert(client);
        }
        let forwarded = Forwarded {
            scheme: common.scheme.or(standard.scheme),
            host: common.host.or(standard.host),
        };
        request.extensions_mut().insert(forwarded);
    }

    /// Reads `Forwarded` (RFC 7239).
    fn standard(&self, headers: &HeaderMap) -> Hop {
        let mut found = Hop::default();
        for element in listed(headers, header::FORWARDED.as_str()).into_iter().rev() {
            let value = |name: &str| {
                let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
                let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
                values.next().map(|(_, value)| value.trim().trim_matches('"'))
            };
            let Some(client) = value("for").and_then(address) else { break };
            found = Hop {
                client: Some(client),
                scheme: value("proto").and_then(scheme),
                host: value("host").and_then(host),
            };
            if !self.trust(client) {
                break;
            }
        }
        found
    }

    /// Reads `X-Forwarded-For` and its siblings.
    fn common(&self, headers: &HeaderMap) -> Hop {
        let mut found = Hop {
            client: None,
            scheme: listed(headers, "x-forwarded-proto").pop().and_then(scheme),
            host: listed(headers, "x-forwarded-host").pop().and_then(host),
        };
        // Each proxy appends the address that it was called from: the last one that is not a
        // trusted proxy itself is the client, and what stands before it is the client's invention.
        for client in listed(headers, "x-forwarded-for").into_iter().rev().map_while(address) {
            found.client = Some(client);
            if !self.trust(client) {
                break;
            }
        }
        found
    }
}

/// What headers say about one step on a request's way.
#[derive(Debug, Default)]
struct Hop {
    client: Option<Peer>,
    scheme: Option<&'static str>,
    host: Option<String>,
}

/// The elements of a header that is a list, over all its lines.
fn listed<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(text: &str) -> Option<Peer> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip())).map(Peer::new)
}

fn scheme(text: &str) -> Option<&'static str> {
    ["https", "http"].into_iter().find(|known| known.eq_ignore_ascii_case(text))
}

fn host(text: &str) -> Option<String> {
    let authority = text.parse::<Authority>().ok()?;
    (!authority.as_str().contains('@')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request from `peer` with these headers: its peer, scheme and host afterwards.
    fn resolved(peer: &str, headers: &[(&str, &str)]) -> (String, Option<&'static str>, String) {
        let networks = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let mut request = Request::new(());
        request.extensions_mut().insert(Peer::new(peer.parse().unwrap()));
        for (name, value) in headers {
            let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        Proxies::new(networks.into()).resolve(&mut request);
        let forwarded = request.extensions().get::<Forwarded>().cloned().unwrap_or_default();
        let peer = request.extensions().get::<Peer>().unwrap().to_string();
        (peer, forwarded.scheme, forwarded.host.unwrap_or_default())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        const FOR: &str = "X-Forwarded-For";
        const PROTO: &str = "X-Forwarded-Proto";
        const HOST: &str = "X-Forwarded-Host";
        const ALL: &str = "Forwarded";
        let full = [(FOR, "192.0.2.7"), (PROTO, "https"), (HOST, "a.example:8443")];
        let https = Some("https");
        for (peer, headers, expected) in [
            ("203.0.113.1", &full[..], ("203.0.113.1", None, "")),
            ("10.0.0.1", &full, ("192.0.2.7", https, "a.example:8443")),
            ("::ffff:10.0.0.1", &full, ("192.0.2.7", https, "a.example:8443")),
            ("::1", &full, ("192.0.2.7", https, "a.example:8443")),
            ("10.0.0.1", &[], ("10.0.0.1", None, "")),
            // What the client has put in front is not believed.
            ("10.0.0.1", &[(FOR, "1.2.3.4, 192.0.2.7")], ("192.0.2.7", None, "")),
            (
                "10.0.0.1",
                &[(FOR, "1.2.3.4"), (FOR, "192.0.2.7, 10.9.9.9")],
                ("192.0.2.7", None, ""),
            ),
            ("10.0.0.1", &[(FOR, "10.1.1.1,10.2.2.2")], ("10.1.1.1", None, "")),
            ("10.0.0.1", &[(FOR, "192.0.2.7:4711")], ("192.0.2.7", None, "")),
            ("10.0.0.1", &[(FOR, "[2001:db8::1]:80")], ("2001:db8::1", None, "")),
            ("10.0.0.1", &[(FOR, "2001:db8::1")], ("2001:db8::1", None, "")),
            ("10.0.0.1", &[(FOR, "192.0.2.7, unknown")], ("10.0.0.1", None, "")),
            ("10.0.0.1", &[(FOR, "192.0.2.7, junk, 10.3.3.3")], ("10.3.3.3", None, "")),
            ("10.0.0.1", &[(PROTO, "gopher"), (HOST, "a b")], ("10.0.0.1", None, "")),
            ("10.0.0.1", &[(HOST, "user@a.example")], ("10.0.0.1", None, "")),
            // RFC 7239.
            (
                "10.0.0.1",
                &[(
                    ALL,
                    "for=1.2.3.4;host=evil, For=\"[2001:db8::1]:80\";Proto=HTTPS;host=a.example",
                )],
                ("2001:db8::1", https, "a.example"),
            ),
            (
                "10.0.0.1",
                &[(ALL, "for=192.0.2.7;proto=https;host=a.example, for=10.2.2.2;proto=http")],
                ("192.0.2.7", https, "a.example"),
            ),
            ("10.0.0.1", &[(ALL, "for=_hidden;proto=https")], ("10.0.0.1", None, "")),
            // Two kinds that disagree.
            ("10.0.0.1", &[(ALL, "for=1.2.3.4"), (FOR, "192.0.2.7")], ("10.0.0.1", None, "")),
            ("10.0.0.1", &[(ALL, "for=192.0.2.7"), (FOR, "192.0.2.7")], ("192.0.2.7", None, "")),
        ] {
            let (peer_then, scheme, host) = expected;
            let expected = (peer_then.to_owned(), scheme, host.to_owned());
            assert_eq!(resolved(peer, headers), expected, "{peer} {headers:?}");
        }
    }

    #[test]
    fn a_customer_is_one_network() {
        let network = |text: &str| Peer::new(text.parse().unwrap()).network().to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
