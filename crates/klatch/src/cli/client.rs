//! How the terminal talks to a running server.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use reqwest::{Client, Method};
use serde_json::Value;

use crate::config::ClientArgs;

/// Makes a client that asks nobody for the way: no proxies, no redirects.
pub(super) fn build() -> anyhow::Result<Client> {
    // Somebody else may have installed it before; then it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

/// Asks the admin API and prints the answer; an error answer becomes an error.
pub(super) async fn ask(
    args: &ClientArgs,
    method: Method,
    path: &[&str],
    query: &[(&str, String)],
    body: Option<Value>,
) -> anyhow::Result<()> {
    let mut url = reqwest::Url::parse(&args.url)
        .with_context(|| format!("{} is not an address such as http://127.0.0.1:8080", args.url))?;
    // Segment by segment: what stands in them is escaped.
    url.path_segments_mut()
        .map_err(|()| anyhow::anyhow!("{} is not an address", args.url))?
        .pop_if_empty()
        .extend(["klatch", "v1"].iter().chain(path));
    let mut request = build()?.request(method, url).bearer_auth(&args.token).query(query);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.with_context(|| {
        format!(
            "no server answers at {}: start one with `klatch dev`, or name it with --url",
            args.url
        )
    })?;
    let status = response.status();
    let text = response.text().await?;
    let answer: Value = serde_json::from_str(&text)
        .with_context(|| format!("{} did not answer like a klatch (status {status})", args.url))?;
    if !status.is_success() {
        let error = &answer["error"];
        let message = error["message"].as_str().unwrap_or(&text);
        match error["field"].as_str() {
            Some(field) if !message.contains(field) => bail!("{message} ({field})"),
            _ => bail!("{message}"),
        }
    }
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&answer)?)?;
    Ok(())
}
