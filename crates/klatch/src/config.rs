//! Settings: the file, then `KLATCH_…` from the environment, then flags; the later ones win. The
//! only place that looks at the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use ipnet::IpNet;
use serde::Deserialize;

use crate::directory::Answers;
use crate::serde_text::without_values;
use crate::telemetry::LogFormat;
use crate::webhook::egress::Rules;

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
    /// Our own address as others see it; `None` goes by the `Host` of each request.
    pub public_url: Option<String>,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// Whether the sandbox's account, number and key are there from the beginning.
    pub sandbox: bool,
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

/// The file. Every setting may be left out; one that does not exist is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    admin_token: Option<String>,
    admin_token_file: Option<PathBuf>,
    people: Option<bool>,
    public_url: Option<String>,
    body_timeout_secs: Option<u64>,
    grace_secs: Option<u64>,
    webhook_allow: Option<Vec<IpNet>>,
    webhook_allow_http: Option<bool>,
    webhook_retention_days: Option<u64>,
    log: Option<String>,
    log_format: Option<LogFormat>,
}

/// How to log, as flags.
#[derive(Debug, Default, Args)]
pub struct LogArgs {
    /// What to log, such as `info`, `debug` or `warn,klatch::access=info`.
    #[arg(long, env = "KLATCH_LOG")]
    log: Option<String>,
    /// How log lines look.
    #[arg(long, env = "KLATCH_LOG_FORMAT", value_enum)]
    log_format: Option<LogFormat>,
}

/// Flags of `klatch serve`.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Settings file in TOML; see `klatch config example`.
    #[arg(long, env = "KLATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "KLATCH_LISTEN", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Folder for the data; created where it is missing.
    #[arg(long, env = "KLATCH_DATA")]
    data: Option<PathBuf>,
    /// Token that opens the admin API, at least 16 characters.
    #[arg(long, env = "KLATCH_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// File that holds the admin token.
    #[arg(long, env = "KLATCH_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
    /// Let simulated people join, ask and leave.
    #[arg(long, env = "KLATCH_PEOPLE")]
    people: Option<bool>,
    /// The server's own address as clients see it, for the links in its answers.
    #[arg(long, env = "KLATCH_PUBLIC_URL")]
    public_url: Option<String>,
    /// Seconds that a request's body may take to arrive.
    #[arg(long, env = "KLATCH_BODY_TIMEOUT_SECS")]
    body_timeout_secs: Option<u64>,
    /// Seconds that running requests and deliveries may take to finish at shutdown.
    #[arg(long, env = "KLATCH_GRACE_SECS")]
    grace_secs: Option<u64>,
    /// Networks that webhooks may reach although they are private, such as 10.0.0.0/8.
    #[arg(long, env = "KLATCH_WEBHOOK_ALLOW", value_delimiter = ',')]
    webhook_allow: Option<Vec<IpNet>>,
    /// Let receivers be reached without TLS.
    #[arg(long, env = "KLATCH_WEBHOOK_ALLOW_HTTP")]
    webhook_allow_http: Option<bool>,
    /// Days for which settled deliveries are kept.
    #[arg(long, env = "KLATCH_WEBHOOK_RETENTION_DAYS")]
    webhook_retention_days: Option<u64>,
    #[command(flatten)]
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
    #[arg(long, env = "KLATCH_ANSWERS", value_enum)]
    answers: Option<Answers>,
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
    /// The server's admin token.
    #[arg(
        long,
        env = "KLATCH_ADMIN_TOKEN",
        hide_env_values = true,
        default_value = crate::sandbox::ADMIN_TOKEN,
        global = true
    )]
    pub token: String,
}

impl LogArgs {
    fn or(self, file: &File, default: &str) -> LogSettings {
        LogSettings {
            filter: self.log.or_else(|| file.log.clone()).unwrap_or_else(|| default.to_owned()),
            format: self.log_format.or(file.log_format).unwrap_or(LogFormat::Auto),
        }
    }
}

impl ServeArgs {
    /// All settings together, each checked; an error names the setting.
    pub fn resolve(self) -> anyhow::Result<(Settings, LogSettings)> {
        let file = match &self.config {
            Some(path) => File::read(path)?,
            None => File::default(),
        };
        let log = self.log.or(&file, "info,klatch::access=warn");
        // A token given by flag or environment wins over both ways in the file; and the token
        // itself over a file that holds one, since either may come from the environment.
        let (token, token_file) = match (self.admin_token, self.admin_token_file) {
            (None, None) => (file.admin_token, file.admin_token_file),
            (Some(token), _) => (Some(token), None),
            (None, token_file) => (None, token_file),
        };
        let public_url = self.public_url.or(file.public_url);
        let body_timeout_secs =
            self.body_timeout_secs.or(file.body_timeout_secs).unwrap_or(BODY_TIMEOUT_SECS);
        ensure!(
            (1..=3_600).contains(&body_timeout_secs),
            "body_timeout_secs must be from 1 to 3600"
        );
        let retention_days =
            self.webhook_retention_days.or(file.webhook_retention_days).unwrap_or(RETENTION_DAYS);
        // Not shorter than deliveries are retried, so that none is forgotten before it is settled.
        ensure!(
            (7..=3_650).contains(&retention_days),
            "webhook_retention_days must be from 7 to 3650"
        );
        let settings = Settings {
            egress: Rules {
                allow: self.webhook_allow.or(file.webhook_allow).unwrap_or_default(),
                allow_http: self.webhook_allow_http.or(file.webhook_allow_http).unwrap_or_default(),
            },
            retention: days(retention_days),
            listen: self.listen.or(file.listen).unwrap_or(LISTEN),
            storage: Storage::Folder(self.data.or(file.data).unwrap_or_else(|| "data".into())),
            admin_token: admin_token(token, token_file)?,
            people: self.people.or(file.people).unwrap_or(false),
            sandbox: false,
            sandbox_answers: None,
            public_url: public_url.map(check_public_url).transpose()?,
            body_timeout: Duration::from_secs(body_timeout_secs),
            grace: Duration::from_secs(self.grace_secs.or(file.grace_secs).unwrap_or(GRACE_SECS)),
        };
        Ok((settings, log))
    }
}

impl DevArgs {
    /// All settings together.
    #[must_use]
    pub fn resolve(self) -> (Settings, LogSettings) {
        let log = self.log.or(&File::default(), "info");
        let storage = self.data.map_or(Storage::Memory, Storage::Folder);
        let sandbox = Settings::dev(self.listen, storage);
        (Settings { sandbox_answers: self.answers, ..sandbox }, log)
    }
}

impl Settings {
    /// Those of `klatch dev`: fixed secrets, people on.
    #[must_use]
    pub fn dev(listen: SocketAddr, storage: Storage) -> Self {
        Self {
            listen,
            storage,
            admin_token: crate::sandbox::ADMIN_TOKEN.to_owned(),
            people: true,
            sandbox: true,
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

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file {}", path.display()))?;
        // The error's own text quotes the line, and the line may hold a secret.
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.lines().count().max(1);
            // What stands before the `=` is the name of the setting, and no secret.
            let setting = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
            let setting = setting.map(|(name, _)| format!(", {}", name.trim())).unwrap_or_default();
            let (path, message) = (path.display(), without_values(error.message()));
            anyhow::anyhow!(
                "the settings file {path} is not valid, line {line}{setting}: {message}"
            )
        })
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.replacen("localhost:", "127.0.0.1:", 1);
    text.parse().map_err(|_| "must be an address such as 127.0.0.1:8080".to_owned())
}

/// What looks like a setting in the environment but is none: a typo, or what an orchestrator puts
/// there for a service of our name. Worth a warning, not a refusal.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that may look")]
pub fn unknown_variables() -> Vec<String> {
    std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("KLATCH_") && !VARIABLES.contains(&name.as_str()))
        .collect()
}

/// The variables that the command line understands.
const VARIABLES: [&str; 16] = [
    "KLATCH_ANSWERS",
    "KLATCH_CONFIG",
    "KLATCH_LISTEN",
    "KLATCH_DATA",
    "KLATCH_ADMIN_TOKEN",
    "KLATCH_ADMIN_TOKEN_FILE",
    "KLATCH_PEOPLE",
    "KLATCH_PUBLIC_URL",
    "KLATCH_BODY_TIMEOUT_SECS",
    "KLATCH_GRACE_SECS",
    "KLATCH_WEBHOOK_ALLOW",
    "KLATCH_WEBHOOK_ALLOW_HTTP",
    "KLATCH_WEBHOOK_RETENTION_DAYS",
    "KLATCH_LOG",
    "KLATCH_LOG_FORMAT",
    "KLATCH_URL",
];

fn admin_token(token: Option<String>, file: Option<PathBuf>) -> anyhow::Result<String> {
    let token = match (token, file) {
        (Some(_), Some(_)) => bail!("give admin_token or admin_token_file, not both"),
        (Some(token), None) => token,
        (None, Some(path)) => std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read admin_token_file {}", path.display()))?
            .trim()
            .to_owned(),
        (None, None) => bail!(
            "admin_token is missing: set it in the settings file, as KLATCH_ADMIN_TOKEN or with \
             --admin-token (for example the output of: openssl rand -hex 24)"
        ),
    };
    ensure!(
        token.chars().count() >= ADMIN_TOKEN_CHARS_MIN
            && token.chars().all(|c| c.is_ascii_graphic()),
        "admin_token must be at least {ADMIN_TOKEN_CHARS_MIN} visible ASCII characters"
    );
    Ok(token)
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
        // Every setting stands in the example, if only behind a comment sign.
        let uncommented = EXAMPLE
            .lines()
            .filter_map(|line| {
                line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).or(Some(line))
            })
            .filter(|line| !line.starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n");
        let file: File = toml::from_str(&uncommented).unwrap();
        assert_eq!(file.listen, Some(LISTEN));
        assert_eq!(file.data.as_deref(), Some(Path::new("data")));
        assert!(file.admin_token.is_some() && file.admin_token_file.is_some());
        assert_eq!(file.people, Some(false));
        assert!(file.public_url.is_some());
        assert_eq!(file.body_timeout_secs, Some(BODY_TIMEOUT_SECS));
        assert_eq!(file.grace_secs, Some(GRACE_SECS));
        assert_eq!(file.webhook_allow, Some(Vec::new()));
        assert_eq!(file.webhook_allow_http, Some(false));
        assert_eq!(file.webhook_retention_days, Some(RETENTION_DAYS));
        assert_eq!(file.log.as_deref(), Some("info,klatch::access=warn"));
        assert_eq!(file.log_format, Some(LogFormat::Auto));
    }

    #[test]
    fn a_bad_setting_is_named() {
        let resolve = |args: ServeArgs| args.resolve().map(drop).unwrap_err().to_string();
        assert!(resolve(ServeArgs::default()).contains("admin_token is missing"));
        let short = ServeArgs { admin_token: Some("short".to_owned()), ..ServeArgs::default() };
        assert!(resolve(short).contains("admin_token must be"));
        let good = || ServeArgs {
            admin_token: Some("0123456789abcdef".to_owned()),
            ..ServeArgs::default()
        };
        let url = ServeArgs { public_url: Some("klatch.example.com".to_owned()), ..good() };
        assert!(resolve(url).contains("public_url"));
        let slow = ServeArgs { body_timeout_secs: Some(0), ..good() };
        assert!(resolve(slow).contains("body_timeout_secs"));
        assert!(good().resolve().is_ok());
    }

    #[test]
    fn the_known_variables_are_those_of_the_flags() {
        let mut known: Vec<String> = Vec::new();
        for command in <crate::cli::Cli as clap::CommandFactory>::command().get_subcommands() {
            let variables = command.get_arguments().filter_map(clap::Arg::get_env);
            known.extend(variables.map(|name| name.to_string_lossy().into_owned()));
        }
        known.sort();
        known.dedup();
        let mut ours = VARIABLES.to_vec();
        ours.sort_unstable();
        assert_eq!(known, ours);
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
            admin_token: Some("from-the-flags-0123".to_owned()),
            people: Some(false),
            ..ServeArgs::default()
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
