//! Whither we may talk. Whoever sets a webhook makes this server send requests from where it
//! stands; what it can reach there, and the caller cannot, is none of the caller's business.
//!
//! Checked twice: when an address is set, so that its owner hears of it, and whenever a connection
//! is made, since names change their meaning. The connection goes to the very address that was
//! checked. Redirects are not followed, and no proxy is asked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use url::{Host, Url};

/// Addresses that are nobody's on the public internet. IANA's special-purpose registries.
const SPECIAL: [&str; 29] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // The old way of writing IPv4 in IPv6; unspecified and loopback are in it too.
    "::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "2620:4f:8000::/48",
];

/// Turns a name into addresses.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a host.
    async fn look_up(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The system's resolver. It keeps a thread for each name until it has an answer, even if nobody
/// waits for that any more: hence the places.
#[derive(Debug, Clone)]
pub struct SystemLookup {
    places: Arc<Semaphore>,
}

/// Names that are looked up at a time: far fewer than there are threads, which others need too.
const LOOKUPS_MAX: usize = 64;
/// How long it may take to look up a name when an address is set.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

impl Default for SystemLookup {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn look_up(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(std::io::Error::other)?;
        let host = host.to_owned();
        // A task of its own, so that the place is taken for as long as the thread is.
        let looking = tokio::spawn(async move {
            let addresses = tokio::net::lookup_host((host, 0)).await;
            drop(place);
            Ok(addresses?.map(|address| address.ip()).collect())
        });
        looking.await.map_err(std::io::Error::other)?
    }
}

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Networks that may be reached although they are private.
    pub allow: Vec<IpNet>,
    /// Whether receivers may be reached without TLS, at any port.
    pub allow_http: bool,
}

/// An address that must not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is at {address}, which is not a public address; the operator can allow its network \
     with webhook_allow"
)]
pub struct Forbidden {
    /// The host as it was named.
    pub host: String,
    /// Where it is.
    pub address: IpAddr,
}

impl Rules {
    /// Those of a sandbox: everything may be reached, since everything is the developer's own.
    #[must_use]
    pub fn sandbox() -> Self {
        let everything = ["0.0.0.0/0", "::/0"].map(network);
        Self { allow: everything.to_vec(), allow_http: true }
    }

    /// Whether an address may be reached.
    #[must_use]
    pub fn permit(&self, address: IpAddr) -> bool {
        let address = unwrapped(address);
        let special = SPECIAL.into_iter().map(network);
        self.allow.iter().any(|allowed| allowed.contains(&address))
            || !special.into_iter().any(|special| special.contains(&address))
    }

    /// Whether the host of an address may be reached, as far as that can be said without asking
    /// anybody: where it is written as an IP address.
    pub fn check_literal(&self, url: &Url) -> Result<(), Forbidden> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.permit(address) {
            return Ok(());
        }
        Err(Forbidden { host: url.host_str().unwrap_or_default().to_owned(), address })
    }

    /// Those of a host's addresses that may be reached; an error where there are only others.
    fn permitted(&self, host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Forbidden> {
        let (permitted, forbidden): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| self.permit(*address));
        match forbidden.first() {
            Some(address) if permitted.is_empty() => {
                Err(Forbidden { host: host.to_owned(), address: *address })
            }
            _ => Ok(permitted),
        }
    }
}

#[expect(clippy::expect_used, reason = "constants of this file, all of them covered by a test")]
fn network(text: &str) -> IpNet {
    text.parse().expect("a network")
}

/// The IPv4 address that an IPv6 address stands for, where it stands for one.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return IpAddr::V4(four);
    }
    match six.segments() {
        // Translated on the way (RFC 6052): whoever allows the translator means the address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let bits = (u32::from(high) << 16) | u32::from(low);
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        _ => address,
    }
}

/// Looks names up and lets no forbidden address through.
#[derive(Clone)]
pub struct Guard {
    rules: Arc<Rules>,
    lookup: Arc<dyn Lookup>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Guard {
    /// Puts a resolver behind the rules.
    #[must_use]
    pub fn new(rules: Rules, lookup: Arc<dyn Lookup>) -> Self {
        Self { rules: Arc::new(rules), lookup }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether an address may be reached, as things are now. A name that nobody knows is nobody's
    /// secret: whether it can be reached will be seen.
    pub async fn check(&self, url: &Url) -> Result<(), Forbidden> {
        self.rules.check_literal(url)?;
        if let Some(Host::Domain(host)) = url.host()
            && let Ok(Ok(addresses)) =
                tokio::time::timeout(CHECK_TIMEOUT, self.lookup.look_up(host)).await
        {
            self.rules.permitted(host, addresses)?;
        }
        Ok(())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { rules, lookup } = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let addresses = lookup.look_up(&host).await?;
            let permitted = rules.permitted(&host, addresses)?;
            // Port 0 stands for the one in the address.
            let addresses = permitted.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(rules: &Rules, address: &str) -> bool {
        rules.permit(address.parse().unwrap())
    }

    #[test]
    fn what_is_not_public_is_not_reached() {
        let rules = Rules::default();
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!permits(&rules, private), "{private}");
        }
        for public in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(permits(&rules, public), "{public}");
        }
    }

    #[test]
    fn the_operator_can_allow_a_network() {
        let rules = Rules { allow: vec![network("10.0.0.0/8")], allow_http: false };
        assert!(permits(&rules, "10.1.2.3") && permits(&rules, "::ffff:10.1.2.3"));
        assert!(!permits(&rules, "192.168.0.1"));
        assert!(permits(&Rules::sandbox(), "127.0.0.1") && permits(&Rules::sandbox(), "::1"));
    }

    #[test]
    fn a_literal_in_any_notation_is_seen_through() {
        let rules = Rules::default();
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://0/",
        ] {
            assert!(rules.check_literal(&url.parse().unwrap()).is_err(), "{url}");
        }
        assert!(rules.check_literal(&"https://example.com/".parse().unwrap()).is_ok());
        assert!(rules.check_literal(&"https://1.1.1.1/".parse().unwrap()).is_ok());
    }
}
