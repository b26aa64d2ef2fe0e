//! Which addresses this server may send requests to. Whoever sets a webhook makes this server send
//! requests from where it stands; what it can reach there, and the caller cannot, is none of the
//! caller's business.
//!
//! Checked twice: when an address is set, so that its owner hears of it, and whenever a connection
//! is made, since names change their meaning. The connection goes to the very address that was
//! checked. Redirects are not followed, and no proxy is asked.
//!
//! Answers never say where a name leads: the log does.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::lookup::Lookup;
use crate::runtime::Runtime;

/// Addresses that are nobody's on the public internet: every entry of IANA's special-purpose
/// registries, also those that are reachable, since none of them is a receiver's; multicast and what
/// is deprecated; and what clouds answer at inside their networks, although it looks public.
static SPECIAL: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let special = [
        // IPv4 special-purpose address registry.
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        // IPv6 special-purpose address registry, as far as it lies in the global unicast space.
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
        // Multicast.
        "224.0.0.0/4",
        // Azure: the host of a virtual machine (DHCP, DNS, its agent's certificates and secrets).
        "168.63.129.16/32",
        // Google Cloud: private and restricted access to its APIs.
        "199.36.153.4/30",
        "199.36.153.8/30",
        "2600:2d00:2:1000::/56",
        "2600:2d00:2:2000::/56",
        // IBM Cloud: endpoints of its infrastructure and its services.
        "161.26.0.0/16",
        "166.8.0.0/14",
    ];
    special.map(network).to_vec()
});

/// What is assigned to anybody at all in IPv6 (RFC 4291). Everything else is loopback, local,
/// multicast, an embedded IPv4 address, or nobody's yet.
static GLOBAL_UNICAST: LazyLock<IpNet> = LazyLock::new(|| network("2000::/3"));

/// How long a look-up may take, waiting for its turn included. Ours.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Names that are looked up at a time for one account, so that dead names delay nobody else. Ours.
pub(super) const LOOKUPS_PER_ACCOUNT: usize = 8;
/// Names that are looked up at a time: so many shares are in use before accounts wait for each
/// other. A look-up has up to four sockets. Ours.
pub(super) const LOOKUPS_MAX: usize = 32 * LOOKUPS_PER_ACCOUNT;

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Networks that may be reached although they are private.
    pub allow: Vec<IpNet>,
    /// Whether receivers may be reached without TLS, at any port.
    pub allow_http: bool,
}

/// A host that must not be reached. Where it is, its caller does not learn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is not allowed (the operator can allow its network with webhook_allow)")]
pub struct Forbidden {
    /// The host as it was named.
    pub host: String,
}

impl Forbidden {
    /// Writes the address down, for the operator alone.
    fn logged(host: &str, address: IpAddr) -> Self {
        tracing::warn!(host, %address, "a receiver's address is not allowed by webhook_allow");
        Self { host: host.to_owned() }
    }
}

impl Rules {
    /// Those of a sandbox: everything may be reached, since everything is the developer's own.
    #[must_use]
    pub fn sandbox() -> Self {
        let everything = ["0.0.0.0/0", "::/0"].map(network);
        Self { allow: everything.to_vec(), allow_http: true }
    }

    /// Whether an address may be reached. Where IPv4 addresses are embedded in it, so must they be.
    #[must_use]
    pub fn permit(&self, address: IpAddr) -> bool {
        let address = translated(address);
        let allowed = self.allow.iter().any(|allowed| allowed.contains(&address));
        (allowed || is_public(address)) && embedded(address).all(|four| self.permit(four))
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
        Err(Forbidden::logged(url.host_str().unwrap_or_default(), address))
    }

    /// Those of a host's addresses that may be reached; an error where there are only others.
    fn permitted(&self, host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Forbidden> {
        let (permitted, forbidden): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| self.permit(*address));
        match forbidden.first() {
            Some(address) if permitted.is_empty() => Err(Forbidden::logged(host, *address)),
            _ => Ok(permitted),
        }
    }
}

#[expect(clippy::expect_used, reason = "constants of this file, all of them covered by a test")]
fn network(text: &str) -> IpNet {
    text.parse().expect("a network")
}

/// Whether an address is somebody's on the public internet.
fn is_public(address: IpAddr) -> bool {
    (address.is_ipv4() || GLOBAL_UNICAST.contains(&address))
        && !SPECIAL.iter().any(|special| special.contains(&address))
}

/// The IPv4 address that an IPv6 address is only another way to write, or that a translator on the
/// way makes of it: whoever allows the translator means the address.
fn translated(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    match six.segments() {
        // Mapped (RFC 4291), and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            four(high, low)
        }
        _ => address,
    }
}

/// The IPv4 addresses to which a gateway or a tunnel may take what is sent to an IPv6 address.
fn embedded(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let six = match address {
        IpAddr::V6(six) => six,
        IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
    };
    let own = six.is_unspecified() || six.is_loopback();
    let at = six.segments();
    let teredo = at[..2] == [0x2001, 0];
    [
        // IPv4-compatible (RFC 4291, deprecated).
        (at[..6] == [0; 6] && !own, at[6], at[7]),
        // Translated (RFC 2765).
        (at[..6] == [0, 0, 0, 0, 0xffff, 0], at[6], at[7]),
        // NAT64's prefix for local use (RFC 8215).
        (at[..3] == [0x64, 0xff9b, 1], at[6], at[7]),
        // 6to4 (RFC 3056).
        (at[0] == 0x2002, at[1], at[2]),
        // Teredo (RFC 4380): the server, and the client behind its NAT.
        (teredo, at[2], at[3]),
        (teredo, !at[6], !at[7]),
        // ISATAP (RFC 5214), below any prefix.
        (at[4] & !0x200 == 0 && at[5] == 0x5efe, at[6], at[7]),
    ]
    .into_iter()
    .filter(|(applies, ..)| *applies)
    .map(|(_, high, low)| four(high, low))
}

fn four(high: u16, low: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
}

/// Looks names up for one account and lets no forbidden address through.
#[derive(Clone)]
pub struct Guard {
    runtime: Runtime,
    rules: Arc<Rules>,
    lookup: Arc<dyn Lookup>,
    /// The places of all accounts together.
    places: Arc<Semaphore>,
    /// The account's own.
    share: Arc<Semaphore>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Guard {
    /// Puts a resolver behind the rules. `places` is shared by all accounts.
    pub(super) fn new(
        runtime: Runtime,
        rules: Arc<Rules>,
        lookup: Arc<dyn Lookup>,
        places: Arc<Semaphore>,
    ) -> Self {
        let share = Arc::new(Semaphore::new(LOOKUPS_PER_ACCOUNT));
        Self { runtime, rules, lookup, places, share }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether an address may be reached, as things are now. Of a name that nobody knows, or that
    /// cannot be looked up in time, nothing can be said yet: it is looked up again when it is used.
    pub async fn check(&self, url: &Url) -> Result<(), Forbidden> {
        self.rules.check_literal(url)?;
        if let Some(Host::Domain(host)) = url.host()
            && let Ok(addresses) = self.look_up(host).await
        {
            self.rules.permitted(host, addresses)?;
        }
        Ok(())
    }

    /// Looks a name up within the account's share.
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let looking = async {
            let _share = self.share.acquire().await.map_err(io::Error::other)?;
            let _place = self.places.acquire().await.map_err(io::Error::other)?;
            self.lookup.look_up(host).await
        };
        let late = || {
            let secs = LOOKUP_TIMEOUT.as_secs();
            let why = format!("the name could not be looked up within {secs} s");
            io::Error::new(io::ErrorKind::TimedOut, why)
        };
        self.runtime.timeout(LOOKUP_TIMEOUT, looking).await.unwrap_or_else(|_| Err(late()))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let addresses = guard.look_up(host).await?;
            let permitted = guard.rules.permitted(host, addresses)?;
            // Port 0 stands for the one in the address.
            let addresses = permitted.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    fn permits(rules: &Rules, address: &str) -> bool {
        rules.permit(address.parse().unwrap())
    }

    /// Both registries of IANA, entry by entry, without the two of IPv6 that stand for IPv4
    /// addresses: `::ffff:0:0/96` and `64:ff9b::/96`.
    const REGISTRIES: [(&str, &str); 52] = [
        ("0.0.0.0/8", "\"this network\""),
        ("0.0.0.0/32", "\"this host on this network\""),
        ("10.0.0.0/8", "private use"),
        ("100.64.0.0/10", "shared address space"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link local"),
        ("172.16.0.0/12", "private use"),
        ("192.0.0.0/24", "IETF protocol assignments"),
        ("192.0.0.0/29", "IPv4 service continuity"),
        ("192.0.0.8/32", "IPv4 dummy address"),
        ("192.0.0.9/32", "port control protocol anycast"),
        ("192.0.0.10/32", "TURN anycast"),
        ("192.0.0.170/32", "NAT64/DNS64 discovery"),
        ("192.0.0.171/32", "NAT64/DNS64 discovery"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112-v4"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "deprecated 6to4 relay anycast"),
        ("192.88.99.2/32", "6a44 relay anycast"),
        ("192.168.0.0/16", "private use"),
        ("192.175.48.0/24", "direct delegation AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("240.0.0.0/4", "reserved"),
        ("255.255.255.255/32", "limited broadcast"),
        ("::1/128", "loopback"),
        ("::/128", "unspecified"),
        ("64:ff9b:1::/48", "IPv4-IPv6 translation, local use"),
        ("100::/64", "discard only"),
        ("100:0:0:1::/64", "dummy prefix"),
        ("2001::/23", "IETF protocol assignments"),
        ("2001::/32", "Teredo"),
        ("2001:1::1/128", "port control protocol anycast"),
        ("2001:1::2/128", "TURN anycast"),
        ("2001:1::3/128", "DNS-SD service registration anycast"),
        ("2001:2::/48", "benchmarking"),
        ("2001:3::/32", "AMT"),
        ("2001:4:112::/48", "AS112-v6"),
        ("2001:10::/28", "deprecated ORCHID"),
        ("2001:20::/28", "ORCHIDv2"),
        ("2001:30::/28", "drone remote ID"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "direct delegation AS112"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local unicast"),
        // No entries of the registries, and nobody's either.
        ("fec0::/10", "site-local, deprecated"),
        ("ff00::/8", "multicast"),
        ("224.0.0.0/4", "multicast"),
    ];

    #[test]
    fn no_entry_of_the_registries_is_reached() {
        let rules = Rules::default();
        for (entry, name) in REGISTRIES {
            let network: IpNet = entry.parse().unwrap();
            for address in [network.network(), network.broadcast()] {
                assert!(!rules.permit(address), "{address} of {entry}, {name}");
            }
        }
    }

    #[test]
    fn what_is_not_public_is_not_reached() {
        let rules = Rules::default();
        for private in [
            // Addresses of clouds that look public.
            "168.63.129.16",
            "199.36.153.4",
            "199.36.153.11",
            "2600:2d00:2:1000::1",
            "2600:2d00:2:2000::1",
            "161.26.0.10",
            "166.8.0.1",
            "fd00:ec2::254",
            // What nobody has been given yet.
            "4000::1",
            "200::1",
            "1::1",
            // IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo's server and client,
            // ISATAP.
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "::ffff:0:7f00:1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:1:1234::10.0.0.1",
            "2002:7f00:1::",
            "2001:0:7f00:1::1",
            "2001:0:101:101::80ff:fffe",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:127.0.0.1",
            // In deprecated notations, public addresses are refused as well.
            "::1.1.1.1",
            "::ffff:0:1.1.1.1",
            "2002:101:101::",
        ] {
            assert!(!permits(&rules, private), "{private}");
        }
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "168.63.129.15",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2606:4700::5efe:1.1.1.1",
            "2600:2d00:1::1",
        ] {
            assert!(permits(&rules, public), "{public}");
        }
    }

    #[test]
    fn the_operator_can_allow_a_network() {
        let rules = Rules { allow: vec![network("10.0.0.0/8")], allow_http: false };
        assert!(permits(&rules, "10.1.2.3") && permits(&rules, "::ffff:10.1.2.3"));
        assert!(permits(&rules, "64:ff9b::10.1.2.3"));
        assert!(!permits(&rules, "192.168.0.1"));
        for all in ["127.0.0.1", "::1", "::", "fd00::1", "2002:7f00:1::", "168.63.129.16"] {
            assert!(permits(&Rules::sandbox(), all), "{all}");
        }
    }

    /// Whoever allows a tunnel does not allow what lies behind it.
    #[test]
    fn what_is_embedded_has_to_be_allowed_as_well() {
        let tunnel = Rules { allow: vec![network("2002::/16")], allow_http: false };
        assert!(permits(&tunnel, "2002:101:101::1"));
        assert!(!permits(&tunnel, "2002:a01:203::1"));
        let both =
            Rules { allow: vec![network("2002::/16"), network("10.0.0.0/8")], allow_http: false };
        assert!(permits(&both, "2002:a01:203::1"));
        assert!(!permits(&both, "2002:a01:203::5efe:127.0.0.1"));
        assert!(!permits(&both, "::10.1.2.3"));
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
            "https://[::ffff:0:7f00:1]/",
            "https://168.63.129.16/",
            "https://0/",
        ] {
            assert!(rules.check_literal(&url.parse().unwrap()).is_err(), "{url}");
        }
        assert!(rules.check_literal(&"https://example.com/".parse().unwrap()).is_ok());
        assert!(rules.check_literal(&"https://1.1.1.1/".parse().unwrap()).is_ok());
    }

    #[test]
    fn where_a_host_is_remains_unsaid() {
        let rules = Rules::default();
        let refused = rules.permitted("inside.example", vec!["10.1.2.3".parse().unwrap()]);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "inside.example is not allowed (the operator can allow its network with webhook_allow)"
        );
    }

    /// Never finds anything, and counts who waits.
    #[derive(Default)]
    struct Silent(Arc<()>);

    #[async_trait]
    impl Lookup for Silent {
        async fn look_up(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            let _waiting = Arc::clone(&self.0);
            std::future::pending().await
        }
    }

    fn guard(lookup: Arc<dyn Lookup>) -> Guard {
        let places = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Guard::new(Runtime::system(), Arc::default(), lookup, places)
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_up_that_takes_too_long_is_given_up() {
        let waiting = Arc::new(());
        let guard = guard(Arc::new(Silent(Arc::clone(&waiting))));
        let begun = guard.runtime.instant();
        let late = guard.look_up("dead.example").await.unwrap_err();
        assert_eq!(late.to_string(), "the name could not be looked up within 5 s");
        assert_eq!(guard.runtime.elapsed(begun), LOOKUP_TIMEOUT);
        assert_eq!(Arc::strong_count(&waiting), 2, "nobody looks for it any more");
    }

    /// A share is given back by whoever goes away.
    #[tokio::test(start_paused = true)]
    async fn a_look_up_ends_with_its_caller() {
        let waiting = Arc::new(());
        let guard = guard(Arc::new(Silent(Arc::clone(&waiting))));
        let mut looking = tokio::task::JoinSet::new();
        for _ in 0..2 * LOOKUPS_PER_ACCOUNT {
            let same = guard.clone();
            let task = async move { same.look_up("dead.example").await };
            guard.runtime.spawn_in(&mut looking, task);
        }
        while guard.share.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(Arc::strong_count(&waiting), 2 + LOOKUPS_PER_ACCOUNT);
        looking.shutdown().await;
        assert_eq!(guard.share.available_permits(), LOOKUPS_PER_ACCOUNT);
        assert_eq!(guard.places.available_permits(), LOOKUPS_MAX);
        assert_eq!(Arc::strong_count(&waiting), 2);
    }
}
