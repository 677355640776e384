//! Docker's `LogConfig` of a container.

use aws_model::ecs::types::{ContainerDefinition, LogConfiguration, LogDriver};
use domain::TaskId;
use serde_json::{Value, json};

use crate::log_mode::{self, LogDriverMode};

/// What a container that does not wait for its log driver may have in memory (TD-38).
const LOG_BUFFER: &str = "10m";
/// Engines refuse this option; it is ECS's own (L-21).
const STREAM_PREFIX: &str = "awslogs-stream-prefix";

/// The definition's options; what they leave to ECS is decided here, for engines know nothing of tasks. `mode` is the account's.
pub(super) fn config(definition: &ContainerDefinition, task: TaskId, mode: LogDriverMode) -> Option<Value> {
    let log = definition.log_configuration.as_ref()?;
    let mut options = log.options.clone().unwrap_or_default();
    // Blocking is what engines do by themselves.
    if log_mode::is_open(log) && mode == LogDriverMode::NonBlocking {
        options.insert("mode".to_owned(), "non-blocking".to_owned());
        options
            .entry("max-buffer-size".to_owned())
            .or_insert_with(|| LOG_BUFFER.to_owned());
    }
    if let Some(prefix) = stream_prefix(log) {
        options.remove(STREAM_PREFIX);
        let container = definition.name.as_deref().unwrap_or_default();
        options
            .entry("awslogs-stream".to_owned())
            .or_insert_with(|| format!("{prefix}/{container}/{task}"));
    }
    Some(json!({ "Type": log.log_driver.as_str(), "Config": options }))
}

fn stream_prefix(log: &LogConfiguration) -> Option<String> {
    let options = log
        .options
        .as_ref()
        .filter(|_| log.log_driver == LogDriver::Awslogs)?;
    options.get(STREAM_PREFIX).cloned()
}
