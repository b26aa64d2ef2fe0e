//! `klatch tour`: one whole life of a group over real HTTP, each exchange printed, and each webhook
//! as it arrives.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::client;
use super::receiver::{Receiver, title};
use crate::config::{Settings, Storage};
use crate::directory::Secret;
use crate::lifecycle::Running;
use crate::sandbox;

/// How long a webhook may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Plays the tour on a private server.
pub async fn run() -> anyhow::Result<()> {
    let settings = Settings::dev(([127, 0, 0, 1], 0).into(), Storage::Memory);
    let server = Running::start(&settings).await?;
    // The receiver of this API is told from others by a header, not by a signature.
    let here = (IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let mut guide = Guide {
        client: client::build()?,
        base: format!("http://{}", server.address),
        receiver: Receiver::start(here, Secret::new(String::new())).await?,
        out: std::io::stdout(),
    };
    guide.play().await?;
    writeln!(guide.out, "That was a whole life of a group. Now your turn: klatch dev")?;
    server.stop().await;
    Ok(())
}

struct Guide<W> {
    client: Client,
    base: String,
    receiver: Receiver,
    out: W,
}

impl<W: Write> Guide<W> {
    async fn play(&mut self) -> anyhow::Result<()> {
        self.title("A business says where its webhooks go, and what is to be sent along.")?;
        let url = format!("http://{}/", self.receiver.address);
        let body = json!({ "url": url, "headers": { "Authorization": "Basic dG91cjp0b3Vy" } });
        self.business(Method::POST, "/v1/configs/webhook", Some(body), 200).await?;

        self.title("It creates a group. Whoever wants to come in has to ask.")?;
        let body = json!({
            "messaging_product": "whatsapp",
            "subject": "Test drives",
            "description": "Book a seat, ask anything.",
            "join_approval_mode": "approval_required",
        });
        let created = self.business(Method::POST, "/groups", Some(body), 200).await?;
        let group = text(&created, "id");
        self.told("group_lifecycle_update group_create").await?;
        let at_group = format!("/groups/{group}");
        let at_link = format!("{at_group}/invite_link");
        let at_requests = format!("{at_group}/join_requests");

        self.title("It gets the invite link, to be sent to customers.")?;
        let link = self.business(Method::GET, &at_link, None, 200).await?;
        let link = text(&link, "invite_link");

        self.title("Ann and Bob tap the link. Each tap opens a join request.")?;
        let ann = self.taps("16505551234", &link, 200).await?;
        self.told("group_participants_update group_join_request_created").await?;
        let bob = self.taps("16505551235", &link, 200).await?;
        self.told("group_participants_update group_join_request_created").await?;
        let (ann, bob) = (text(&ann, "join_request_id"), text(&bob, "join_request_id"));

        self.title("The business sees who is waiting.")?;
        self.business(Method::GET, &at_requests, None, 200).await?;

        self.title(
            "It lets Ann in, together with somebody who never asked: that one fails alone.",
        )?;
        let body = json!({ "messaging_product": "whatsapp", "join_requests": [ann, "bm9ib2R5"] });
        self.business(Method::POST, &at_requests, Some(body), 200).await?;
        self.told("group_participants_update group_participants_add").await?;

        self.title("It turns Bob away. He could ask again. Of that no webhook tells.")?;
        let body = json!({ "messaging_product": "whatsapp", "join_requests": [bob] });
        self.business(Method::DELETE, &at_requests, Some(body), 200).await?;

        self.title("It removes Ann. A link never lets her in again.")?;
        let participants = json!([{ "user": "+1 650-555-1234" }]);
        let body = json!({ "messaging_product": "whatsapp", "participants": participants });
        self.business(Method::DELETE, &format!("{at_group}/participants"), Some(body), 200).await?;
        self.told("group_participants_update group_participants_remove").await?;
        self.taps("16505551234", &link, 403).await?;

        self.title("It resets the link. The old one is dead, for Bob as for anybody.")?;
        let body = json!({ "messaging_product": "whatsapp" });
        let fresh = self.business(Method::POST, &at_link, Some(body), 200).await?;
        self.taps("16505551235", &link, 404).await?;
        self.taps("16505551235", &text(&fresh, "invite_link"), 200).await?;
        self.told("group_participants_update group_join_request_created").await?;

        self.title("It changes subject and description, and looks at the result.")?;
        let body = json!({ "messaging_product": "whatsapp", "subject": "Test drives, May" });
        self.business(Method::POST, &at_group, Some(body), 200).await?;
        self.told("group_settings_update group_settings_update").await?;
        let fields = "?fields=subject,description,participants,total_participant_count,suspended";
        self.business(Method::GET, &format!("{at_group}{fields}"), None, 200).await?;

        self.title("It lists its groups.")?;
        self.business(Method::GET, "/groups?limit=10", None, 200).await?;

        self.title("It deletes the group. From then on there never was one.")?;
        self.business(Method::DELETE, &at_group, None, 200).await?;
        self.told("group_lifecycle_update group_delete").await?;
        self.business(Method::GET, &at_group, None, 404).await?;
        Ok(())
    }

    fn title(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{text}\n")
    }

    /// Waits for the next webhook, which has to be this one, and shows it.
    async fn told(&mut self, expected: &str) -> anyhow::Result<()> {
        let arrived = tokio::time::timeout(ARRIVAL_TIMEOUT, self.receiver.next()).await;
        let arrived = arrived.ok().flatten().with_context(|| format!("no {expected} arrived"))?;
        let id = arrived.id().to_owned();
        let (headers, body) = arrived.answer(StatusCode::OK.into_response());
        let body: Value = serde_json::from_slice(&body)?;
        let sent_along = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        writeln!(self.out, "  <- webhook {id}")?;
        writeln!(self.out, "     Authorization: {}", sent_along.unwrap_or_default())?;
        for line in serde_json::to_string_pretty(&body)?.lines() {
            writeln!(self.out, "     {line}")?;
        }
        writeln!(self.out)?;
        let title = title(&body);
        ensure!(title == expected, "the tour expected the webhook {expected} here, not {title}");
        Ok(())
    }

    /// The business calls the 360dialog API with its key.
    async fn business(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        expected: u16,
    ) -> anyhow::Result<Value> {
        self.exchange(method, path, ("D360-API-KEY", sandbox::KEY), body, expected).await
    }

    /// A person taps a link.
    async fn taps(&mut self, wa_id: &str, link: &str, expected: u16) -> anyhow::Result<Value> {
        let path = format!("/klatch/v1/people/{wa_id}/join");
        let token = format!("Bearer {}", sandbox::ADMIN_TOKEN);
        let body = json!({ "invite_link": link });
        let header = ("Authorization", token.as_str());
        self.exchange(Method::POST, &path, header, Some(body), expected).await
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
        let answer: Value = serde_json::from_str(&response.text().await?)?;
        writeln!(self.out, "  -> {status}")?;
        for line in serde_json::to_string_pretty(&answer)?.lines() {
            writeln!(self.out, "     {line}")?;
        }
        writeln!(self.out)?;
        ensure!(status == expected, "the tour expected status {expected} here");
        Ok(answer)
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}
