//! How long a flow may stay with its target.

use std::time::Duration;

use chrono::Utc;
use routing::HealthState;

use super::choice::Chosen;
use crate::state::GroupView;

/// What a flow does when its target is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loyalty {
    /// As the group's attributes say: connections stay with a target that was deregistered unless they are to be terminated.
    ByAttributes,
    /// The next datagram may as well go to another target.
    OnlyWhileItServes,
}

/// Ends when a flow has to leave `chosen`.
pub(super) async fn is_over(chosen: &Chosen, loyalty: Loyalty) {
    // A target that was unhealthy when it was chosen (fail open, LB-18) is left when it turns unhealthy again.
    let mut was_healthy = false;
    loop {
        let changed = chosen.group.next_change();
        let view = chosen.group.view_owned();
        let state = chosen.target.state();
        let leaves_unhealthy = loyalty == Loyalty::OnlyWhileItServes || terminates_unhealthy(&view);
        if was_healthy && state == HealthState::Unhealthy && leaves_unhealthy && !view.fail_open {
            return;
        }
        was_healthy |= state == HealthState::Healthy;
        let leaves_gone = loyalty == Loyalty::OnlyWhileItServes || terminates_gone(&view);
        let rest = leaves_gone.then(|| rest_of_draining(chosen)).flatten();
        tokio::select! {
            () = changed => {}
            () = chosen.target.ended(), if leaves_gone => return,
            () = tokio::time::sleep(rest.unwrap_or_default()), if rest.is_some() => return,
        }
    }
}

fn terminates_unhealthy(view: &GroupView) -> bool {
    view.config
        .as_ref()
        .is_some_and(|config| config.attributes.unhealthy_connection_termination)
}

/// A group that is no more leaves its flows alone.
fn terminates_gone(view: &GroupView) -> bool {
    view.config
        .as_ref()
        .is_some_and(|config| config.attributes.connection_termination)
}

fn rest_of_draining(chosen: &Chosen) -> Option<Duration> {
    let until = chosen.target.draining_until()?;
    let milliseconds = u64::try_from(until - Utc::now().timestamp_millis()).unwrap_or(0);
    Some(Duration::from_millis(milliseconds))
}
