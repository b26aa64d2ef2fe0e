//! `klatch tour`: one whole life of a group over real HTTP, in the words of one dialect, each
//! exchange printed, and each webhook as it arrives.

mod d360;
mod meta;
mod sinch;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use wire::Dialect;

use super::client;
use super::receiver::{Receiver, title};
use crate::config::{Settings, Storage};
use crate::directory::Secret;
use crate::lifecycle::Running;
use crate::runtime::Runtime;
use crate::sandbox;

/// How long a webhook may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Plays the tour on a private server.
pub async fn run(dialect: Dialect, runtime: Runtime) -> anyhow::Result<()> {
    let settings = Settings::dev(([127, 0, 0, 1], 0).into(), Storage::Memory);
    let server = Running::start(&settings, runtime.clone()).await?;
    let here = (IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let mut guide = Guide {
        client: client::build()?,
        base: format!("http://{}", server.address),
        // What is shown is the vendor's own proof, and not ours, which this receiver could check.
        receiver: Receiver::start(&runtime, here, Secret::new(String::new())).await?,
        sent_along: match dialect.name {
            "d360" => d360::SENT_ALONG,
            "sinch" => sinch::SENT_ALONG,
            _ => meta::SENT_ALONG,
        },
        out: std::io::stdout(),
        runtime,
    };
    match dialect.name {
        "d360" => d360::play(&mut guide).await?,
        "sinch" => sinch::play(&mut guide).await?,
        _ => meta::play(&mut guide).await?,
    }
    writeln!(guide.out, "That was a whole life of a group. Now your turn: klatch dev")?;
    server.stop().await;
    Ok(())
}

struct Guide<W> {
    runtime: Runtime,
    client: Client,
    base: String,
    receiver: Receiver,
    /// The header that is worth showing of a webhook.
    sent_along: &'static str,
    out: W,
}

impl<W: Write> Guide<W> {
    /// Where webhooks are to go.
    fn receiver_url(&self) -> String {
        format!("http://{}/", self.receiver.address)
    }

    fn title(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{text}\n")
    }

    /// Waits for the next webhook, which has to be this one, shows it, and gives its body.
    async fn told(&mut self, expected: &str) -> anyhow::Result<Value> {
        let arrived = self.runtime.timeout(ARRIVAL_TIMEOUT, self.receiver.next()).await;
        let arrived = arrived.ok().flatten().with_context(|| format!("no {expected} arrived"))?;
        let id = arrived.id().to_owned();
        let (headers, body) = arrived.answer(StatusCode::OK.into_response());
        let body: Value = serde_json::from_slice(&body)?;
        let name = self.sent_along;
        let sent_along = headers.get(name).and_then(|value| value.to_str().ok());
        writeln!(self.out, "  <- webhook {id}")?;
        writeln!(self.out, "     {name}: {}", sent_along.unwrap_or_default())?;
        for line in serde_json::to_string_pretty(&body)?.lines() {
            writeln!(self.out, "     {line}")?;
        }
        writeln!(self.out)?;
        let title = title(&body);
        ensure!(title == expected, "the tour expected the webhook {expected} here, not {title}");
        Ok(body)
    }

    /// A person taps a link.
    async fn taps(&mut self, wa_id: &str, link: &str, expected: u16) -> anyhow::Result<Value> {
        let body = json!({ "invite_link": link });
        self.person(Method::POST, wa_id, "/join", body, expected).await
    }

    /// A person does something.
    async fn person(
        &mut self,
        method: Method,
        wa_id: &str,
        action: &str,
        body: Value,
        expected: u16,
    ) -> anyhow::Result<Value> {
        let path = format!("/klatch/v1/people/{wa_id}{action}");
        let token = bearer(sandbox::ADMIN_TOKEN);
        self.exchange(method, &path, ("Authorization", &token), Some(body), expected).await
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        header: (&str, &str),
        body: Option<Value>,
        expected: u16,
    ) -> anyhow::Result<Value> {
        writeln!(self.out, "  {method} {path}")?;
        writeln!(self.out, "  {}: {}", header.0, header.1)?;
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, url).header(header.0, header.1);
        if let Some(body) = &body {
            writeln!(self.out, "  {body}")?;
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer = response.text().await?;
        writeln!(self.out, "  -> {status}")?;
        // Where there is nothing to tell, some vendors answer nothing.
        let answer: Value = match answer.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text)?,
        };
        if !answer.is_null() {
            for line in serde_json::to_string_pretty(&answer)?.lines() {
                writeln!(self.out, "     {line}")?;
            }
        }
        writeln!(self.out)?;
        ensure!(status == expected, "the tour expected status {expected} here");
        Ok(answer)
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}
