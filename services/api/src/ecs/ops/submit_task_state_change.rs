use aws_model::ecs::types::{
    ContainerStateChange, NetworkBinding, SubmitTaskStateChangeRequest, SubmitTaskStateChangeResponse,
};
use domain::{ContainerStatus, TaskStatus};
use store::task_reports::{self, ContainerReport, TaskReport};
use store::tasks::NetworkBindingRecord;

use crate::ecs::find;
use crate::{Context, Error, Result};

/// The answer to all reports; agents ignore it.
pub(super) const ACKNOWLEDGMENT: &str = "ACK";
/// Longest address or range of ports, bytes.
const BINDING_TEXT_LIMIT: usize = 64;

/// SubmitTaskStateChange. Tasks that are not known (any more) are acknowledged: an error would make the agent repeat the report for ever.
pub async fn submit_task_state_change(
    cx: &Context,
    input: SubmitTaskStateChangeRequest,
) -> Result<SubmitTaskStateChangeResponse> {
    let report = TaskReport {
        status: input
            .status
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(task_status)
            .transpose()?,
        reason: input.reason,
        containers: input
            .containers
            .into_iter()
            .flatten()
            .map(container)
            .collect::<Result<_>>()?,
        pull_started_at: input.pull_started_at.map(Into::into),
        pull_stopped_at: input.pull_stopped_at.map(Into::into),
        execution_stopped_at: input.execution_stopped_at.map(Into::into),
    };
    apply(cx, input.cluster.as_deref(), input.task.as_deref(), &report).await?;
    Ok(SubmitTaskStateChangeResponse {
        acknowledgment: Some(ACKNOWLEDGMENT.to_owned()),
    })
}

/// Applies a report about the task that the request names.
pub(super) async fn apply(
    cx: &Context,
    cluster: Option<&str>,
    task: Option<&str>,
    report: &TaskReport,
) -> Result<()> {
    let cluster = find::cluster_name(cx, cluster)?;
    let Some(task) = task.filter(|text| !text.is_empty()) else {
        return Err(Error::invalid_parameter("task cannot be empty."));
    };
    if let Some(task) = find::task_id(cx, &cluster, task)? {
        task_reports::apply(cx.db(), &cx.scope, &cluster, task, report, cx.now()).await?;
    }
    Ok(())
}

fn task_status(text: &str) -> Result<TaskStatus> {
    match text {
        "PENDING" => Ok(TaskStatus::Pending),
        "RUNNING" => Ok(TaskStatus::Running),
        "STOPPED" => Ok(TaskStatus::Stopped),
        _ => Err(Error::invalid_parameter(
            "status must be PENDING, RUNNING or STOPPED.",
        )),
    }
}

pub(super) fn container_status(text: Option<&str>) -> Result<Option<ContainerStatus>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let status = text
        .parse()
        .map_err(|_| Error::invalid_parameter("A container's status must be PENDING, RUNNING or STOPPED."));
    status.map(Some)
}

fn container(change: ContainerStateChange) -> Result<ContainerReport> {
    Ok(ContainerReport {
        name: change.container_name.unwrap_or_default(),
        status: container_status(change.status.as_deref())?,
        exit_code: change.exit_code,
        reason: change.reason,
        runtime_id: change.runtime_id,
        image_digest: change.image_digest,
        network_bindings: bindings(change.network_bindings)?,
    })
}

pub(super) fn bindings(bindings: Option<Vec<NetworkBinding>>) -> Result<Vec<NetworkBindingRecord>> {
    let bindings = bindings.unwrap_or_default();
    let texts = bindings.iter().flat_map(|binding| {
        [
            &binding.bind_ip,
            &binding.container_port_range,
            &binding.host_port_range,
        ]
    });
    if texts.flatten().any(|text| text.len() > BINDING_TEXT_LIMIT) {
        let text = format!("The texts of a network binding can have at most {BINDING_TEXT_LIMIT} bytes.");
        return Err(Error::invalid_parameter(text));
    }
    let record = |binding: NetworkBinding| NetworkBindingRecord {
        bind_ip: binding.bind_ip,
        container_port: binding.container_port,
        host_port: binding.host_port,
        container_port_range: binding.container_port_range,
        host_port_range: binding.host_port_range,
        protocol: binding.protocol.unwrap_or_default().as_str().to_owned(),
    };
    Ok(bindings.into_iter().map(record).collect())
}
