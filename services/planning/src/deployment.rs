//! The service scheduler's planner for rolling deployments: [`plan`] takes a [`Snapshot`] of one service and says what to do
//! now, for REPLICA and DAEMON services (sections 11 and 12 of the behaviour rules).
//!
//! A plan is made from what exists, never from what an earlier plan meant to do. Each start and each stop in it keeps the
//! limits of D-01 by itself, so any part of a plan may fail. A plan that was applied is followed by an empty one until
//! something changes or [`Plan::wake_at`] is reached.

use chrono::{DateTime, Utc};
use domain::ServiceStatus;
use rand::Rng;

pub mod arithmetic;
mod daemon;
mod draft;
pub mod events;
pub mod health;
pub mod hooks;
mod outcome;
mod replica;
mod rollout;
pub mod shift;
mod snapshot;
mod stage;
mod steady;
pub mod stop;
pub mod throttle;
mod victims;

pub use hooks::{HookAction, Pause, PauseHook, PauseStatus};
pub use outcome::{Plan, Start};
pub use rollout::{DeploymentStatus, Memory, Progress, RolloutState};
pub use shift::{DeploymentStrategy, Shift, Shifting};
pub use snapshot::{
    Alarms, CircuitBreaker, Deployment, DeploymentConfiguration, FailedTarget, Host, HostState, PastEvent,
    PlacementStrategy, Revision, RollbackTarget, SchedulingStrategy, Service, Snapshot, StopType,
    StoppedTask, Task,
};
pub use stage::Stage;
pub use steady::Steady;
pub use stop::{Stop, StopCause, StopCode};

use draft::Draft;

/// What to do for a service now. Randomness is used for ties between victims (S-50) and the id of a rollback.
pub fn plan(snapshot: &Snapshot, now: DateTime<Utc>, rng: &mut impl Rng) -> Plan {
    let has_primary = snapshot
        .deployments
        .iter()
        .any(|deployment| deployment.progress.status == DeploymentStatus::Primary);
    let mut draft = Draft::new(snapshot, now, rng);
    match snapshot.service.status {
        ServiceStatus::Inactive => return Plan::default(),
        ServiceStatus::Draining => steady::wind_down(&mut draft),
        ServiceStatus::Active if !has_primary => return Plan::default(),
        ServiceStatus::Active => {
            health::report(&mut draft);
            rollout::account(&mut draft);
            rollout::judge(&mut draft);
            match snapshot.service.scheduling_strategy {
                SchedulingStrategy::Replica => replica::plan(&mut draft),
                SchedulingStrategy::Daemon => daemon::plan(&mut draft),
            }
            steady::settle(&mut draft);
        }
    }
    hooks::close(&mut draft);
    draft.finish()
}
