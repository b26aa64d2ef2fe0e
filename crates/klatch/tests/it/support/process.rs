//! The real program as a child process.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use klatch::sandbox;
use reqwest::{Client, Method};
use serde_json::Value;

/// The program with these arguments and nothing from the test's own environment.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klatch"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

/// What it printed.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it complained about.
pub(crate) fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const DEV: &[&str] = &["dev", "--listen", "127.0.0.1:0", "--log", "error"];

/// The program over these data, with the limits that a line of shell sets.
fn under(limits: &str, data: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!("{limits}; exec \"$@\"");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_klatch")]).args(DEV);
    command.arg("--data").arg(data).env_clear().stdin(Stdio::null());
    command
}

/// `klatch dev` on a free port; killed when it goes out of scope.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Sandbox {
    pub(crate) fn start(data: Option<&Path>) -> Self {
        let mut command = program(DEV);
        if let Some(data) = data {
            command.arg("--data").arg(data);
        }
        Self::spawn(command)
    }

    /// One that is told something else besides.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let mut command = program(DEV);
        command.args(args);
        Self::spawn(command)
    }

    /// One that may not make any file longer than so many bytes. The limit is a soft one: it can
    /// be lifted.
    pub(crate) fn start_limited(data: &Path, bytes: u32) -> Self {
        // Blocks of 512 bytes; and a write beyond them shall fail and not kill.
        Self::spawn(under(&format!("trap '' XFSZ; ulimit -S -f {}", bytes / 512), data))
    }

    /// One that may have so many files open at a time, and no more.
    pub(crate) fn start_with_files(data: &Path, files: u32) -> Self {
        Self::spawn(under(&format!("ulimit -n {files}"), data))
    }

    /// One whose warnings go into this file, one JSON object a line.
    pub(crate) fn start_logging(log: &Path) -> Self {
        let mut command = program(&["dev", "--listen", "127.0.0.1:0"]);
        command.args(["--log", "warn", "--log-format", "json"]);
        command.stderr(File::create(log).unwrap());
        Self::spawn(command)
    }

    /// The disk has room again.
    pub(crate) fn lift_limit(&self) {
        let pid = self.child.id().to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status();
        let lifted = lifted.expect("prlimit is missing: install util-linux");
        assert!(lifted.success());
    }

    /// One with these arguments, and what it prints up to a line that begins so.
    pub(crate) fn start_and_read(args: &[&str], until: &str) -> (Self, String) {
        Self::spawn_and_read(program(args), until)
    }

    fn spawn(command: Command) -> Self {
        Self::spawn_and_read(command, "klatch dev").0
    }

    fn spawn_and_read(mut command: Command, until: &str) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        loop {
            let begun = text.len();
            assert!(out.read_line(&mut text).unwrap() > 0, "it ended: {text}");
            if text[begun..].starts_with(until) {
                break;
            }
        }
        let first = text.lines().next().unwrap();
        let url = first.strip_prefix("klatch dev is up at ").unwrap().to_owned();
        // Whoever does not read what a child prints stops it in the end.
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        (Self { child, url, client }, text)
    }

    /// A call with the sandbox's key and token; `None` if there was no whole answer.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<(u16, Value)> {
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("D360-API-KEY", sandbox::KEY)
            .bearer_auth(sandbox::ADMIN_TOKEN);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`; gives the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
