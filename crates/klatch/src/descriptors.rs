//! The system's limit of open files: raised as far as it can be, and shared out.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::port::connections::CONNECTIONS_MAX;

/// Files that are open whatever happens: standard streams, the runtime's, the listener, the
/// database with its log for one writer and four readers. About 30; the rest is air.
const FIXED: usize = 48;
/// A limit at which connections are not restricted by it.
const ENOUGH: usize = FIXED + CONNECTIONS_MAX / 3 * 4 + 4;

/// Raises the soft limit of open files to the hard one, and gives it.
pub(crate) fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            current
        }
    };
    // No limit at all is one that is never reached.
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// How many connections there may be under this limit of open files: of what is left by the fixed
/// ones, a quarter is kept for deliveries and look-ups.
pub(crate) fn connections(limit: usize) -> usize {
    let connections = (limit.saturating_sub(FIXED) / 4 * 3).clamp(1, CONNECTIONS_MAX);
    if connections < CONNECTIONS_MAX {
        tracing::warn!(
            limit,
            connections,
            "the limit of open files is low, so that fewer connections are taken than the \
             {CONNECTIONS_MAX} possible: set LimitNOFILE={ENOUGH} in the systemd unit, or ulimit -Hn \
             {ENOUGH}"
        );
    }
    connections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_left_for_deliveries_and_the_store() {
        for (limit, expected) in [
            (usize::MAX, CONNECTIONS_MAX),
            (1_048_576, CONNECTIONS_MAX),
            (ENOUGH, CONNECTIONS_MAX),
            (ENOUGH - 4, CONNECTIONS_MAX - 1),
            (1_024, 732),
            (100, 39),
            (FIXED, 1),
            (0, 1),
        ] {
            assert_eq!(connections(limit), expected, "{limit}");
        }
    }
}
