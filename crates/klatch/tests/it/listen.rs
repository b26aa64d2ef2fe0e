//! `klatch webhook`, `delivery`, `event` and `listen`, as a person runs them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use klatch::directory::Secret;
use klatch::sandbox;
use klatch::webhook::sign;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::process::{Sandbox, complained, printed, program};

/// Runs the program against a sandbox; gives what it printed.
fn klatch(sandbox: &Sandbox, args: &[&str]) -> Value {
    let output = program(args).env("KLATCH_URL", &sandbox.url).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", complained(&output));
    serde_json::from_str(&printed(&output)).unwrap()
}

fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = program(args).env("KLATCH_URL", &sandbox.url).output().unwrap();
    assert!(!output.status.success(), "{args:?}");
    complained(&output)
}

/// `klatch listen` as a child.
struct Listening {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Listening {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut command = program(&["listen"]);
        command.args(args).env("KLATCH_URL", &sandbox.url).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Reads on to the next line that holds this.
    fn until(&mut self, piece: &str) -> String {
        let mut read = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.out.read_line(&mut line).unwrap(), 0, "no {piece} in:\n{read}");
            if line.contains(piece) {
                return line;
            }
            read.push_str(&line);
        }
    }

    /// Ctrl-C; gives whether it ended well.
    fn interrupt(self) -> bool {
        self.signal("-INT")
    }

    /// Sends a signal; gives whether it ended well.
    fn signal(mut self, signal: &str) -> bool {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that webhooks are handed on to: takes the first, refuses the second, and so on.
async fn own_program() -> (String, mpsc::UnboundedReceiver<(HeaderMap, String)>) {
    let (sender, arrivals) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let taken = std::sync::atomic::AtomicUsize::new(0);
    let taken = std::sync::Arc::new(taken);
    let take = move |headers: HeaderMap, body: String| {
        let before = taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let sent = sender.send((headers, body));
        async move {
            sent.unwrap();
            if before == 0 { StatusCode::OK } else { StatusCode::IM_A_TEAPOT }
        }
    };
    let router = Router::new().route("/hook", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, arrivals)
}

async fn create(sandbox: &Sandbox, subject: &str) {
    let body = json!({ "subject": subject });
    assert_eq!(sandbox.call(Method::POST, "/groups", Some(body)).await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_shows_checks_and_hands_on() {
    let sandbox = Sandbox::start(None);
    let (url, mut arrivals) = own_program().await;
    let mut listening = Listening::start(&sandbox, &["--forward", &url]);
    let first = listening.until("listening to");
    assert!(first.contains(sandbox::PHONE_NUMBER_ID), "{first}");
    let secret = listening.until("secret");
    assert_eq!(secret.trim(), "secret  klatch-app-secret  (the sandbox's app secret)");

    create(&sandbox, "Handed on: ä").await;
    let shown = listening.until("group_lifecycle_update group_create");
    assert!(shown.contains("(signed)"), "{shown}");
    listening.until("\"subject\": \"Handed on: ä\"");
    let (headers, body) = arrivals.recv().await.unwrap();
    let app_secret = Secret::new(sandbox::APP_SECRET.to_owned());
    assert!(sign::is_right(&headers, &app_secret, body.as_bytes()));
    assert!(headers.contains_key("x-hub-signature-256"));
    assert_eq!(headers["content-type"], "application/json");

    // The program's answer is ours.
    create(&sandbox, "Refused").await;
    let shown = listening.until("group_lifecycle_update group_create");
    let id = shown.split_whitespace().find(|word| word.starts_with("msg_")).unwrap();
    arrivals.recv().await.unwrap();
    let delivery = loop {
        let delivery = klatch(&sandbox, &["delivery", "show", id]);
        if delivery["state"] != "pending" {
            break delivery;
        }
    };
    assert_eq!(delivery["state"], "failing");
    assert_eq!(delivery["tried"][0]["status"], 418);

    // What comes again is said to.
    klatch(&sandbox, &["delivery", "replay", id]);
    assert!(listening.until("(signed, again)").contains(id));

    // Who is forgotten subscribes anew.
    let subscriptions = klatch(&sandbox, &["webhook", "list"]);
    let old = subscriptions["data"][0]["id"].as_str().unwrap();
    klatch(&sandbox, &["webhook", "remove", old]);
    assert!(!listening.until("listening to").contains(old));

    assert!(listening.interrupt());
    assert_eq!(klatch(&sandbox, &["webhook", "list"])["data"], json!([]));
}

/// A secret that is nobody else's business is printed only to the person who has typed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_says_which_secret_signs() {
    let sandbox = Sandbox::start(None);
    let said = |args: &[&str]| {
        let mut listening = Listening::start(&sandbox, args);
        let said = listening.until("secret").trim().to_owned();
        assert!(listening.interrupt());
        said
    };
    let given = ["--dialect", "sinch", "--secret", "sixteen-letters!"];
    assert_eq!(said(&given), "secret  sixteen-letters!  (from --secret)");
    let minted = said(&["--dialect", "sinch"]);
    assert!(minted.starts_with("secret  whsec_"), "{minted}");
    assert!(minted.ends_with("  (random; choose one with --secret)"), "{minted}");

    // Somebody's own account.
    klatch(&sandbox, &["account", "add", "Acme", "--id", "acc_acme"]);
    let account = ["--account-id", "acc_acme"];
    assert_eq!(
        said(&account),
        "secret  the app secret of acc_acme; `klatch account show acc_acme` shows it"
    );
    assert_eq!(
        said(&["--account-id", "acc_acme", "--dialect", "d360"]),
        "secret  random, and not shown; choose one with --secret"
    );
    let short = refused(&sandbox, &["listen", "--secret", "short"]);
    assert!(short.contains("secret must be 16 to 256"), "{short}");
}

/// Whichever way it ends, its subscription goes, and nobody else's does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_come_and_go() {
    let sandbox = Sandbox::start(None);
    let all = || klatch(&sandbox, &["webhook", "list"])["data"].as_array().unwrap().clone();
    let mut first = Listening::start(&sandbox, &[]);
    first.until("listening to");
    let mut second = Listening::start(&sandbox, &["--brief"]);
    second.until("listening to");
    create(&sandbox, "For both").await;
    first.until("group_lifecycle_update group_create");
    second.until("group_lifecycle_update group_create");
    assert_eq!(all().len(), 2);
    assert!(all().iter().all(|one| one["lease_until"].is_string()), "{:?}", all());
    assert!(second.signal("-HUP"), "its terminal was closed");
    assert_eq!(all().len(), 1);
    assert!(first.signal("-TERM"));
    assert_eq!(all().len(), 0);

    // One that was killed is replaced by the next at the same address.
    let mut killed = Listening::start(&sandbox, &[]);
    killed.until("listening to");
    let left = all().remove(0);
    let url = reqwest::Url::parse(left["url"].as_str().unwrap()).unwrap();
    assert!(!killed.signal("-KILL"));
    assert_eq!(all()[0]["id"], left["id"], "until its lease ends");
    let port = url.port().unwrap().to_string();
    let mut next = Listening::start(&sandbox, &["--port", &port]);
    assert!(!next.until("listening to").contains(left["id"].as_str().unwrap()));
    assert_eq!(all().len(), 1);

    // What somebody has added by hand is not replaced.
    assert!(next.interrupt());
    let number = sandbox::PHONE_NUMBER_ID;
    let by_hand =
        ["webhook", "add", url.as_str(), "--dialect", "sinch", "--phone-number-id", number];
    let by_hand = klatch(&sandbox, &by_hand)["id"].as_str().unwrap().to_owned();
    let why = refused(&sandbox, &["listen", "--dialect", "sinch", "--port", &port]);
    assert!(why.contains("already subscribed") && why.contains(&by_hand), "{why}");
    assert_eq!(all().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_are_managed_from_the_terminal() {
    let sandbox = Sandbox::start(None);
    let mut listening = Listening::start(&sandbox, &["--dialect", "sinch", "--brief"]);
    listening.until("listening to");
    let listed = klatch(&sandbox, &["webhook", "list"]);
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();

    let tested = klatch(&sandbox, &["webhook", "test", &id, "--event", "group_admins_promote"]);
    assert_eq!(tested["state"], "delivered");
    assert!(listening.until("group_user_promoted").contains("(signed)"));
    let unknown = refused(&sandbox, &["webhook", "test", &id, "--event", "group_suspend"]);
    assert!(unknown.contains("event is nothing that sinch tells of"), "{unknown}");

    assert_eq!(klatch(&sandbox, &["webhook", "pause", &id])["status"], "paused");
    assert_eq!(klatch(&sandbox, &["webhook", "resume", &id])["status"], "on");
    let rotated = klatch(&sandbox, &["webhook", "rotate", &id, "--overlap-hours", "0"]);
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_"), "{rotated}");
    // The listener knows the old one only.
    klatch(&sandbox, &["webhook", "test", &id]);
    listening.until("WRONG SIGNATURE");

    let added = klatch(
        &sandbox,
        &[
            "webhook",
            "add",
            "http://127.0.0.1:9/hook",
            "--dialect",
            "d360",
            "--phone-number-id",
            sandbox::PHONE_NUMBER_ID,
            "--field",
            "group_settings_update",
            "--header",
            "X-Team: cars",
            "--timeout-secs",
            "3",
        ],
    );
    assert_eq!(added["fields"], json!(["group_settings_update"]));
    assert_eq!(added["headers"], json!(["X-Team"]));
    let added = added["id"].as_str().unwrap();
    assert_eq!(klatch(&sandbox, &["webhook", "show", added])["timeout_secs"], 3);
    assert_eq!(klatch(&sandbox, &["webhook", "remove", added])["status"], "removed");
    let gone = refused(&sandbox, &["webhook", "show", added]);
    assert!(gone.contains("subscription_id does not exist"), "{gone}");
    let bad = refused(
        &sandbox,
        &["webhook", "add", "nowhere", "--dialect", "d360", "--account-id", sandbox::ACCOUNT],
    );
    assert!(bad.contains("url must be an address"), "{bad}");

    let tests = klatch(&sandbox, &["delivery", "list", "--subscription-id", &id]);
    assert_eq!(tests["data"].as_array().unwrap().len(), 2);
    let nothing = refused(&sandbox, &["delivery", "replay"]);
    assert!(nothing.contains("must be given"), "{nothing}");
    let events = klatch(&sandbox, &["event", "list", "--subscription-id", &id]);
    let kinds: Vec<_> = events["data"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(
        kinds,
        [
            "subscription_added",
            "subscription_paused",
            "subscription_resumed",
            "subscription_secret_rotated",
        ]
    );
    assert!(listening.interrupt());
}
