//! `klatch dev`: a sandbox, and what to do in it.

use std::io::Write as _;

use crate::config::{Settings, Storage};
use crate::lifecycle::{Running, StopSignals};
use crate::sandbox::{ADMIN_TOKEN, BOT_ID, DISPLAY_NUMBER, KEY, PHONE_NUMBER_ID, WABA_ID};

/// Runs the sandbox until it is told to stop.
pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let signals = StopSignals::listen()?;
    let server = Running::start(settings).await?;
    let address = server.address;
    let kept = match &settings.storage {
        Storage::Memory => "forgotten at exit; --data DIR keeps them".to_owned(),
        Storage::Folder(folder) => format!("kept in {}", folder.display()),
    };
    writeln!(
        std::io::stdout(),
        "\
klatch dev is up at http://{address}

  phone number id  {PHONE_NUMBER_ID}      number  {DISPLAY_NUMBER}
  WABA             {WABA_ID}      bot id  {BOT_ID}
  key              {KEY}           admin token  {ADMIN_TOKEN}
  groups are {kept}

Create a group, get its link, and let somebody tap it:

  curl -s http://{address}/groups -H 'D360-API-KEY: {KEY}' -H 'Content-Type: application/json' \\
    -d '{{\"messaging_product\":\"whatsapp\",\"subject\":\"Hello\"}}'
  curl -s http://{address}/groups/GROUP_ID/invite_link -H 'D360-API-KEY: {KEY}'
  curl -s http://{address}/klatch/v1/people/16505551234/join \\
    -H 'Authorization: Bearer {ADMIN_TOKEN}' -d '{{\"invite_link\":\"INVITE_LINK\"}}'
  curl -s 'http://{address}/groups/GROUP_ID?fields=subject,participants' -H 'D360-API-KEY: {KEY}'

See the webhooks, in another terminal:  klatch listen --url http://{address}

Routes: http://{address}/klatch/openapi/d360.json and …/klatch.json. Ctrl-C stops.
"
    )?;
    signals.stop(server).await;
    Ok(())
}
