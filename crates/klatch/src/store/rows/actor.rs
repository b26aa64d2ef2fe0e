//! How actors are written down: the word for the kind, and for some kinds an id behind a colon.

use domain::ids::AccountId;
use domain::values::WaId;

use super::{Damage, parse};
use crate::directory::Actor;

/// Writes an actor.
pub(in crate::store) fn write_actor(actor: &Actor) -> String {
    let kind = actor.kind();
    match actor {
        Actor::Key { id } => format!("{kind}:{id}"),
        Actor::App { account } => format!("{kind}:{account}"),
        Actor::Person(wa_id) => format!("{kind}:{wa_id}"),
        Actor::Operator | Actor::WhatsApp | Actor::Timer => kind.to_owned(),
    }
}

/// Reads it back.
pub(in crate::store) fn read_actor(text: &str) -> Result<Actor, Damage> {
    Ok(match text.split_once(':') {
        Some(("key", id)) => Actor::Key { id: id.to_owned() },
        Some(("app", account)) => Actor::App { account: parse(AccountId::parse, account)? },
        Some(("person", wa_id)) => Actor::Person(parse(WaId::parse, wa_id)?),
        None if text == "operator" => Actor::Operator,
        None if text == "whatsapp" => Actor::WhatsApp,
        None if text == "timer" => Actor::Timer,
        _ => return Err(format!("unknown actor {text}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_actor_comes_back_whole() {
        let actors = [
            Actor::Key { id: "key_4fQ".to_owned() },
            Actor::App { account: AccountId::parse("acc_dev").unwrap() },
            Actor::Operator,
            Actor::Person(WaId::parse("16505551234").unwrap()),
            Actor::WhatsApp,
            Actor::Timer,
        ];
        for actor in actors {
            assert_eq!(read_actor(&write_actor(&actor)), Ok(actor));
        }
        for damaged in ["", "key", "operator:", "person:nobody", "somebody"] {
            assert!(read_actor(damaged).is_err(), "{damaged:?}");
        }
    }
}
