//! Settings: the file, then `KLATCH_…` from the environment, then flags; the later ones win. The
//! only place that looks at the environment.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use ipnet::IpNet;
use serde::Deserialize;
use toml::de::DeTable;
use wire::Answers;

use crate::kit::choice::Hosts;
use crate::kit::peer::Proxies;
use crate::mint::Mint;
use crate::port::connections::{CONNECTIONS_MAX, WRITE_TIMEOUT};
use crate::sandbox::Credentials;
use crate::serde_text::without_values;
use crate::telemetry::LogFormat;
use crate::webhook::egress::Rules;
use crate::words::answers;

/// A settings file that says everything there is to say, with the defaults.
pub const EXAMPLE: &str = include_str!("../klatch.example.toml");
/// Where the server listens, and where the command line looks for it, if nobody says otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Shortest admin token for production, in characters. Ours.
pub const ADMIN_TOKEN_CHARS_MIN: usize = 16;
const BODY_TIMEOUT_SECS: u64 = 30;
const GRACE_SECS: u64 = 20;
const RETENTION_DAYS: u64 = 14;

/// Where the server keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere: everything is forgotten at exit.
    Memory,
    /// In this folder.
    Folder(PathBuf),
}

impl std::fmt::Display for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// Everything that a server needs to know to start.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the data are.
    pub storage: Storage,
    /// Opens our own API.
    pub admin_token: String,
    /// Whether simulated people may act.
    pub people: bool,
    /// Our own address as others see it; `None` goes by what a trusted proxy says, or by the `Host`
    /// of each request.
    pub public_url: Option<String>,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// The secrets of the sandbox's account, number and key, which are there from the beginning;
    /// `None` where there is no sandbox.
    pub sandbox: Option<Credentials>,
    /// Which `Host` a request may name.
    pub hosts: Hosts,
    /// Proxies that are believed what they say of their clients.
    pub proxies: Proxies,
    /// Connections that one address may have; `None` is a quarter of all.
    pub connections_per_address: Option<usize>,
    /// How long a client may leave an answer unread.
    pub write_timeout: Duration,
    /// Which fields the sandbox's number is answered with; `None` leaves it as it is.
    pub sandbox_answers: Option<Answers>,
    /// How long running requests may take to finish once the server is told to stop.
    pub grace: Duration,
    /// Whither webhooks may go.
    pub egress: Rules,
    /// How long settled deliveries are kept.
    pub retention: Duration,
}

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// What: `info,klatch::access=warn`.
    pub filter: String,
    /// How.
    pub format: LogFormat,
}

/// A network, `10.0.0.0/8`, or an address, which is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| {
            format!(
                "must be a network or an address, such as 10.0.0.0/8 or 127.0.0.1, got {text:?}"
            )
        })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Declares settings once. Each is a flag, a variable of the environment and a line of the settings
/// file, and may be left out of all three.
macro_rules! settings {
    ($(#[$of:meta])* $visible:vis struct $name:ident {
        $($(#[$about:meta])* $field:ident: $kind:ty,)*
    }) => {
        $(#[$of])*
        #[derive(Debug, Default, Args, Deserialize)]
        $visible struct $name {
            $($(#[$about])* $field: Option<$kind>,)*
        }

        impl $name {
            /// The names, as the settings file has them.
            const NAMES: &[&str] = &[$(stringify!($field)),*];

            /// What is given here, and otherwise what is given there.
            fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }
        }
    };
}

settings! {
    /// How to log, by flag, environment or file.
    pub struct LogArgs {
        /// What to log, such as `info`, `debug` or `warn,klatch::access=info`.
        #[arg(long, env = "KLATCH_LOG")]
        log: String,
        /// How log lines look.
        #[arg(long, env = "KLATCH_LOG_FORMAT", value_enum)]
        log_format: LogFormat,
    }
}

settings! {
    /// What else a server can be told by flag, environment or file.
    struct Given {
        /// Address to listen on; port 0 takes a free one.
        #[arg(long, env = "KLATCH_LISTEN", value_parser = address)]
        listen: SocketAddr,
        /// Folder for the data; created where it is missing.
        #[arg(long, env = "KLATCH_DATA")]
        data: PathBuf,
        /// Token that opens the admin API, at least 16 characters. Other users of the machine see
        /// it in `ps`: rather give it in a file or in the environment.
        #[arg(long, env = "KLATCH_ADMIN_TOKEN", hide_env_values = true)]
        admin_token: String,
        /// File that holds the admin token.
        #[arg(long, env = "KLATCH_ADMIN_TOKEN_FILE")]
        admin_token_file: PathBuf,
        /// Let simulated people join, ask and leave.
        #[arg(long, env = "KLATCH_PEOPLE")]
        people: bool,
        /// The server's own address as clients see it, for the links in its answers.
        #[arg(long, env = "KLATCH_PUBLIC_URL")]
        public_url: String,
        /// Proxies whose Forwarded and X-Forwarded-… headers are believed: networks or addresses.
        #[arg(long, env = "KLATCH_TRUSTED_PROXIES", value_delimiter = ',')]
        trusted_proxies: Vec<Network>,
        /// Connections that one address may have; a quarter of all unless given.
        #[arg(long, env = "KLATCH_CONNECTIONS_PER_ADDRESS")]
        connections_per_address: usize,
        /// Seconds that a request's body may take to arrive.
        #[arg(long, env = "KLATCH_BODY_TIMEOUT_SECS")]
        body_timeout_secs: u64,
        /// Seconds that running requests and deliveries may take to finish at shutdown.
        #[arg(long, env = "KLATCH_GRACE_SECS")]
        grace_secs: u64,
        /// Networks or addresses that webhooks may reach although they are private, such as
        /// 10.0.0.0/8.
        #[arg(long, env = "KLATCH_WEBHOOK_ALLOW", value_delimiter = ',')]
        webhook_allow: Vec<Network>,
        /// Let receivers be reached without TLS.
        #[arg(long, env = "KLATCH_WEBHOOK_ALLOW_HTTP")]
        webhook_allow_http: bool,
        /// Days for which settled deliveries are kept.
        #[arg(long, env = "KLATCH_WEBHOOK_RETENTION_DAYS")]
        webhook_retention_days: u64,
    }
}

/// Flags of `klatch serve`.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Settings file in TOML; see `klatch config example`.
    #[arg(long, env = "KLATCH_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    log: LogArgs,
}

/// What the settings file says.
#[derive(Debug, Default)]
struct File {
    given: Given,
    log: LogArgs,
}

/// Flags of `klatch dev`.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "KLATCH_LISTEN", default_value_t = LISTEN, value_parser = address)]
    listen: SocketAddr,
    /// Keep everything in this folder; without it, everything is forgotten at exit.
    #[arg(long, env = "KLATCH_DATA")]
    data: Option<PathBuf>,
    /// Which fields the vendors' APIs answer with. At first `published`; kept together with the data.
    #[arg(long, env = "KLATCH_ANSWERS", value_parser = answers())]
    answers: Option<Answers>,
    /// Let other machines in: with keys of its own, which are printed, instead of the documented
    /// ones.
    #[arg(long)]
    public: bool,
    /// The sandbox's own address as clients see it, if that is neither localhost nor an IP address.
    #[arg(long, env = "KLATCH_PUBLIC_URL")]
    public_url: Option<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// How the command line reaches a running server.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// The server's address.
    #[arg(
        long,
        env = "KLATCH_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "SERVER_URL",
        global = true
    )]
    pub url: String,
    /// The server's admin token; that of the sandbox unless given. Other users of the machine see it
    /// in `ps`: rather give it in a file or in the environment.
    #[arg(long, env = "KLATCH_ADMIN_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// File that holds the server's admin token.
    #[arg(long, alias = "admin-token-file", env = "KLATCH_ADMIN_TOKEN_FILE", global = true)]
    token_file: Option<PathBuf>,
}

impl ClientArgs {
    /// The admin token: as given, or what the file holds, or the sandbox's.
    pub fn token(&self) -> anyhow::Result<String> {
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(token.clone()),
            (None, Some(path)) => token_in(path),
            (None, None) => Ok(crate::sandbox::ADMIN_TOKEN.to_owned()),
        }
    }
}

impl LogArgs {
    fn resolve(self, default: &str) -> LogSettings {
        LogSettings {
            filter: self.log.unwrap_or_else(|| default.to_owned()),
            format: self.log_format.unwrap_or(LogFormat::Auto),
        }
    }
}

/// Where the data of a server is.
#[derive(Debug, Default, Args)]
pub struct DataArgs {
    /// Settings file of the server.
    #[arg(long, env = "KLATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of the data; `data` if neither says.
    #[arg(long, env = "KLATCH_DATA")]
    data: Option<PathBuf>,
}

impl DataArgs {
    /// The folder.
    ///
    /// # Errors
    /// If the settings file cannot be read or is not valid.
    pub fn resolve(self) -> anyhow::Result<PathBuf> {
        let file = File::at(self.config.as_deref())?;
        Ok(self.data.or(file.given.data).unwrap_or_else(|| "data".into()))
    }
}

impl ServeArgs {
    /// All settings together, each checked; an error names the setting.
    pub fn resolve(self) -> anyhow::Result<(Settings, LogSettings)> {
        let Self { config, given, log } = self;
        let mut file = File::at(config.as_deref())?;
        let log = log.or(file.log).resolve("info,klatch::access=warn");
        // A token given by flag or environment wins over both ways in the file; and the token
        // itself over a file that holds one, since either may come from the environment.
        let (token, token_file) = match (&given.admin_token, &given.admin_token_file) {
            (None, None) => (file.given.admin_token.take(), file.given.admin_token_file.take()),
            (Some(token), _) => (Some(token.clone()), None),
            (None, Some(path)) => (None, Some(path.clone())),
        };
        let given = given.or(file.given);
        let body_timeout_secs = given.body_timeout_secs.unwrap_or(BODY_TIMEOUT_SECS);
        ensure!(
            (1..=3_600).contains(&body_timeout_secs),
            "body_timeout_secs must be from 1 to 3600"
        );
        let retention_days = given.webhook_retention_days.unwrap_or(RETENTION_DAYS);
        let connections_per_address = given.connections_per_address;
        ensure!(
            connections_per_address.is_none_or(|count| (1..=CONNECTIONS_MAX).contains(&count)),
            "connections_per_address must be from 1 to {CONNECTIONS_MAX}"
        );
        // Not shorter than deliveries are retried, so that none is forgotten before it is settled.
        ensure!(
            (7..=3_650).contains(&retention_days),
            "webhook_retention_days must be from 7 to 3650"
        );
        let settings = Settings {
            egress: Rules {
                allow: networks(given.webhook_allow),
                allow_http: given.webhook_allow_http.unwrap_or_default(),
            },
            retention: days(retention_days),
            listen: given.listen.unwrap_or(LISTEN),
            storage: Storage::Folder(given.data.unwrap_or_else(|| "data".into())),
            admin_token: admin_token(token, token_file)?,
            people: given.people.unwrap_or(false),
            sandbox: None,
            hosts: Hosts::Any,
            proxies: Proxies::new(networks(given.trusted_proxies)),
            connections_per_address,
            write_timeout: WRITE_TIMEOUT,
            sandbox_answers: None,
            public_url: given.public_url.map(check_public_url).transpose()?,
            body_timeout: Duration::from_secs(body_timeout_secs),
            grace: Duration::from_secs(given.grace_secs.unwrap_or(GRACE_SECS)),
        };
        Ok((settings, log))
    }
}

impl DevArgs {
    /// All settings together, each checked. The secrets of a public sandbox are new ones.
    pub fn resolve(self, mint: &Mint) -> anyhow::Result<(Settings, LogSettings)> {
        let log = self.log.resolve("info");
        let storage = self.data.map_or(Storage::Memory, Storage::Folder);
        ensure!(
            self.public || self.listen.ip().is_loopback(),
            "--listen {}: other machines could reach it, and everybody knows the keys of a \
             sandbox; give --public as well, and it makes keys of its own",
            self.listen
        );
        let public_url = self.public_url.map(check_public_url).transpose()?;
        let hosts = Hosts::own(self.public, public_url.as_deref());
        let settings = Settings {
            public_url,
            hosts,
            sandbox_answers: self.answers,
            ..Settings::dev(self.listen, storage)
        };
        if !self.public {
            return Ok((settings, log));
        }
        let credentials = Credentials::fresh(mint);
        let admin_token = credentials.admin_token.clone();
        Ok((Settings { admin_token, sandbox: Some(credentials), ..settings }, log))
    }
}

impl Settings {
    /// Those of `klatch dev`: the documented secrets, people on, for this machine alone.
    #[must_use]
    pub fn dev(listen: SocketAddr, storage: Storage) -> Self {
        let credentials = Credentials::known();
        Self {
            listen,
            storage,
            admin_token: credentials.admin_token.clone(),
            people: true,
            sandbox: Some(credentials),
            hosts: Hosts::own(false, None),
            proxies: Proxies::default(),
            connections_per_address: None,
            write_timeout: WRITE_TIMEOUT,
            sandbox_answers: None,
            public_url: None,
            body_timeout: Duration::from_secs(BODY_TIMEOUT_SECS),
            grace: Duration::from_secs(GRACE_SECS),
            egress: Rules::sandbox(),
            retention: days(RETENTION_DAYS),
        }
    }
}

const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

fn networks(given: Option<Vec<Network>>) -> Vec<IpNet> {
    given.unwrap_or_default().into_iter().map(|network| network.0).collect()
}

/// The names of all settings of the file.
fn names() -> impl Iterator<Item = &'static str> {
    Given::NAMES.iter().chain(LogArgs::NAMES).copied()
}

impl File {
    /// The file at a path, if there is one; without it, nothing is said.
    fn at(path: Option<&Path>) -> anyhow::Result<Self> {
        path.map(Self::read).transpose().map(Option::unwrap_or_default)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file {}", path.display()))?;
        Self::parse(&text)
            .map_err(|why| anyhow!("the settings file {} is not valid, {why}", path.display()))
    }

    /// Reads the text; an error says in which line, in which setting and what, and quotes no value,
    /// since that may be a secret.
    fn parse(text: &str) -> Result<Self, String> {
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let table = DeTable::parse(text)
            .map_err(|error| format!("line {}: {}", line(start(&error)), error.message()))?;
        let mut keys: Vec<_> =
            table.get_ref().keys().map(|key| (key.span().start, key.get_ref().as_ref())).collect();
        keys.sort_unstable();
        for (at, key) in &keys {
            if names().all(|name| name != *key) {
                let near = |name: &&str| strsim::jaro_winkler(name, key);
                let nearest = names().max_by(|one, other| near(one).total_cmp(&near(other)));
                let hint = nearest.filter(|name| near(name) >= NEAR);
                let hint = hint.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
                return Err(format!("line {}: {key} is not a setting{hint}", line(*at)));
            }
        }
        let describe = |error: toml::de::Error| {
            let at = start(&error);
            let setting = keys.iter().rev().find(|(start, _)| *start <= at);
            let setting = setting.map(|(_, key)| format!(", {key}")).unwrap_or_default();
            format!("line {}{setting}: {}", line(at), without_values(error.message()))
        };
        // Each reads its own settings and passes over the other's.
        match (toml::from_str(text), toml::from_str(text)) {
            (Ok(given), Ok(log)) => Ok(Self { given, log }),
            (Err(one), Err(other)) if start(&other) < start(&one) => Err(describe(other)),
            (Err(error), _) | (_, Err(error)) => Err(describe(error)),
        }
    }
}

/// How alike two names are, from 0 to 1, for one to be taken for a misspelling of the other.
const NEAR: f64 = 0.8;

fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.replacen("localhost:", "127.0.0.1:", 1);
    text.parse().map_err(|_| "must be an address such as 127.0.0.1:8080".to_owned())
}

/// What looks like a setting in the environment but is none of the variables of the command line:
/// a typo, or what an orchestrator puts there for a service of our name. Worth a warning, not a
/// refusal.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that may look")]
pub fn unknown_variables(command: &clap::Command) -> Vec<String> {
    let of_subcommands = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let known: HashSet<_> = of_subcommands.filter_map(clap::Arg::get_env).collect();
    std::env::vars_os()
        .filter(|(name, _)| !known.contains(name.as_os_str()))
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("KLATCH_"))
        .collect()
}

fn admin_token(token: Option<String>, file: Option<PathBuf>) -> anyhow::Result<String> {
    let token = match (token, file) {
        (Some(_), Some(_)) => bail!("give admin_token or admin_token_file, not both"),
        (Some(token), None) => token,
        (None, Some(path)) => token_in(&path)?,
        (None, None) => bail!(
            "admin_token is missing: set it or admin_token_file in the settings file, \
             KLATCH_ADMIN_TOKEN or KLATCH_ADMIN_TOKEN_FILE in the environment (for example to the \
             output of: openssl rand -hex 24)"
        ),
    };
    ensure!(
        token.chars().count() >= ADMIN_TOKEN_CHARS_MIN
            && token.chars().all(|c| c.is_ascii_graphic()),
        "admin_token must be at least {ADMIN_TOKEN_CHARS_MIN} visible ASCII characters"
    );
    Ok(token)
}

fn token_in(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read admin_token_file {}", path.display()))?;
    Ok(text.trim().to_owned())
}

fn check_public_url(url: String) -> anyhow::Result<String> {
    let bare = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    ensure!(
        bare.is_some_and(|rest| !rest.is_empty() && !rest.contains(['?', '#', ' '])),
        "public_url must be an address such as https://klatch.example.com"
    );
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_everything_and_says_the_defaults() {
        let shown = EXAMPLE.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("# ").unwrap_or(line).split_once(" = ")?;
            (!name.contains(' ')).then_some(name)
        });
        assert_eq!(shown.collect::<Vec<_>>(), names().collect::<Vec<_>>());
        // Every setting stands in the example, if only behind a comment sign.
        let uncommented = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if names().any(|name| rest.starts_with(&format!("{name} = "))) => rest,
            _ => line,
        });
        let file = File::parse(&uncommented.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(file.given.listen, Some(LISTEN));
        assert_eq!(file.given.data.as_deref(), Some(Path::new("data")));
        assert!(file.given.admin_token.is_some() && file.given.admin_token_file.is_some());
        assert_eq!(file.given.people, Some(false));
        assert!(file.given.public_url.is_some() && file.given.connections_per_address.is_some());
        assert_eq!(file.given.trusted_proxies, Some(Vec::new()));
        assert_eq!(file.given.body_timeout_secs, Some(BODY_TIMEOUT_SECS));
        assert_eq!(file.given.grace_secs, Some(GRACE_SECS));
        assert_eq!(file.given.webhook_allow, Some(Vec::new()));
        assert_eq!(file.given.webhook_allow_http, Some(false));
        assert_eq!(file.given.webhook_retention_days, Some(RETENTION_DAYS));
        assert_eq!(file.log.log.as_deref(), Some("info,klatch::access=warn"));
        assert_eq!(file.log.log_format, Some(LogFormat::Auto));
    }

    /// `klatch serve` without a settings file.
    fn serve(given: Given) -> ServeArgs {
        ServeArgs { given, ..ServeArgs::default() }
    }

    #[test]
    fn a_bad_setting_is_named() {
        let resolve = |args: ServeArgs| args.resolve().map(drop).unwrap_err().to_string();
        assert!(resolve(ServeArgs::default()).contains("admin_token is missing"));
        let short = Given { admin_token: Some("short".to_owned()), ..Given::default() };
        assert!(resolve(serve(short)).contains("admin_token must be"));
        let good =
            || Given { admin_token: Some("0123456789abcdef".to_owned()), ..Given::default() };
        let url = Given { public_url: Some("klatch.example.com".to_owned()), ..good() };
        assert!(resolve(serve(url)).contains("public_url"));
        let crowd = Given { connections_per_address: Some(0), ..good() };
        assert!(resolve(serve(crowd)).contains("connections_per_address must be from 1 to 4096"));
        let slow = Given { body_timeout_secs: Some(0), ..good() };
        assert!(resolve(serve(slow)).contains("body_timeout_secs"));
        assert!(serve(good()).resolve().is_ok());
    }

    #[test]
    fn a_mistake_in_the_file_is_found_at_its_own_line() {
        for (text, expected) in [
            ("listn = \"127.0.0.1:1\"", "line 1: listn is not a setting; did you mean listen?"),
            (
                "\n# The token.\nadmin_token = \"secret-secret-secret\"\nadmin_tokenfile = \"a\"\npeople = true",
                "line 4: admin_tokenfile is not a setting; did you mean admin_token_file?",
            ),
            ("people = true\n\n\nzebra = 1\n", "line 4: zebra is not a setting"),
            ("people = true\n[webhook]\nallow = []\n", "line 2: webhook is not a setting; did"),
            ("data = \"x\"\npeople = \"yes\"", "line 2, people: invalid type"),
            (
                "people = true\nwebhook_allow = [\n  \"10.0.0.0/8\",\n  \"a = b\",\n]",
                "line 2, webhook_allow: must be a network or an address, such as 10.0.0.0/8 or \
                 127.0.0.1, got \"a = b\"",
            ),
            ("people = true\ndata = \n", "line 2: "),
            ("people = true\npeople = true\n", "line 2: duplicate key"),
        ] {
            let error = File::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}\n{error}\n{expected}");
            assert!(!error.contains("secret-"), "{error}");
        }
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        let text = "webhook_allow = [\"127.0.0.1\", \"fd00::/8\"]\ntrusted_proxies = [\"::1\"]";
        let file = File::parse(text).unwrap();
        let shown = |given| networks(given).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(file.given.webhook_allow), ["127.0.0.1/32", "fd00::/8"]);
        assert_eq!(shown(file.given.trusted_proxies), ["::1/128"]);
    }

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("klatch.toml");
        std::fs::write(&path, "admin_token = \"from-the-file-0123\"\npeople = true\n").unwrap();
        let from_file = ServeArgs { config: Some(path.clone()), ..ServeArgs::default() };
        let (settings, _) = from_file.resolve().unwrap();
        assert_eq!((settings.admin_token.as_str(), settings.people), ("from-the-file-0123", true));
        let both = ServeArgs {
            config: Some(path.clone()),
            ..serve(Given {
                admin_token: Some("from-the-flags-0123".to_owned()),
                people: Some(false),
                ..Given::default()
            })
        };
        let (settings, _) = both.resolve().unwrap();
        assert_eq!(
            (settings.admin_token.as_str(), settings.people),
            ("from-the-flags-0123", false)
        );

        for secret in ["98765432101234567", "[\"98765432101234567\"]", "98765432101234567.5"] {
            std::fs::write(&path, format!("admin_token = {secret}\n")).unwrap();
            let number = ServeArgs { config: Some(path.clone()), ..ServeArgs::default() };
            let error = format!("{:#}", number.resolve().map(drop).unwrap_err());
            assert!(error.contains("admin_token") && !error.contains("9876"), "{error}");
        }

        std::fs::write(&path, "admin_tokn = \"x\"\n").unwrap();
        let typo = ServeArgs { config: Some(path), ..ServeArgs::default() };
        let error = format!("{:#}", typo.resolve().map(drop).unwrap_err());
        assert!(error.contains("admin_tokn"), "{error}");
    }
}
