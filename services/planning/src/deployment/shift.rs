//! Blue/green, linear and canary deployments: all new tasks beside all old ones, then the traffic, then the end of the old ones
//! (BG-01 to BG-09). The PRIMARY deployment is green; the old one that has the traffic is blue.

use chrono::{DateTime, TimeDelta, Utc};
use domain::DeploymentId;
use serde::{Deserialize, Serialize};

use super::draft::{Draft, count};
use super::events;
use super::rollout::{DeploymentStatus, RolloutState};

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

/// `lifecycleStage` (BG-04). Stages in which only hooks would run are passed through at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    ReconcileService,
    ScaleUp,
    TestTrafficShift,
    ProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl Stage {
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::ScaleUp => "SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }
}

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
    let shifting = draft.deployments[draft.primary].progress.memory.shifting;
    let Some(stage) = shifting.stage else {
        let many = draft.olds().len() > 1;
        return Some(if many {
            Stage::ReconcileService
        } else {
            Stage::ScaleUp
        });
    };
    let next = match stage {
        Stage::ReconcileService => {
            let blue = blue(draft);
            let others = draft.olds().into_iter().filter(|old| Some(*old) != blue);
            let mut others = others.collect::<Vec<_>>().into_iter();
            others.all(|old| draft.is_empty(old)).then_some(Stage::ScaleUp)
        }
        Stage::ScaleUp => {
            let ready = draft.tally(draft.primary).healthy >= draft.desired;
            ready.then_some(Stage::TestTrafficShift)
        }
        Stage::TestTrafficShift => Some(Stage::ProductionTrafficShift),
        Stage::ProductionTrafficShift => step(draft),
        Stage::BakeTime => {
            let over = shifting.stage_since.unwrap_or(draft.now) + bake(draft);
            draft.wake(over);
            (over <= draft.now).then_some(Stage::CleanUp)
        }
        Stage::CleanUp => None,
    };
    if next.is_none() && stage != Stage::CleanUp {
        let limit =
            shifting.stage_since.unwrap_or(draft.now) + STAGE_LIMIT.max(bake(draft) + TimeDelta::hours(1));
        draft.wake(limit);
    }
    next
}

/// A stage has lasted too long (BG-08).
pub(super) fn is_overdue(draft: &Draft<'_>) -> bool {
    let shifting = draft.deployments[draft.primary].progress.memory.shifting;
    let limit = STAGE_LIMIT.max(bake(draft) + TimeDelta::hours(1));
    is_under_way(draft)
        && shifting
            .stage_since
            .is_some_and(|since| since + limit <= draft.now)
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

/// Gives green its next share of the production traffic when that is due (BG-06); then, with all of it, the next stage.
fn step(draft: &mut Draft<'_>) -> Option<Stage> {
    let shifting = draft.deployments[draft.primary].progress.memory.shifting;
    if shifting.production >= WHOLE {
        return Some(Stage::BakeTime);
    }
    let begun = shifting.production_since.filter(|_| shifting.production > 0);
    let (share, pause) = match draft.snapshot.service.configuration.strategy {
        _ if draft.olds().is_empty() => (WHOLE, TimeDelta::zero()),
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen { .. } => (WHOLE, TimeDelta::zero()),
        DeploymentStrategy::Linear { step, step_bake, .. } => {
            ((shifting.production + step).min(WHOLE), step_bake)
        }
        DeploymentStrategy::Canary { share, .. } if begun.is_none() => (share.min(WHOLE), TimeDelta::zero()),
        DeploymentStrategy::Canary { share_bake, .. } => (WHOLE, share_bake),
    };
    if let Some(due) = begun.map(|since| since + pause).filter(|due| *due > draft.now) {
        draft.wake(due);
        return None;
    }
    let now = draft.now;
    let shifting = &mut draft.deployments[draft.primary].progress.memory.shifting;
    shifting.production = share;
    shifting.production_since = Some(now);
    tell(draft);
    step(draft)
}

fn enter(draft: &mut Draft<'_>, stage: Stage) {
    let now = draft.now;
    let shifting = &mut draft.deployments[draft.primary].progress.memory.shifting;
    shifting.stage = Some(stage);
    shifting.stage_since = Some(now);
    if stage == Stage::TestTrafficShift {
        shifting.test = true;
        tell(draft);
    }
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
    let progress = &mut draft.deployments[blue].progress;
    progress.status = DeploymentStatus::Primary;
    progress.desired_count = desired;
    progress.memory.shifting = Shifting {
        stage: Some(Stage::CleanUp),
        stage_since: Some(now),
        production: WHOLE,
        production_since: Some(now),
        test: true,
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
