//! The tour in Sinch's words.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Guide, bearer, text};
use crate::sandbox::{ADMIN_TOKEN, BOT_ID, KEY, PHONE_NUMBER_ID};

/// What proves that a callback is the bot's.
pub(super) const SENT_ALONG: &str = "sinch-whatsapp-callback-signature";

pub(super) async fn play<W: Write>(guide: &mut Guide<W>) -> anyhow::Result<()> {
    guide.title("No call of this API says where callbacks go: the operator does.")?;
    let body = json!({
        "url": guide.receiver_url(),
        "dialect": "sinch",
        "phone_number_id": PHONE_NUMBER_ID,
        "vendor_signature": true,
    });
    let token = bearer(ADMIN_TOKEN);
    let path = "/klatch/v1/subscriptions";
    guide.exchange(Method::POST, path, ("Authorization", &token), Some(body), 201).await?;

    guide.title("A bot creates a group.")?;
    let body = json!({ "subject": "Test drives" });
    let created = bot(guide, Method::POST, "/groups", Some(body), 200).await?;
    let group = text(&created, "group_id");
    guide.told("group_created").await?;
    let at_group = format!("/groups/{group}");

    guide.title("It gets the invite link, to be sent to customers.")?;
    let at_invite = format!("{at_group}/invite");
    let link = text(&bot(guide, Method::GET, &at_invite, None, 200).await?, "invite_link");

    guide.title("Ann and Bob tap the link, and are in.")?;
    guide.taps("16505551234", &link, 200).await?;
    guide.told("group_user_joined").await?;
    guide.taps("16505551235", &link, 200).await?;
    guide.told("group_user_joined").await?;

    guide.title("The bot makes Ann an admin. Somebody who is no member cannot be one.")?;
    let at_admin = format!("{at_group}/admin");
    let body = json!({ "numbers": ["16505551234"] });
    bot(guide, Method::POST, &at_admin, Some(body), 200).await?;
    guide.told("group_user_promoted").await?;
    let body = json!({ "numbers": ["4915123456789"] });
    bot(guide, Method::POST, &at_admin, Some(body), 406).await?;

    guide.title("It looks at the group.")?;
    bot(guide, Method::GET, &at_group, None, 200).await?;

    guide.title("It changes the subject.")?;
    let body = json!({ "subject": "Test drives, May" });
    bot(guide, Method::PATCH, &at_group, Some(body), 200).await?;
    guide.told("group_subject_changed").await?;

    guide.title("It points at an icon. What is there is no picture: a callback tells of it.")?;
    let body = json!({ "url": guide.receiver_url() });
    bot(guide, Method::POST, &format!("{at_group}/icon"), Some(body), 200).await?;
    guide.told("group_error_fetching_photo").await?;

    guide.title("It takes Ann's right away again, and removes Bob. No link brings him back.")?;
    let body = json!({ "numbers": ["+1 650-555-1234"] });
    bot(guide, Method::DELETE, &at_admin, Some(body), 200).await?;
    guide.told("group_user_demoted").await?;
    let body = json!({ "numbers": ["16505551235"] });
    bot(guide, Method::DELETE, &format!("{at_group}/member"), Some(body), 200).await?;
    guide.told("group_user_left").await?;
    guide.taps("16505551235", &link, 403).await?;

    guide.title("It deletes the link, and gets another.")?;
    bot(guide, Method::DELETE, &at_invite, None, 200).await?;
    guide.told("group_invite_link_revoked").await?;
    guide.taps("16505551236", &link, 404).await?;
    bot(guide, Method::GET, &at_invite, None, 200).await?;

    guide.title("It lists its groups, and leaves this one. From then on there never was one.")?;
    bot(guide, Method::GET, "/groups", None, 200).await?;
    bot(guide, Method::DELETE, &at_group, None, 200).await?;
    guide.told("group_user_left").await?;
    bot(guide, Method::GET, &at_group, None, 406).await?;

    guide.title("All that it was told can also be asked for.")?;
    bot(guide, Method::GET, "/callbacks/notifications?page_size=2", None, 200).await?;
    Ok(())
}

/// The bot calls with its token.
async fn bot<W: Write>(
    guide: &mut Guide<W>,
    method: Method,
    path: &str,
    body: Option<Value>,
    expected: u16,
) -> anyhow::Result<Value> {
    let path = format!("/whatsapp/v1/{BOT_ID}{path}");
    guide.exchange(method, &path, ("Authorization", &bearer(KEY)), body, expected).await
}
