//! PAUSE hooks: what a deployment that shifts traffic waits for before it leaves a stage (BG-20 to BG-22).

use chrono::{DateTime, TimeDelta, Utc};
use domain::ServiceStatus;
use rand::RngCore;

use super::draft::Draft;
use super::shift;
use super::snapshot::Deployment;
use super::stage::Stage;

/// What is to be done when a pause ends (BG-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookAction {
    Continue,
    Rollback,
}

impl HookAction {
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Rollback => "ROLLBACK",
        }
    }

    /// The action of this word.
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = [Self::Continue, Self::Rollback].into_iter();
        all.find(|action| action.as_str() == word)
    }
}

/// A hook of type PAUSE as users configure it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseHook {
    /// In each of these the deployment waits.
    pub stages: Vec<Stage>,
    /// How long it waits, and what it does then.
    pub timeout: TimeDelta,
    pub timeout_action: HookAction,
}

/// `status` of a pause (BG-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseStatus {
    AwaitingAction,
    /// ContinueServiceDeployment said CONTINUE.
    Succeeded,
    /// ContinueServiceDeployment said ROLLBACK, or the deployment ended otherwise.
    Failed,
    TimedOut,
}

impl PauseStatus {
    const ALL: [Self; 4] = [
        Self::AwaitingAction,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
    ];

    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingAction => "AWAITING_ACTION",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// One wait of a deployment for one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// `hookId`.
    pub id: String,
    /// Place of its hook in the configuration.
    pub hook: u32,
    pub stage: Stage,
    /// Share of the production traffic at that time, in tenths of a percent: tells the steps of a linear deployment apart (BG-06).
    pub share: u32,
    pub status: PauseStatus,
    pub timeout_action: HookAction,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Pause {
    fn waits(&self) -> bool {
        self.status == PauseStatus::AwaitingAction
    }

    fn end(&mut self, status: PauseStatus, now: DateTime<Utc>) {
        self.status = status;
        self.ended_at = Some(now);
    }

    /// What it came to; none: it still waits.
    fn outcome(&self) -> Option<HookAction> {
        match self.status {
            PauseStatus::AwaitingAction => None,
            PauseStatus::Succeeded => Some(HookAction::Continue),
            PauseStatus::Failed => Some(HookAction::Rollback),
            PauseStatus::TimedOut => Some(self.timeout_action),
        }
    }
}

/// Characters of an id, and how many: those of 32 bytes in base64url.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ID_LENGTH: usize = 43;

fn new_id(rng: &mut dyn RngCore) -> String {
    let mut bytes = [0; ID_LENGTH];
    rng.fill_bytes(&mut bytes);
    let characters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
    format!("ecs-pause-{}", String::from_iter(characters))
}

/// The pauses of the stage, and of its step, that the deployment is in.
fn present(deployment: &Deployment) -> impl Iterator<Item = &Pause> {
    let shifting = deployment.progress.memory.shifting;
    let here =
        move |pause: &&Pause| Some(pause.stage) == shifting.stage && pause.share == shifting.production;
    deployment.pauses.iter().filter(here)
}

/// The PRIMARY deployment has entered a stage: it waits for each hook of it, for all at the same time (BG-22).
pub(super) fn begin(draft: &mut Draft<'_>, stage: Stage) {
    let now = draft.now;
    let deployment = &mut draft.deployments[draft.primary];
    let share = deployment.progress.memory.shifting.production;
    for (hook, configured) in (0..).zip(&deployment.hooks) {
        if configured.stages.contains(&stage) {
            deployment.pauses.push(Pause {
                id: new_id(&mut draft.rng),
                hook,
                stage,
                share,
                status: PauseStatus::AwaitingAction,
                timeout_action: configured.timeout_action,
                expires_at: now + configured.timeout,
                ended_at: None,
            });
        }
    }
}

/// Ends the pauses of the PRIMARY deployment whose time is over (BG-21).
pub(super) fn time_out(draft: &mut Draft<'_>) {
    let now = draft.now;
    let pauses = draft.deployments[draft.primary].pauses.iter_mut();
    for pause in pauses.filter(|pause| pause.waits() && pause.expires_at <= now) {
        pause.end(PauseStatus::TimedOut, now);
    }
}

/// Why the PRIMARY deployment fails by one of its hooks, if it does (BG-09).
pub(super) fn failure(draft: &Draft<'_>) -> Option<String> {
    let mut pauses = present(&draft.deployments[draft.primary]);
    let failed = pauses.find(|pause| pause.outcome() == Some(HookAction::Rollback))?;
    let (id, stage) = (&failed.id, failed.stage.as_str());
    Some(match failed.status {
        PauseStatus::TimedOut => {
            format!("ECS deployment failed: lifecycle hook {id} timed out in stage {stage}.")
        }
        _ => format!("ECS deployment failed: lifecycle hook {id} was told to roll back in stage {stage}."),
    })
}

/// The PRIMARY deployment may leave its stage; while it may not, the plan wakes when the first pause times out.
pub(super) fn have_passed(draft: &mut Draft<'_>) -> bool {
    let deployment = &draft.deployments[draft.primary];
    let passed = present(deployment).all(|pause| pause.outcome() == Some(HookAction::Continue));
    let ends = present(deployment).filter(|pause| pause.waits());
    let ends: Vec<DateTime<Utc>> = ends.map(|pause| pause.expires_at).collect();
    ends.into_iter().for_each(|at| draft.wake(at));
    passed
}

/// The deployment waits for somebody in this stage.
pub(super) fn is_waiting(deployment: &Deployment) -> bool {
    present(deployment).any(Pause::waits)
}

/// When the last pause of this stage ended.
pub(super) fn last_end(deployment: &Deployment) -> Option<DateTime<Utc>> {
    present(deployment).filter_map(|pause| pause.ended_at).max()
}

/// Ends pauses that nothing waits for any more: their deployment has failed, or another one has taken its place.
pub(super) fn close(draft: &mut Draft<'_>) {
    let now = draft.now;
    let advances = draft.snapshot.service.status == ServiceStatus::Active && shift::is_under_way(draft);
    let advancing = advances.then_some(draft.primary);
    let ended = draft.deployments.iter_mut().enumerate();
    for (_, deployment) in ended.filter(|(index, _)| Some(*index) != advancing) {
        let waiting = deployment.pauses.iter_mut().filter(|pause| pause.waits());
        waiting.for_each(|pause| pause.end(PauseStatus::Failed, now));
    }
}
