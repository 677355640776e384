//! `lifecycleHooks` of a deployment configuration (BG-20 to BG-22). Only pauses are carried out; there is no Lambda to call.

use aws_model::ecs::types::{
    DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookStage as Stage,
    DeploymentLifecycleHookTargetType as TargetType,
};
use serde_json::Value;
use store::services::Strategy;

use super::unsupported;
use crate::{Error, Result};

/// Pause hooks of a service (BG-22).
const LIMIT: usize = 10;

/// What the service has from now on: as it is given, or as it was. A strategy without stages has none.
///
/// # Errors
/// UnsupportedFeatureException for hooks of type AWS_LAMBDA; InvalidParameterException for stages in which deployments do not pause, for
/// members that are about Lambda, for too many hooks, and with a strategy that has no stages.
pub fn hooks(
    given: &DeploymentConfiguration,
    current: Vec<DeploymentLifecycleHook>,
    strategy: Strategy,
) -> Result<Vec<DeploymentLifecycleHook>> {
    let Some(hooks) = &given.lifecycle_hooks else {
        return Ok(if strategy.shifts() { current } else { Vec::new() });
    };
    hooks.iter().try_for_each(check)?;
    if hooks.len() > LIMIT {
        return invalid(format!(
            "A service can have at most {LIMIT} lifecycle hooks of type PAUSE."
        ));
    }
    if !hooks.is_empty() && !strategy.shifts() {
        return invalid(
            "lifecycleHooks is only valid with the BLUE_GREEN, LINEAR and CANARY deployment strategies.",
        );
    }
    Ok(hooks.clone())
}

fn check(hook: &DeploymentLifecycleHook) -> Result<()> {
    if hook.target_type != Some(TargetType::Pause) {
        return Err(unsupported(
            "deploymentConfiguration.lifecycleHooks of targetType AWS_LAMBDA",
        ));
    }
    if hook.hook_target_arn.is_some() || hook.role_arn.is_some() {
        return invalid("hookTargetArn and roleArn are not valid for lifecycle hooks of type PAUSE.");
    }
    let stages = hook.lifecycle_stages.as_deref().unwrap_or_default();
    if stages.is_empty() {
        return invalid("lifecycleStages is required for lifecycle hooks.");
    }
    let mut stages = stages.iter();
    if let Some(stage) =
        stages.find(|stage| matches!(stage, Stage::TestTrafficShift | Stage::ProductionTrafficShift))
    {
        return invalid(format!(
            "The lifecycle stage {stage} does not support lifecycle hooks of type PAUSE."
        ));
    }
    if hook.hook_details.as_ref().is_some_and(has_nul) {
        return invalid("hookDetails must not contain the character U+0000.");
    }
    Ok(())
}

/// The database cannot keep such text.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(entries) => entries
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::invalid_parameter(text))
}
