//! The tour in Meta's words.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Guide, bearer, text};
use crate::sandbox::{APP_ID, APP_SECRET, KEY, PHONE_NUMBER_ID, WABA_ID};

/// What proves that a webhook is the app's.
pub(super) const SENT_ALONG: &str = "x-hub-signature-256";

pub(super) async fn play<W: Write>(guide: &mut Guide<W>) -> anyhow::Result<()> {
    guide.title(
        "An app says where its webhooks go. Its receiver has to answer a handshake first.",
    )?;
    let body = json!({
        "object": "whatsapp_business_account",
        "callback_url": guide.receiver_url(),
        "verify_token": "any-word",
        "fields": "group_lifecycle_update,group_participants_update,group_settings_update",
    });
    let path = format!("/v23.0/{APP_ID}/subscriptions");
    let token = bearer(&format!("{APP_ID}|{APP_SECRET}"));
    guide.exchange(Method::POST, &path, ("Authorization", &token), Some(body), 200).await?;

    guide.title("It subscribes to the business's account: without that it is told nothing.")?;
    call(guide, Method::POST, &format!("/{WABA_ID}/subscribed_apps"), None, 200).await?;

    guide.title("The business creates a group. Whoever wants to come in has to ask.")?;
    let body = json!({
        "messaging_product": "whatsapp",
        "subject": "Test drives",
        "description": "Book a seat, ask anything.",
        "join_approval_mode": "approval_required",
    });
    call(guide, Method::POST, &format!("/{PHONE_NUMBER_ID}/groups"), Some(body), 200).await?;

    guide.title("The group's id is not in the answer, but in the webhook.")?;
    let created = guide.told("group_lifecycle_update group_create").await?;
    let group = text(&created["entry"][0]["changes"][0]["value"]["groups"][0], "group_id");

    guide.title("It gets the invite link, to be sent to customers.")?;
    let at_link = format!("/{group}/invite_link");
    let link = text(&call(guide, Method::GET, &at_link, None, 200).await?, "invite_link");

    guide.title("Ann hides her number behind a username. She and Bob tap the link.")?;
    let body = json!({ "username": "ann.lee", "phone_hidden": true });
    guide.person(Method::PUT, "16505551234", "", body, 200).await?;
    let ann = guide.taps("16505551234", &link, 200).await?;
    guide.told("group_participants_update group_join_request_created").await?;
    let bob = guide.taps("16505551235", &link, 200).await?;
    guide.told("group_participants_update group_join_request_created").await?;

    guide.title("The business sees who is waiting: of Ann no number, but an id.")?;
    let at_requests = format!("/{group}/join_requests");
    call(guide, Method::GET, &at_requests, None, 200).await?;

    guide
        .title("It lets both in, together with somebody who never asked: that one fails alone.")?;
    let requests = [text(&ann, "join_request_id"), text(&bob, "join_request_id")];
    let requests = [requests[0].as_str(), requests[1].as_str(), "bm9ib2R5"];
    let body = json!({ "messaging_product": "whatsapp", "join_requests": requests });
    call(guide, Method::POST, &at_requests, Some(body), 200).await?;
    guide.told("group_participants_update group_participants_add").await?;

    guide.title("It looks at the group.")?;
    let fields = "?fields=subject,participants,total_participant_count,join_approval_mode";
    let info = call(guide, Method::GET, &format!("/{group}{fields}"), None, 200).await?;
    let ann = text(&info["participants"][0], "user_id");

    guide.title("It removes Ann by her id, and Cem, who is not in the group: that one fails.")?;
    let participants = json!([{ "user_id": ann }, { "user": "+49 151 23456789" }]);
    let body = json!({ "messaging_product": "whatsapp", "participants": participants });
    let at_participants = format!("/{group}/participants");
    call(guide, Method::DELETE, &at_participants, Some(body), 206).await?;
    guide.told("group_participants_update group_participants_remove").await?;
    guide.taps("16505551234", &link, 403).await?;

    guide.title("It thinks better of it, and adds her by her number.")?;
    let participants = json!([{ "user": "+1 650-555-1234" }]);
    let body = json!({ "messaging_product": "whatsapp", "participants": participants });
    call(guide, Method::POST, &at_participants, Some(body), 200).await?;
    guide.told("group_participants_update group_participants_add").await?;

    guide.title("It deletes the link: nobody comes in by it any more.")?;
    let body = json!({ "messaging_product": "whatsapp" });
    call(guide, Method::DELETE, &at_link, Some(body), 200).await?;
    guide.taps("16505551236", &link, 404).await?;

    guide.title("It changes the subject.")?;
    let body = json!({ "messaging_product": "whatsapp", "subject": "Test drives, May" });
    call(guide, Method::POST, &format!("/{group}"), Some(body), 200).await?;
    guide.told("group_settings_update group_settings_update").await?;

    guide.title("It deletes the group. From then on there never was one.")?;
    call(guide, Method::DELETE, &format!("/{group}"), None, 200).await?;
    guide.told("group_lifecycle_update group_delete").await?;
    call(guide, Method::GET, &format!("/{group}"), None, 400).await?;
    Ok(())
}

/// The business calls with its token.
async fn call<W: Write>(
    guide: &mut Guide<W>,
    method: Method,
    path: &str,
    body: Option<Value>,
    expected: u16,
) -> anyhow::Result<Value> {
    let path = format!("/v23.0{path}");
    guide.exchange(method, &path, ("Authorization", &bearer(KEY)), body, expected).await
}
