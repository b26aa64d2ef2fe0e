use axum::Json;
use axum::extract::{Path, State};
use domain::Refusal;
use domain::ids::GroupId;
use klatch::app::App;
use klatch::app::caller::Call;
use klatch::kit::body::Body;
use klatch::store::Scope;

use super::Error;
use super::auth::Caller;
use crate::toy::wire::answer::{MadeRoom, Room};
use crate::toy::wire::request::NewRoom;

pub(super) async fn make(
    State(app): State<App>,
    Caller { number, actor }: Caller,
    body: Body<Error>,
) -> Result<Json<MadeRoom>, Error> {
    let new = body.json::<NewRoom>()?.parse()?;
    let call = Call {
        actor,
        scope: Scope::Number(number.id.clone()),
        idempotency: body.idempotency.clone(),
    };
    let outcome = app.create(&call, &number, &new).await?;
    Ok(Json(MadeRoom::from(outcome.stored.group.state())))
}

pub(super) async fn show(
    State(app): State<App>,
    Caller { number, .. }: Caller,
    Path(room): Path<String>,
) -> Result<Json<Room>, Error> {
    let room = GroupId::parse(&room).map_err(|_| Refusal::GroupUnknown)?;
    let stored = app.group(&Scope::Number(number.id.clone()), &room).await?;
    Ok(Json(Room::from(stored.group.state())))
}
