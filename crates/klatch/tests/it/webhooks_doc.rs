//! What `docs/webhooks.md` tells those who write receivers: its programs run, and its names,
//! bodies and figures are the code's.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::ids::{PhoneNumberId, RequestId};
use domain::values::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use klatch::directory::{Secret, Secrets};
use klatch::sandbox;
use klatch::webhook::retry::Verdict;
use klatch::webhook::sign::{self, Signing};
use klatch::webhook::{dispatch, memory, retry, sample, send, target};
use serde_json::Value;
use sha2::Sha256;
use tempfile::TempDir;
use wire::Dialect;
use wire::graph::webhook::GRAPH;
use wire::news::Topic;
use wire::sinch::webhook::CALLBACKS;
use wire::spec::Format;

use crate::support::{BEGINNING_MS, TestApp, seeded};

const NOW: Timestamp = Timestamp::from_millis(BEGINNING_MS);
/// The call in the document's bodies.
const REQUEST_ID: &str = "7C1F0B9D52E84A36B0D1E7F3A9254C68";
/// The event in the document's bodies.
const SAMPLE: &str = "group_participants_remove_partly_failed";

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/webhooks.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between the fences of a language, block by block.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while lines.any(|line| line.strip_prefix("```") == Some(language)) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(block.join("\n") + "\n");
    }
    blocks
}

/// The cells of the rows below this head.
fn table<'a>(document: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let rows = document.lines().skip_while(|line| *line != head).skip(2);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "there is no table {head}");
    rows
}

/// Numbers in a text, with or without commas between the thousands.
fn numbers(text: &str) -> Vec<u64> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != ',');
    words.filter_map(|word| word.replace(',', "").parse().ok()).collect()
}

/// A language that the document has a program in.
struct Language {
    fence: &'static str,
    /// What runs its programs.
    runs: &'static str,
    /// What has to answer so that they can run.
    asks: &'static [(&'static str, &'static str)],
}

const LANGUAGES: [Language; 3] = [
    Language { fence: "python", runs: "python3", asks: &[("python3", "--version")] },
    Language { fence: "javascript", runs: "node", asks: &[("node", "--version")] },
    Language {
        fence: "bash",
        runs: "bash",
        asks: &[("bash", "--version"), ("openssl", "version")],
    },
];

impl Language {
    fn is_there(&self) -> bool {
        self.asks.iter().all(|(program, argument)| {
            let mut command = Command::new(program);
            command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        })
    }
}

/// The document's program in one language.
struct Program {
    runs: &'static str,
    file: PathBuf,
    _folder: TempDir,
}

impl Program {
    fn of(language: &Language, document: &str) -> Self {
        let Language { fence, runs, .. } = language;
        let [text] = <[String; 1]>::try_from(blocks(document, fence)).unwrap();
        assert!(text.lines().count() < 35, "the program in {fence} is too long to be read");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("verify");
        std::fs::write(&file, text).unwrap();
        Self { runs, file, _folder: folder }
    }

    /// Whether the program takes the delivery for ours.
    #[track_caller]
    fn takes(&self, delivery: &Received<'_>) -> bool {
        let Received { secret, id, timestamp, signature, hub, body } = delivery;
        let mut child = Command::new(self.runs)
            .arg(&self.file)
            .env("WEBHOOK_SECRET", secret)
            .env("WEBHOOK_ID", id)
            .env("WEBHOOK_TIMESTAMP", timestamp)
            .env("WEBHOOK_SIGNATURE", signature)
            .env("HUB_SIGNATURE", hub)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(body).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        match (said.as_str(), output.status.code()) {
            ("ok\n", Some(0)) => true,
            ("wrong\n", Some(1)) => false,
            other => panic!("{}: {other:?}", self.runs),
        }
    }
}

/// What a receiver knows and gets.
#[derive(Clone)]
struct Received<'a> {
    secret: &'a str,
    id: String,
    timestamp: String,
    signature: String,
    /// Empty if that one is not looked at.
    hub: String,
    body: &'a [u8],
}

impl<'a> Received<'a> {
    /// A delivery as it is sent, in the hands of somebody who knows this secret.
    fn new(dialect: Dialect, secrets: &Secrets, secret: &'a str, body: &'a [u8]) -> Self {
        let headers = headers(dialect, secrets, body);
        Self {
            secret,
            id: text(&headers, &sign::ID_HEADER),
            timestamp: text(&headers, &sign::TIMESTAMP_HEADER),
            signature: text(&headers, &sign::SIGNATURE_HEADER),
            hub: String::new(),
            body,
        }
    }

    /// The same, for somebody who goes by Meta's header.
    fn by_hub(dialect: Dialect, secrets: &Secrets, secret: &'a str, body: &'a [u8]) -> Self {
        let hub = text(&headers(dialect, secrets, body), &sign::HUB_HEADER);
        Self { hub, ..Self::new(dialect, secrets, secret, body) }
    }
}

fn headers(dialect: Dialect, secrets: &Secrets, body: &[u8]) -> HeaderMap {
    let id = "msg_42_00c0ffee00c0ffee";
    sign::headers(Signing { dialect, vendor_signature: true, secrets, id, at: NOW, body })
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers[name].to_str().unwrap().to_owned()
}

fn alone(secret: &str) -> Secrets {
    Secrets { current: Secret::new(secret.to_owned()), old: None }
}

/// While a receiver changes from one to the other.
fn changing(old: &str, new: &str) -> Secrets {
    let until = retry::later(NOW, Duration::from_hours(1));
    Secrets { old: Some((Secret::new(old.to_owned()), until)), ..alone(new) }
}

/// A body of this format, as it is sent.
async fn body(format: &Format, name: &str) -> Option<(Topic, Vec<u8>)> {
    let app = TestApp::new().await.app;
    let number = PhoneNumberId::parse(sandbox::PHONE_NUMBER_ID).unwrap();
    let number = app.directory.number(&number).await.unwrap().unwrap();
    let request_id = RequestId::parse(REQUEST_ID).unwrap();
    let ids = app.person_ids(&number.account).await.unwrap();
    let payload = sample::render(name, format, &number, &ids, &request_id, NOW).unwrap();
    payload.map(|payload| (payload.topic, payload.body))
}

#[tokio::test]
async fn the_programs_tell_ours_from_others() {
    let document = document();
    let mut run = 0;
    for language in &LANGUAGES {
        if language.is_there() {
            tell_ours_from_others(&Program::of(language, &document)).await;
            run += 1;
        } else {
            // Not `eprintln`, which a passing test is not heard to say.
            let mut heard = std::io::stderr();
            writeln!(heard, "docs/webhooks.md: the program in {} was not run", language.fence)
                .unwrap();
        }
    }
    assert!(run > 0, "none of the document's languages is there");
}

async fn tell_ours_from_others(program: &Program) {
    let minted = seeded(7).signing_secret();
    let (minted, brought) = (minted.as_str(), "a secret/of+one's=own");
    for dialect in [Dialect::META, Dialect::SINCH] {
        let (_, body) = body(dialect.webhooks.format, SAMPLE).await.unwrap();
        let received = |secrets: &Secrets, secret| Received::new(dialect, secrets, secret, &body);
        for secret in [minted, brought] {
            assert!(program.takes(&received(&alone(secret), secret)));
        }
        let during = changing(brought, minted);
        for secret in [minted, brought] {
            assert!(program.takes(&received(&during, secret)));
        }
        let ours = received(&alone(minted), minted);
        let tampered = [&body[..body.len() - 1], b" }"].concat();
        assert!(!program.takes(&Received { body: &tampered, ..ours.clone() }));
        let id = "msg_43_00c0ffee00c0ffee".to_owned();
        assert!(!program.takes(&Received { id, ..ours }));
        assert!(!program.takes(&received(&during, "somebody else's")));
    }
    let (_, body) = body(&GRAPH, SAMPLE).await.unwrap();
    let during = changing(brought, minted);
    let by_hub = |secret, body| Received::by_hub(Dialect::D360, &during, secret, body);
    let ours = by_hub(brought, &body[..]);
    assert!(program.takes(&ours));
    assert!(!program.takes(&Received { body: b"{}", ..ours }));
    assert!(!program.takes(&by_hub(minted, &body)));
    let minted_alone = Received::by_hub(Dialect::META, &alone(minted), minted, &body);
    assert!(program.takes(&minted_alone));
}

/// Sinch's signature has no program in the document, only a line.
#[test]
fn sinchs_signature_is_as_the_document_says() {
    assert!(document().contains("base64 of HMAC-SHA256 over `{body}.{nonce}`"));
    let (secret, body) = ("whsec_c2VjcmV0", "{}");
    let headers = headers(Dialect::SINCH, &changing(secret, "another one"), body.as_bytes());
    let nonce = HeaderName::from_static("sinch-whatsapp-callback-signature-nonce");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{body}.{}", text(&headers, &nonce)).as_bytes());
    let expected = BASE64.encode(mac.finalize().into_bytes());
    assert_eq!(text(&headers, &sign::SINCH_HEADER), expected);
}

#[tokio::test]
async fn the_bodies_are_those_that_are_sent() {
    let document = document();
    let shown = blocks(&document, "json");
    assert_eq!(shown.len(), 2);
    for (shown, format) in shown.iter().zip([&GRAPH, &CALLBACKS]) {
        let (_, body) = body(format, SAMPLE).await.unwrap();
        assert!(body.is_ascii());
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let shown: Value = serde_json::from_str(shown).unwrap();
        assert_eq!(shown, sent);
    }
    assert!(document.contains(&format!("The two bodies above are `{SAMPLE}`.")));
}

/// The `type` or the `event_type` of everything in a body.
fn types(format: &Format, body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let types: Vec<&Value> = if *format == GRAPH {
        vec![&body["entry"][0]["changes"][0]["value"]["groups"][0]["type"]]
    } else {
        let all = body["notifications"].as_array().unwrap();
        all.iter().map(|one| &one["message"]["event_type"]).collect()
    };
    types.into_iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_sample_is_told_as_the_table_says() {
    let document = document();
    let rows = table(&document, "| event | Meta, 360dialog: `type` | Sinch: `event_type` |");
    let names: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(names, sample::NAMES);
    let happens = table(
        &document,
        "| what happens | field | Meta, 360dialog: `type` | `request_id` | Sinch: `event_type` |",
    );
    for (row, name) in rows.iter().zip(sample::NAMES) {
        for (format, cell, column) in [(&GRAPH, row[1], 2), (&CALLBACKS, row[2], 4)] {
            let Some((topic, body)) = body(format, name).await else {
                assert_eq!(cell, "–", "{name}");
                continue;
            };
            let types = types(format, &body);
            let quoted: Vec<String> = types.iter().map(|one| format!("`{one}`")).collect();
            assert_eq!(cell, quoted.join(", "), "{name}");
            // Each of them stands in the large table, too, under its field.
            let field = format!("`{}`", topic.as_str());
            for one in quoted {
                let stands =
                    happens.iter().any(|row| row[1] == field && row[column].contains(&one));
                assert!(stands, "{one} is not told of under {field}");
            }
        }
    }
}

#[test]
fn every_field_and_setting_is_named() {
    let document = document();
    for topic in Topic::ALL {
        assert!(document.contains(&format!("`{}`", topic.as_str())), "{}", topic.as_str());
    }
    let headers = [sign::ID_HEADER, sign::TIMESTAMP_HEADER, sign::SIGNATURE_HEADER];
    for header in headers.into_iter().chain([sign::SINCH_HEADER]) {
        assert!(document.contains(&format!("| `{header}` |")), "{header}");
    }
}

#[test]
fn the_waits_are_those_that_are_kept() {
    let document = document();
    let rows = table(&document, "| failed | Meta | 360dialog | Sinch |");
    for (index, row) in rows.iter().enumerate() {
        let failed = u32::try_from(index + 1).unwrap();
        assert_eq!(numbers(row[0]), [u64::from(failed)]);
        // The last row goes on.
        let last = index + 1 == rows.len();
        for failed in failed..if last { 10_000 } else { failed + 1 } {
            for (dialect, cell) in Dialect::ALL.into_iter().zip(&row[1..]) {
                let shown = numbers(cell).first().copied();
                let kept = retry::wait(dialect, failed).map(|wait| wait.as_secs());
                assert_eq!(shown, kept, "{} after {failed}", dialect.as_str());
                assert_eq!(kept.is_none(), *cell == "given up");
            }
        }
    }
}

#[test]
fn answers_are_read_as_the_table_says() {
    let document = document();
    for row in table(&document, "| answer | Meta | 360dialog | Sinch |") {
        let statuses: Vec<Option<u16>> = match row[0] {
            "none" => vec![None],
            cell => numbers(&cell.replace("4xx", ""))
                .into_iter()
                .map(|status| Some(u16::try_from(status).unwrap()))
                .collect(),
        };
        assert!(!statuses.is_empty(), "{row:?}");
        for status in statuses {
            for (dialect, cell) in Dialect::ALL.into_iter().zip(&row[1..]) {
                let expected = match *cell {
                    "received" => Verdict::Delivered,
                    "retried" => Verdict::Failed,
                    "given up" => Verdict::Refused,
                    "switched off" => Verdict::Gone,
                    other => panic!("{other}"),
                };
                assert_eq!(retry::verdict(dialect, status), expected, "{status:?} {row:?}");
            }
        }
    }
}

#[test]
fn the_other_figures_are_the_codes() {
    let document = document();
    let secs = |dialect: Dialect| dialect.webhooks.timeout.as_secs();
    assert_eq!(secs(Dialect::META), secs(Dialect::SINCH));
    let hours = |duration: Duration| duration.as_secs() / 3_600;
    for phrase in [
        format!(
            "{} s for 360dialog, {} s for the others",
            secs(Dialect::D360),
            secs(Dialect::META)
        ),
        format!("At most {} deliveries", memory::CONCURRENCY),
        format!("| when | {} hours after", hours(dispatch::OFF_AFTER)),
        format!("The horizon is {} days", hours(retry::HORIZON) / 24),
        format!("at most {} hours", hours(retry::RETRY_AFTER_MAX)),
        format!("| address | {} characters", target::URL_CHARS_MAX),
        format!("| headers sent along | {}, with values of 4,096 bytes", target::HEADERS_MAX),
        format!(
            "| timeout | {} to {} s |",
            target::TIMEOUT_SECS.start(),
            target::TIMEOUT_SECS.end()
        ),
        format!("{} KB is kept", send::ANSWER_HEAD_BYTES_MAX / 1_024),
    ] {
        assert!(document.contains(&phrase), "docs/webhooks.md does not say: {phrase}");
    }
    assert_eq!(target::HEADER_VALUE_BYTES_MAX, 4_096);
    let sinch: u64 = (1..)
        .map_while(|failed| retry::wait(Dialect::SINCH, failed))
        .map(|wait| wait.as_secs())
        .sum();
    let last = document.lines().find(|line| line.starts_with("- Sinch's retries come to")).unwrap();
    assert_eq!(numbers(last), [sinch]);
}
