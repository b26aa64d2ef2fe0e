//! `klatch dev`: a sandbox, and what to do in it.

use std::io::Write as _;

use crate::config::{Settings, Storage};
use crate::lifecycle::{Running, StopSignals};
use crate::runtime::Runtime;
use crate::sandbox::{
    ADMIN_TOKEN, APP_ID, BOT_ID, Credentials, DISPLAY_NUMBER, PHONE_NUMBER_ID, WABA_ID,
};

/// Runs the sandbox until it is told to stop.
pub(super) async fn run(settings: &Settings, runtime: Runtime) -> anyhow::Result<()> {
    let signals = StopSignals::listen()?;
    let server = Running::start(settings, runtime).await?;
    let address = server.address;
    let Credentials { admin_token, key, app_secret } =
        server.sandbox.clone().unwrap_or_else(Credentials::known);
    let kept = match &settings.storage {
        Storage::Memory => "forgotten at exit; --data DIR keeps them".to_owned(),
        Storage::Folder(folder) => format!("kept in {}", folder.display()),
    };
    // The terminal knows the documented token by itself.
    let token_flag = match admin_token.as_str() {
        ADMIN_TOKEN => String::new(),
        own => format!(" --token {own}"),
    };
    writeln!(
        std::io::stdout(),
        "\
klatch dev is up at http://{address}

  phone number id  {PHONE_NUMBER_ID}      number  {DISPLAY_NUMBER}
  WABA             {WABA_ID}      bot id  {BOT_ID}
  app id           {APP_ID}      app secret  {app_secret}
  key              {key}           admin token  {admin_token}
  groups are {kept}

Create a group and get its link, in the words of your vendor:

  Meta
    curl -s http://{address}/v23.0/{PHONE_NUMBER_ID}/groups -H 'Authorization: Bearer {key}' \\
      -d '{{\"messaging_product\":\"whatsapp\",\"subject\":\"Hello\"}}'
    curl -s 'http://{address}/v23.0/{PHONE_NUMBER_ID}/groups?limit=1' -H 'Authorization: Bearer {key}'
    curl -s http://{address}/v23.0/GROUP_ID/invite_link -H 'Authorization: Bearer {key}'
  360dialog
    curl -s http://{address}/groups -H 'D360-API-KEY: {key}' -d '{{\"subject\":\"Hello\"}}'
    curl -s http://{address}/groups/GROUP_ID/invite_link -H 'D360-API-KEY: {key}'
  Sinch
    curl -s http://{address}/whatsapp/v1/{BOT_ID}/groups -H 'Authorization: Bearer {key}' \\
      -d '{{\"subject\":\"Hello\"}}'
    curl -s http://{address}/whatsapp/v1/{BOT_ID}/groups/GROUP_ID/invite -H 'Authorization: Bearer {key}'

Let somebody tap it:

  curl -s http://{address}/klatch/v1/people/16505551234/join \\
    -H 'Authorization: Bearer {admin_token}' -d '{{\"invite_link\":\"INVITE_LINK\"}}'

See the webhooks, in another terminal:  klatch listen --url http://{address}{token_flag}

Routes: http://{address}/klatch/openapi/meta.json, d360.json, sinch.json, klatch.json. Ctrl-C stops.
"
    )?;
    signals.stop(server).await;
    Ok(())
}
