//! Holds requests for a service that sleeps at zero tasks until a target is there: bounded in number and time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kit::Shutdown;
use routing::snapshot::WakePolicy;
use tokio::time::Instant;

use crate::plane::Plane;
use crate::state::{Group, LiveTarget};

/// The server is told again this often, since messages to it may be lost.
const REMIND: Duration = Duration::from_secs(1);

/// What came of holding a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A target is healthy.
    Awake,
    /// Too many are held already, or it took too long.
    GivenUp,
}

/// One of the bounded number of held requests; given back on drop, also when the client goes away.
struct Place<'a>(&'a Group);

impl<'a> Place<'a> {
    fn take(group: &'a Group, limit: u32) -> Option<Self> {
        let held = &group.counters.held;
        let taken = held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            (held < limit).then_some(held + 1)
        });
        taken.is_ok().then(|| Self(group))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.counters.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until the group has a healthy target, and sees to it that somebody wakes it.
pub async fn until_awake(plane: &Plane, group: &Arc<Group>, policy: WakePolicy) -> Held {
    let Some(_place) = Place::take(group, policy.held_requests) else {
        return Held::GivenUp;
    };
    let end = Instant::now() + Duration::from_secs(u64::from(policy.hold_seconds));
    plane.events.wake(&group.arn);
    let mut remind = Instant::now() + REMIND;
    loop {
        let changed = group.next_change();
        if group.view().healthy > 0 {
            return Held::Awake;
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(end) => return Held::GivenUp,
            () = tokio::time::sleep_until(remind) => {
                plane.events.wake(&group.arn);
                remind += REMIND;
            }
        }
    }
}

/// Loop: tells of the groups whose services may sleep and for which requests came since it last looked, so that they stay awake. An open
/// connection or a request under way counts like a request.
pub async fn tell_activity(plane: Arc<Plane>, shutdown: Shutdown) {
    let mut seen: HashMap<Arc<str>, u64> = HashMap::new();
    while shutdown
        .unless_requested(tokio::time::sleep(REMIND))
        .await
        .is_some()
    {
        let mut still = HashMap::new();
        for group in plane.state.groups() {
            let view = group.view_owned();
            if view.config.as_ref().is_none_or(|config| config.wake.is_none()) {
                continue;
            }
            let requests = group.counters.requests.load(Ordering::Relaxed);
            let is_busy = |target: &Arc<LiveTarget>| target.counters.outstanding.load(Ordering::Relaxed) > 0;
            let before = seen.get(&group.arn).copied().unwrap_or(0);
            if requests != before || view.targets.iter().any(is_busy) {
                plane.events.wake(&group.arn);
            }
            still.insert(group.arn.clone(), requests);
        }
        seen = still;
    }
}
