//! Lifecycle hooks as the planner knows them (BG-20 to BG-22).

use aws_model::ecs::types::{DeploymentLifecycleHook, DeploymentLifecycleHookAction};
use chrono::TimeDelta;
use planning::deployment::{HookAction, Pause, PauseHook, PauseStatus, Stage};
use store::services::hooks::PauseRow;
use store::{Result, StoreError};

/// What applies where a hook does not say (BG-21).
const TIMEOUT_IN_MINUTES: i32 = 1440;

/// Hooks as they are configured, each at its place.
pub fn configured(hooks: &[DeploymentLifecycleHook]) -> Vec<PauseHook> {
    hooks.iter().map(hook).collect()
}

fn hook(hook: &DeploymentLifecycleHook) -> PauseHook {
    let timeout = hook.timeout_configuration.clone().unwrap_or_default();
    let stages = hook.lifecycle_stages.iter().flatten();
    PauseHook {
        stages: stages.filter_map(|stage| Stage::parse(stage.as_str())).collect(),
        timeout: TimeDelta::minutes(timeout.timeout_in_minutes.unwrap_or(TIMEOUT_IN_MINUTES).into()),
        timeout_action: match timeout.action {
            Some(DeploymentLifecycleHookAction::Continue) => HookAction::Continue,
            Some(DeploymentLifecycleHookAction::Rollback) | None => HookAction::Rollback,
        },
    }
}

/// A wait as it is stored.
pub fn pause(row: &PauseRow) -> Result<Pause> {
    let unknown = |word: &str| StoreError::Inconsistent {
        table: "lifecycle_hooks",
        reason: format!("{word} is unknown"),
    };
    let number = |number: i32| u32::try_from(number).unwrap_or(0);
    Ok(Pause {
        id: row.id.clone(),
        hook: number(row.place),
        stage: Stage::parse(&row.stage).ok_or_else(|| unknown(&row.stage))?,
        share: number(row.share),
        status: PauseStatus::parse(&row.status).ok_or_else(|| unknown(&row.status))?,
        timeout_action: HookAction::parse(&row.timeout_action).ok_or_else(|| unknown(&row.timeout_action))?,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
    })
}
