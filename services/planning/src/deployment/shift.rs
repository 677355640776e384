//! Blue/green, linear and canary deployments: all new tasks beside all old ones, then the traffic, then the end of the old ones
//! (BG-01 to BG-09). The PRIMARY deployment is green; the old one that has the traffic is blue.

use chrono::{DateTime, TimeDelta, Utc};
use domain::DeploymentId;
use serde::{Deserialize, Serialize};

use super::draft::{Draft, count};
use super::events;
use super::hooks;
use super::rollout::{DeploymentStatus, RolloutState};
use super::stage::Stage;

/// How a deployment replaces tasks (BG-01). Shares are in tenths of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeploymentStrategy {
    /// Within minimum and maximum percent (section 12).
    #[default]
    Rolling,
    BlueGreen {
        bake: TimeDelta,
    },
    /// The share grows by `step` each `step_bake`.
    Linear {
        step: u32,
        step_bake: TimeDelta,
        bake: TimeDelta,
    },
    /// First `share`, and everything after `share_bake`.
    Canary {
        share: u32,
        share_bake: TimeDelta,
        bake: TimeDelta,
    },
}

/// All the traffic.
pub const WHOLE: u32 = 1000;

/// A stage may last so long; then the deployment fails (BG-08).
const STAGE_LIMIT: TimeDelta = TimeDelta::hours(24);

/// The deployment as a whole may last so long (BG-08).
const DEPLOYMENT_LIMIT: TimeDelta = TimeDelta::days(30);

/// What the planner remembers of a deployment that shifts traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shifting {
    pub stage: Option<Stage>,
    /// Since when it is in this stage.
    pub stage_since: Option<DateTime<Utc>>,
    /// Its share of the production traffic, in tenths of a percent.
    pub production: u32,
    /// When that share was last changed.
    pub production_since: Option<DateTime<Utc>>,
    /// It has the test traffic.
    pub test: bool,
}

/// Traffic that the caller is to give to a deployment's target groups now; the rest goes to the other group of each pair (BG-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub deployment: DeploymentId,
    /// Tenths of a percent of the production traffic.
    pub production: u32,
    /// Whether it gets the test traffic.
    pub test: bool,
}

/// The deployment is one that shifts traffic and has not finished: minimum and maximum percent do not govern it (BG-05).
pub(super) fn is_under_way(draft: &Draft<'_>) -> bool {
    let primary = &draft.deployments[draft.primary].progress;
    draft.snapshot.service.configuration.strategy != DeploymentStrategy::Rolling
        && primary.is_in_progress()
        && primary.memory.shifting.stage != Some(Stage::CleanUp)
}

/// Moves the deployment on as far as it gets now, and says how many tasks each deployment is to have.
pub(super) fn advance(draft: &mut Draft<'_>) {
    while let Some(next) = next_stage(draft) {
        enter(draft, next);
    }
    set_targets(draft);
}

/// The old deployment that has the traffic.
fn blue(draft: &Draft<'_>) -> Option<usize> {
    let olds = draft.olds();
    let has_most = |old: &&usize| {
        let progress = &draft.deployments[**old].progress;
        progress.memory.shifting.production * 2 >= WHOLE
    };
    let worked = |old: &&usize| draft.deployments[**old].progress.rollout_state == RolloutState::Completed;
    let found = olds.iter().find(has_most).or_else(|| olds.iter().find(worked));
    found.or(olds.last()).copied()
}

/// The stage that follows now; none: the present one is not over.
fn next_stage(draft: &mut Draft<'_>) -> Option<Stage> {
    let Some(stage) = draft.deployments[draft.primary].progress.memory.shifting.stage else {
        let many = draft.olds().len() > 1;
        return Some(if many {
            Stage::ReconcileService
        } else {
            Stage::PreScaleUp
        });
    };
    // Both are asked, for either may know when to look again.
    let passed = hooks::have_passed(draft);
    let over = is_over(draft, stage);
    if passed && over {
        return following(draft, stage);
    }
    if stage != Stage::CleanUp {
        let deadline = deadline(draft);
        draft.wake(deadline);
    }
    None
}

/// What the stage is for is done, whatever its hooks say.
fn is_over(draft: &mut Draft<'_>, stage: Stage) -> bool {
    match stage {
        Stage::ReconcileService => {
            let blue = blue(draft);
            let others = draft.olds().into_iter().filter(|old| Some(*old) != blue);
            let mut others = others.collect::<Vec<_>>().into_iter();
            others.all(|old| draft.is_empty(old))
        }
        // A hook may have held it for days: no traffic goes to tasks that are not well any more (BG-05).
        Stage::ScaleUp | Stage::PostScaleUp | Stage::PreProductionTrafficShift => {
            draft.tally(draft.primary).healthy >= draft.desired
        }
        Stage::ProductionTrafficShift => is_step_over(draft),
        Stage::BakeTime => {
            let since = draft.deployments[draft.primary]
                .progress
                .memory
                .shifting
                .stage_since;
            is_reached(draft, since.unwrap_or(draft.now) + bake(draft))
        }
        Stage::PreScaleUp
        | Stage::TestTrafficShift
        | Stage::PostTestTrafficShift
        | Stage::PostProductionTrafficShift => true,
        Stage::CleanUp => false,
    }
}

/// The instant has come; until then the plan wakes for it.
fn is_reached(draft: &mut Draft<'_>, at: DateTime<Utc>) -> bool {
    draft.wake(at);
    at <= draft.now
}

/// What comes after a stage that is over.
fn following(draft: &Draft<'_>, stage: Stage) -> Option<Stage> {
    let primary = &draft.deployments[draft.primary];
    match stage {
        Stage::ReconcileService => Some(Stage::PreScaleUp),
        Stage::PreScaleUp => Some(Stage::ScaleUp),
        Stage::ScaleUp => Some(Stage::PostScaleUp),
        Stage::PostScaleUp if primary.revision.has_test_traffic => Some(Stage::TestTrafficShift),
        Stage::TestTrafficShift => Some(Stage::PostTestTrafficShift),
        Stage::PostScaleUp | Stage::PostTestTrafficShift => Some(Stage::PreProductionTrafficShift),
        Stage::PreProductionTrafficShift => Some(Stage::ProductionTrafficShift),
        Stage::ProductionTrafficShift if primary.progress.memory.shifting.production < WHOLE => {
            Some(Stage::PreProductionTrafficShift)
        }
        Stage::ProductionTrafficShift => Some(Stage::PostProductionTrafficShift),
        Stage::PostProductionTrafficShift => Some(Stage::BakeTime),
        Stage::BakeTime => Some(Stage::CleanUp),
        Stage::CleanUp => None,
    }
}

/// When the stage, or the deployment, has lasted too long (BG-08). A pause has its own end, and the stage begins anew after it.
fn deadline(draft: &Draft<'_>) -> DateTime<Utc> {
    let primary = &draft.deployments[draft.primary];
    let whole = primary.created_at + DEPLOYMENT_LIMIT;
    let since = hooks::last_end(primary).max(primary.progress.memory.shifting.stage_since);
    let longest = STAGE_LIMIT.max(bake(draft).max(step_bake(draft)) + TimeDelta::hours(1));
    match since.filter(|_| !hooks::is_waiting(primary)) {
        Some(since) => whole.min(since + longest),
        None => whole,
    }
}

/// A stage, or the deployment, has lasted too long (BG-08).
pub(super) fn is_overdue(draft: &Draft<'_>) -> bool {
    is_under_way(draft) && deadline(draft) <= draft.now
}

/// How long both revisions run side by side once green has all the traffic. Without blue there is nothing to go back to.
fn bake(draft: &Draft<'_>) -> TimeDelta {
    match draft.snapshot.service.configuration.strategy {
        _ if draft.olds().is_empty() => TimeDelta::zero(),
        DeploymentStrategy::Rolling => TimeDelta::zero(),
        DeploymentStrategy::BlueGreen { bake }
        | DeploymentStrategy::Linear { bake, .. }
        | DeploymentStrategy::Canary { bake, .. } => bake,
    }
}

/// How long green keeps a part of the production traffic before it gets more (BG-06).
fn step_bake(draft: &Draft<'_>) -> TimeDelta {
    match draft.snapshot.service.configuration.strategy {
        _ if draft.olds().is_empty() => TimeDelta::zero(),
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen { .. } => TimeDelta::zero(),
        DeploymentStrategy::Linear { step_bake, .. } => step_bake,
        DeploymentStrategy::Canary { share_bake, .. } => share_bake,
    }
}

/// The share that green has is baked, or it is all (BG-06).
fn is_step_over(draft: &mut Draft<'_>) -> bool {
    let shifting = draft.deployments[draft.primary].progress.memory.shifting;
    let since = shifting.production_since.filter(|_| shifting.production < WHOLE);
    since.is_none_or(|since| is_reached(draft, since + step_bake(draft)))
}

/// The share of the production traffic that green gets next.
fn next_share(draft: &Draft<'_>) -> u32 {
    let production = draft.deployments[draft.primary]
        .progress
        .memory
        .shifting
        .production;
    let share = match draft.snapshot.service.configuration.strategy {
        _ if draft.olds().is_empty() => WHOLE,
        DeploymentStrategy::Linear { step, .. } => production + step,
        DeploymentStrategy::Canary { share, .. } if production == 0 => share,
        DeploymentStrategy::Rolling
        | DeploymentStrategy::BlueGreen { .. }
        | DeploymentStrategy::Canary { .. } => WHOLE,
    };
    share.min(WHOLE)
}

fn enter(draft: &mut Draft<'_>, stage: Stage) {
    let now = draft.now;
    let share = next_share(draft);
    let shifting = &mut draft.deployments[draft.primary].progress.memory.shifting;
    shifting.stage = Some(stage);
    shifting.stage_since = Some(now);
    match stage {
        Stage::TestTrafficShift => shifting.test = true,
        Stage::ProductionTrafficShift => {
            shifting.production = share;
            shifting.production_since = Some(now);
        }
        _ => return hooks::begin(draft, stage),
    }
    tell(draft);
}

/// Asks for the traffic that the PRIMARY deployment should have now.
fn tell(draft: &mut Draft<'_>) {
    let primary = &draft.deployments[draft.primary];
    let shifting = primary.progress.memory.shifting;
    draft.plan.shift = Some(Shift {
        deployment: primary.id,
        production: shifting.production,
        test: shifting.test,
    });
}

/// Green grows to the service's count beside blue; other old deployments end at once, blue when the traffic has left it (BG-05, BG-07).
fn set_targets(draft: &mut Draft<'_>) {
    let stage = draft.deployments[draft.primary].progress.memory.shifting.stage;
    let desired = draft.desired;
    let blue = blue(draft).filter(|_| stage < Some(Stage::CleanUp));
    for old in draft.olds() {
        draft.deployments[old].progress.desired_count = if Some(old) == blue { desired } else { 0 };
    }
    let grows = stage >= Some(Stage::ScaleUp);
    draft.deployments[draft.primary].progress.desired_count = if grows { desired } else { 0 };
}

/// Gives all traffic back to blue and ends green (BG-07, BG-09). False: there is no blue.
pub(super) fn roll_back(draft: &mut Draft<'_>) -> bool {
    if draft.snapshot.service.configuration.strategy == DeploymentStrategy::Rolling {
        return false;
    }
    let Some(blue) = blue(draft) else { return false };
    let green = draft.primary;
    draft.deployments[green].progress.status = DeploymentStatus::Active;
    draft.deployments[green].progress.memory.shifting = Shifting::default();
    draft.primary = blue;
    let (now, desired, id) = (draft.now, draft.desired, draft.deployments[blue].id);
    let test = draft.deployments[blue].revision.has_test_traffic;
    let progress = &mut draft.deployments[blue].progress;
    progress.status = DeploymentStatus::Primary;
    progress.desired_count = desired;
    progress.memory.shifting = Shifting {
        stage: Some(Stage::CleanUp),
        stage_since: Some(now),
        production: WHOLE,
        production_since: Some(now),
        test,
    };
    tell(draft);
    draft.say(events::rolling_back(&draft.snapshot.service.name, id));
    true
}

/// Old deployments may leave the list.
pub(super) fn may_forget(draft: &Draft<'_>, old: usize) -> bool {
    !is_under_way(draft) || blue(draft) != Some(old)
}

/// Wanted tasks of deployments that shift traffic: room for blue and green side by side.
pub(super) fn ceiling(draft: &Draft<'_>) -> u32 {
    let kept: u32 = draft
        .deployments
        .iter()
        .map(|deployment| deployment.progress.desired_count)
        .sum();
    kept.max(count(draft.remaining()))
}
