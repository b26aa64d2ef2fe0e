//! Turns host names into addresses.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};

/// Turns a name into addresses.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a host. To drop the future ends the look-up.
    ///
    /// # Errors
    ///
    /// Where the host is unknown, or no name server answers.
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The name server that is asked where none is configured: the same as the C library's.
const DEFAULT_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The longest wait for one answer of a name server, so that a lost packet is sent again within the
/// time of a look-up. Ours.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time that an address is kept without asking again, whatever its record allows. Ours.
const FOUND_TTL_MAX: Duration = Duration::from_mins(1);
/// The longest time that a name is taken for unknown without asking again: people register a name
/// and use it at once. Ours.
const UNKNOWN_TTL_MAX: Duration = Duration::from_secs(5);
/// Answers that are kept.
const CACHE_SIZE: u64 = 1_024;
/// Questions that may wait for an answer on one connection to a name server: more than there are
/// look-ups at a time, each of which asks for IPv4 and IPv6.
const QUESTIONS_MAX: usize = 1_024;

/// Asks the system's name servers: `/etc/hosts` first, then the servers of `/etc/resolv.conf`. Both
/// files are read again when they have changed. Look-ups take no threads.
pub struct SystemLookup {
    hosts: PathBuf,
    resolv_conf: PathBuf,
    loaded: Mutex<Option<(Stamps, Arc<Names>)>>,
}

/// What both files were like when they were read.
type Stamps = [Option<(SystemTime, u64)>; 2];

/// What both files say.
struct Names {
    hosts: Hosts,
    resolver: TokioResolver,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::from_files("/etc/hosts", "/etc/resolv.conf")
    }
}

impl SystemLookup {
    /// Reads other files than the system's. They need not exist.
    #[must_use]
    pub fn from_files(hosts: impl Into<PathBuf>, resolv_conf: impl Into<PathBuf>) -> Self {
        Self { hosts: hosts.into(), resolv_conf: resolv_conf.into(), loaded: Mutex::default() }
    }

    /// What the files say now.
    fn names(&self) -> io::Result<Arc<Names>> {
        let stamps = [stamp(&self.hosts), stamp(&self.resolv_conf)];
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((as_of, names)) = &*loaded
            && *as_of == stamps
        {
            return Ok(Arc::clone(names));
        }
        let (config, options) = read_resolv_conf(&self.resolv_conf);
        let names = Arc::new(Names::new(read_hosts(&self.hosts), config, options)?);
        *loaded = Some((stamps, Arc::clone(&names)));
        Ok(names)
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn read_hosts(path: &Path) -> Hosts {
    let mut hosts = Hosts::default();
    match File::open(path).and_then(|file| hosts.read_hosts_conf(file)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "the hosts file is ignored"),
    }
    hosts
}

fn read_resolv_conf(path: &Path) -> (ResolverConfig, ResolverOpts) {
    let text = fs::read(path).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "no list of name servers");
        Vec::new()
    });
    let (mut listed, errors) = resolv_conf::Config::parse_with_errors(&text);
    for error in errors {
        tracing::warn!(path = %path.display(), %error, "a line is ignored");
    }
    if listed.nameservers.is_empty() {
        listed.nameservers.push(DEFAULT_SERVER.into());
    }
    let servers =
        listed.nameservers.iter().map(|ip| NameServerConfig::udp_and_tcp(ip.into())).collect();
    let search = listed
        .get_last_search_or_domain()
        .filter_map(|domain| Name::from_str_relaxed(domain).ok())
        .collect();
    let mut options = ResolverOpts::default();
    options.ndots = usize::try_from(listed.ndots).unwrap_or(usize::MAX);
    options.timeout = Duration::from_secs(listed.timeout.into()).min(ANSWER_TIMEOUT);
    options.attempts = usize::try_from(listed.attempts).unwrap_or(usize::MAX);
    options.edns0 = listed.edns0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.cache_size = CACHE_SIZE;
    options.positive_max_ttl = Some(FOUND_TTL_MAX);
    options.negative_max_ttl = Some(UNKNOWN_TTL_MAX);
    options.max_active_requests = QUESTIONS_MAX;
    // The hosts file is read before, for both kinds of addresses together.
    options.use_hosts_file = ResolveHosts::Never;
    (ResolverConfig::from_parts(None, search, servers), options)
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.names()?.look_up(host).await
    }
}

impl Names {
    fn new(hosts: Hosts, config: ResolverConfig, options: ResolverOpts) -> io::Result<Self> {
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(io::Error::other)?;
        Ok(Self { hosts, resolver })
    }

    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // Underscores are not allowed in host names and are found there nevertheless.
        let name = Name::from_ascii(host).map_err(|_| unknown())?;
        let mut listed = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            if let Some(found) = self.hosts.lookup_static_host(&Query::query(name.clone(), kind)) {
                listed.extend(found.answers().iter().filter_map(|record| record.data.ip_addr()));
            }
        }
        if !listed.is_empty() {
            return Ok(listed);
        }
        let found = self.resolver.lookup_ip(name).await.map_err(|error| failed(host, &error))?;
        let mut seen = HashSet::new();
        Ok(found.iter().filter(|address| seen.insert(*address)).collect())
    }
}

fn unknown() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no such host")
}

/// What a caller is told; details, which may name our name servers, are for the operator.
fn failed(host: &str, error: &NetError) -> io::Error {
    if error.is_nx_domain() || error.is_no_records_found() {
        return unknown();
    }
    tracing::info!(host, %error, "a name could not be looked up");
    io::Error::other("the name could not be looked up")
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
    use hickory_resolver::proto::rr::{RData, Record};
    use tokio::net::UdpSocket;
    use tokio::sync::watch;

    use super::*;
    use crate::runtime::Runtime;

    const HOSTS: &str = "\
        127.0.0.1 localhost\n\
        10.1.2.3 inside.example inside_er.example # ours\n\
        fd00::1 inside.example\n";

    async fn found(lookup: &SystemLookup, host: &str) -> Vec<String> {
        let mut found: Vec<_> =
            lookup.look_up(host).await.unwrap().iter().map(IpAddr::to_string).collect();
        found.sort();
        found
    }

    #[tokio::test]
    async fn the_hosts_file_comes_first_and_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (hosts, resolv_conf) = (folder.path().join("hosts"), folder.path().join("resolv.conf"));
        fs::write(&hosts, HOSTS).unwrap();
        let lookup = SystemLookup::from_files(&hosts, &resolv_conf);
        assert_eq!(found(&lookup, "localhost").await, ["127.0.0.1"]);
        assert_eq!(found(&lookup, "INSIDE.example").await, ["10.1.2.3", "fd00::1"]);
        assert_eq!(found(&lookup, "inside_er.example").await, ["10.1.2.3"]);
        fs::write(&hosts, "192.0.2.77 inside.example\n").unwrap();
        assert_eq!(found(&lookup, "inside.example").await, ["192.0.2.77"]);
    }

    /// Without any file, and with files that list nothing or nonsense.
    #[tokio::test]
    async fn localhost_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("missing", None),
            ("empty", Some("")),
            ("without servers", Some("search corp.example\noptions ndots:2\n")),
            ("nonsense", Some("nameserver\nnameserver here\n\u{0}\u{1}\n")),
        ] {
            let resolv_conf = folder.path().join(name);
            if let Some(content) = content {
                fs::write(&resolv_conf, content).unwrap();
            }
            let lookup = SystemLookup::from_files(folder.path().join("no hosts"), resolv_conf);
            assert_eq!(found(&lookup, "localhost").await, ["127.0.0.1", "::1"], "{name}");
        }
    }

    #[test]
    fn where_no_server_is_listed_the_local_one_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let servers = || {
            let (config, options) = read_resolv_conf(&path);
            let servers: Vec<_> =
                config.name_servers().iter().map(|server| server.ip.to_string()).collect();
            (servers, config.search().len(), options.ndots)
        };
        assert_eq!(servers(), (vec!["127.0.0.1".to_owned()], 0, 1));
        fs::write(&path, "search corp.example\noptions ndots:5\n").unwrap();
        assert_eq!(servers(), (vec!["127.0.0.1".to_owned()], 1, 5));
        fs::write(&path, "nameserver 192.0.2.53\nnameserver 2001:db8::53\n").unwrap();
        assert_eq!(servers().0, ["192.0.2.53", "2001:db8::53"]);
    }

    /// A name server that knows `here.corp.example` and `hook_er.example`, says nothing of
    /// `dead.example`, and that there is nothing else. Gives its port, and how many questions came.
    async fn name_server() -> (u16, watch::Receiver<usize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let (asked, questions) = watch::channel(0);
        Runtime::system().spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let mut message = Message::from_vec(&buffer[..length]).unwrap();
                asked.send_modify(|count| *count += 1);
                let question = message.queries[0].clone();
                let name = question.name().to_string().to_ascii_lowercase();
                if name == "dead.example." {
                    continue;
                }
                message.metadata.message_type = MessageType::Response;
                message.edns = None;
                let found: Option<IpAddr> = match (name.as_str(), question.query_type()) {
                    ("here.corp.example.", RecordType::A) => "192.0.2.1".parse().ok(),
                    ("here.corp.example.", RecordType::AAAA) => "2001:db8::1".parse().ok(),
                    ("hook_er.example.", RecordType::A) => "192.0.2.2".parse().ok(),
                    ("hook_er.example.", _) => None,
                    _ => {
                        message.metadata.response_code = ResponseCode::NXDomain;
                        None
                    }
                };
                if let Some(address) = found {
                    let (name, address) = (question.name().clone(), RData::from(address));
                    message.add_answer(Record::from_rdata(name, 60, address));
                }
                socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
            }
        });
        (port, questions)
    }

    /// The names of a `resolv.conf`, but with a server at this port.
    fn asking(port: u16, resolv_conf: &str) -> Names {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        fs::write(&path, resolv_conf).unwrap();
        let (mut config, options) = read_resolv_conf(&path);
        for server in &mut config.name_servers {
            server.connections.iter_mut().for_each(|connection| connection.port = port);
        }
        Names::new(Hosts::default(), config, options).unwrap()
    }

    #[tokio::test]
    async fn name_servers_are_asked() {
        let (port, mut questions) = name_server().await;
        let names = asking(port, "nameserver 127.0.0.1\nsearch corp.example\n");
        let found = async |host: &str| {
            let mut found = names.look_up(host).await?;
            found.sort();
            Ok::<_, io::Error>(found.iter().map(IpAddr::to_string).collect::<Vec<_>>())
        };
        assert_eq!(found("here.corp.example").await.unwrap(), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(found("here").await.unwrap(), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(found("hook_er.example").await.unwrap(), ["192.0.2.2"]);
        for unknown in ["nowhere.example", "xn--bcher-kva.example", "..", ""] {
            let error = found(unknown).await.unwrap_err();
            assert_eq!(error.to_string(), "there is no such host", "{unknown}");
        }
        // What is known is not asked again.
        let before = *questions.borrow_and_update();
        found("here.corp.example").await.unwrap();
        assert!(!questions.has_changed().unwrap(), "{before} questions had been asked");
    }

    /// Nobody waits for a server that says nothing, once the caller has gone away.
    #[tokio::test]
    async fn a_look_up_that_is_dropped_ends() {
        let (port, mut questions) = name_server().await;
        let names = Arc::new(asking(port, "nameserver 127.0.0.1\n"));
        let same = Arc::clone(&names);
        let looking = Runtime::system().spawn(async move { same.look_up("dead.example").await });
        questions.wait_for(|count| *count >= 2).await.unwrap();
        assert!(!looking.is_finished());
        looking.abort();
        assert!(looking.await.unwrap_err().is_cancelled());
        // Others are answered as before.
        assert_eq!(names.look_up("hook_er.example").await.unwrap().len(), 1);
    }
}
