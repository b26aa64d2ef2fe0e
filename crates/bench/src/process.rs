//! Children: servers in processes of their own, made of this same executable.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

use crate::load::{Caller, Client};

/// The name under which this executable is `klatch`.
pub(crate) const KLATCH: &str = "klatch";
/// The admin token of every server that is started here.
const TOKEN: &str = "bench-admin-token";
/// The number that everything happens to.
pub(crate) const NUMBER: &str = "106540352242922";
/// Its digits.
pub(crate) const DISPLAY_NUMBER: &str = "15550783881";
/// More groups than anybody measures.
const GROUPS_LIMIT: u64 = 10_000_000;

/// The operator of every server that is started here.
pub(crate) fn operator() -> anyhow::Result<Caller> {
    Caller::operator(TOKEN)
}

/// A server in a process of its own. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

fn command(name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    // Nobody's settings but ours.
    command.arg0(name).env_clear().kill_on_drop(true).stdin(Stdio::null());
    Ok(command)
}

impl Server {
    /// `klatch serve` over a folder, with people on.
    pub(crate) async fn klatch(folder: &Path) -> anyhow::Result<Self> {
        let mut command = command(KLATCH)?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-token", TOKEN]);
        // Receivers share the machine.
        command.args(["--webhook-allow", "127.0.0.0/8", "--webhook-allow-http", "true"]);
        command.args(["--people", "true", "--log-format", "json", "--data"]).arg(folder);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut log = lines(child.stderr.take())?;
        let address = first(&mut log, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line["address"].as_str().map(str::to_owned)
        });
        let address = address.await?;
        // Whatever it has to complain of from now on is worth reading.
        listen(log, |line| {
            if !line.contains(r#""level":"INFO""#) {
                eprintln!("{line}");
            }
        });
        Ok(Self { child, address })
    }

    /// `klatch dev` in memory, as it is started by hand.
    pub(crate) async fn dev() -> anyhow::Result<Self> {
        let mut command = command(KLATCH)?;
        command.args(["dev", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut out = lines(child.stdout.take())?;
        let address = first(&mut out, |line| {
            Some(line.strip_prefix("klatch dev is up at http://")?.to_owned())
        });
        let address = address.await?;
        listen(out, drop);
        Ok(Self { child, address })
    }

    /// The baseline of reads.
    pub(crate) async fn constant(body: &Path) -> anyhow::Result<Self> {
        Self::bench(&[OsStr::new("constant"), body.as_os_str()]).await
    }

    /// A receiver of webhooks that counts.
    pub(crate) async fn receiver() -> anyhow::Result<Self> {
        Self::bench(&[OsStr::new("receive")]).await
    }

    async fn bench(args: &[&OsStr]) -> anyhow::Result<Self> {
        let mut command = command("bench")?;
        command.args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let mut out = lines(child.stdout.take())?;
        let address = first(&mut out, |line| Some(line.to_owned())).await?;
        Ok(Self { child, address })
    }

    /// Kills it without warning and waits until it is gone: what was answered has to be there.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Its resident set, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let id = self.child.id().context("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next());
        Ok(kilobytes.context("no VmRSS in /proc")?.parse::<u64>()? * 1_024)
    }

    /// Adds account, number and key; gives who holds the key. The number may have as many groups
    /// as there can be.
    pub(crate) async fn furnish(&self) -> anyhow::Result<Caller> {
        let operator = operator()?;
        let mut client = Client::connect(self.address).await?;
        let account = json!({ "id": "acc_bench", "name": "Bench" });
        let number = json!({
            "account_id": "acc_bench",
            "phone_number_id": NUMBER,
            "display_phone_number": DISPLAY_NUMBER,
            "limits": { "groups": GROUPS_LIMIT },
        });
        let key = json!({ "phone_number_id": NUMBER });
        let mut answer = Value::Null;
        for (list, body) in [("accounts", account), ("numbers", number), ("keys", key)] {
            let path = format!("/klatch/v1/{list}");
            let ask = operator.ask(hyper::Method::POST, &path, body.to_string().into())?;
            answer = client.json(ask).await?;
        }
        Caller::business(answer["key"].as_str().context("no key in the answer")?)
    }

    /// Has every change answered with its `request_id`, which 360dialog does not publish.
    pub(crate) async fn answer_with_superset(&self) -> anyhow::Result<()> {
        let path = format!("/klatch/v1/numbers/{NUMBER}");
        let body = json!({ "answers": "superset" });
        let ask = operator()?.ask(hyper::Method::PATCH, &path, body.to_string().into())?;
        Client::connect(self.address).await?.json(ask).await.map(drop)
    }

    /// Adds a receiver in a dialect that has no handshake; gives its id.
    pub(crate) async fn subscribe(&self, url: &str) -> anyhow::Result<String> {
        let new = json!({ "phone_number_id": NUMBER, "url": url, "dialect": "d360" });
        let created = self.told("/klatch/v1/subscriptions", new.to_string().into()).await?;
        Ok(created["id"].as_str().context("no id in the answer")?.to_owned())
    }

    /// Has a receiver's deliveries wait.
    pub(crate) async fn pause(&self, subscription: &str) -> anyhow::Result<()> {
        let path = format!("/klatch/v1/subscriptions/{subscription}/pause");
        self.told(&path, Bytes::new()).await.map(drop)
    }

    /// Lets a receiver's deliveries go out.
    pub(crate) async fn resume(&self, subscription: &str) -> anyhow::Result<()> {
        let path = format!("/klatch/v1/subscriptions/{subscription}/resume");
        self.told(&path, Bytes::new()).await.map(drop)
    }

    async fn told(&self, path: &str, body: Bytes) -> anyhow::Result<Value> {
        let mut client = Client::connect(self.address).await?;
        client.json(operator()?.ask(hyper::Method::POST, path, body)?).await
    }
}

fn lines<R: AsyncRead + Unpin>(pipe: Option<R>) -> anyhow::Result<Lines<BufReader<R>>> {
    Ok(BufReader::new(pipe.context("the child has no pipe")?).lines())
}

/// Reads on until the child ends: one that finds nobody listening any more would end at once.
fn listen<R>(mut lines: Lines<BufReader<R>>, mut hear: impl FnMut(String) + Send + 'static)
where
    R: AsyncRead + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            hear(line);
        }
    });
}

/// Reads until a line tells the address.
async fn first<R: AsyncRead + Unpin>(
    lines: &mut Lines<BufReader<R>>,
    find: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<SocketAddr> {
    let mut seen = String::new();
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = find(&line) {
            return Ok(address.parse()?);
        }
        seen.push_str(&line);
    }
    bail!("the server did not start: {seen}")
}
