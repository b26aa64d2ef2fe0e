//! Who acts.

use domain::ids::AccountId;
use domain::values::WaId;

/// By whom a change is made. Where the actor may look is another question: see
/// [`Scope`](crate::store::Scope).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The holder of a key of a number or of an account.
    Key {
        /// The id of the key, never its secret.
        id: String,
    },
    /// The holder of the app's own token, `<app id>|<app secret>`, of this account.
    App {
        /// The account of the app.
        account: AccountId,
    },
    /// The operator, by the admin API, the terminal or the settings.
    Operator,
    /// A person in WhatsApp, by their phone number.
    Person(WaId),
    /// WhatsApp itself.
    WhatsApp,
    /// The server itself, because a time has come or a receiver has failed for too long.
    Timer,
}

impl Actor {
    /// The word for its kind, in rows and in answers.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::App { .. } => "app",
            Self::Operator => "operator",
            Self::Person(_) => "person",
            Self::WhatsApp => "whatsapp",
            Self::Timer => "timer",
        }
    }

    /// Whether the rights and the limits of the number apply: to a business, not to people, to
    /// WhatsApp or to the operator.
    #[must_use]
    pub const fn is_business(&self) -> bool {
        match self {
            Self::Key { .. } | Self::App { .. } => true,
            Self::Operator | Self::Person(_) | Self::WhatsApp | Self::Timer => false,
        }
    }
}
