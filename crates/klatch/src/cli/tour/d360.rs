//! The tour in 360dialog's words.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Guide, text};
use crate::sandbox;

/// What receivers are sent along with every webhook, as it was asked for.
pub(super) const SENT_ALONG: &str = "authorization";

pub(super) async fn play<W: Write>(guide: &mut Guide<W>) -> anyhow::Result<()> {
    guide.title("A business says where its webhooks go, and what is to be sent along.")?;
    let url = guide.receiver_url();
    let body = json!({ "url": url, "headers": { "Authorization": "Basic dG91cjp0b3Vy" } });
    business(guide, Method::POST, "/v1/configs/webhook", Some(body), 200).await?;

    guide.title("It creates a group. Whoever wants to come in has to ask.")?;
    let body = json!({
        "messaging_product": "whatsapp",
        "subject": "Test drives",
        "description": "Book a seat, ask anything.",
        "join_approval_mode": "approval_required",
    });
    let created = business(guide, Method::POST, "/groups", Some(body), 200).await?;
    let group = text(&created, "id");
    guide.told("group_lifecycle_update group_create").await?;
    let at_group = format!("/groups/{group}");
    let at_link = format!("{at_group}/invite_link");
    let at_requests = format!("{at_group}/join_requests");

    guide.title("It gets the invite link, to be sent to customers.")?;
    let link = business(guide, Method::GET, &at_link, None, 200).await?;
    let link = text(&link, "invite_link");

    guide.title("Ann and Bob tap the link. Each tap opens a join request.")?;
    let ann = guide.taps("16505551234", &link, 200).await?;
    guide.told("group_participants_update group_join_request_created").await?;
    let bob = guide.taps("16505551235", &link, 200).await?;
    guide.told("group_participants_update group_join_request_created").await?;
    let (ann, bob) = (text(&ann, "join_request_id"), text(&bob, "join_request_id"));

    guide.title("The business sees who is waiting.")?;
    business(guide, Method::GET, &at_requests, None, 200).await?;

    guide.title("It lets Ann in, together with somebody who never asked: that one fails alone.")?;
    let body = json!({ "messaging_product": "whatsapp", "join_requests": [ann, "bm9ib2R5"] });
    business(guide, Method::POST, &at_requests, Some(body), 200).await?;
    guide.told("group_participants_update group_participants_add").await?;

    guide.title("It turns Bob away. He could ask again. Of that no webhook tells.")?;
    let body = json!({ "messaging_product": "whatsapp", "join_requests": [bob] });
    business(guide, Method::DELETE, &at_requests, Some(body), 200).await?;

    guide.title("It removes Ann. A link never lets her in again.")?;
    let participants = json!([{ "user": "+1 650-555-1234" }]);
    let body = json!({ "messaging_product": "whatsapp", "participants": participants });
    business(guide, Method::DELETE, &format!("{at_group}/participants"), Some(body), 200).await?;
    guide.told("group_participants_update group_participants_remove").await?;
    guide.taps("16505551234", &link, 403).await?;

    guide.title("It resets the link. The old one is dead, for Bob as for anybody.")?;
    let body = json!({ "messaging_product": "whatsapp" });
    let fresh = business(guide, Method::POST, &at_link, Some(body), 200).await?;
    guide.taps("16505551235", &link, 404).await?;
    guide.taps("16505551235", &text(&fresh, "invite_link"), 200).await?;
    guide.told("group_participants_update group_join_request_created").await?;

    guide.title("It changes subject and description, and looks at the result.")?;
    let body = json!({ "messaging_product": "whatsapp", "subject": "Test drives, May" });
    business(guide, Method::POST, &at_group, Some(body), 200).await?;
    guide.told("group_settings_update group_settings_update").await?;
    let fields = "?fields=subject,description,participants,total_participant_count,suspended";
    business(guide, Method::GET, &format!("{at_group}{fields}"), None, 200).await?;

    guide.title("It lists its groups.")?;
    business(guide, Method::GET, "/groups?limit=10", None, 200).await?;

    guide.title("It deletes the group. From then on there never was one.")?;
    business(guide, Method::DELETE, &at_group, None, 200).await?;
    guide.told("group_lifecycle_update group_delete").await?;
    business(guide, Method::GET, &at_group, None, 404).await?;
    Ok(())
}

/// The business calls with its key.
async fn business<W: Write>(
    guide: &mut Guide<W>,
    method: Method,
    path: &str,
    body: Option<Value>,
    expected: u16,
) -> anyhow::Result<Value> {
    guide.exchange(method, path, ("D360-API-KEY", sandbox::KEY), body, expected).await
}
