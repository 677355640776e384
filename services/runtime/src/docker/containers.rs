//! Containers: create, stop, kill, remove, list, look inside.

use super::convert;
use super::failure::explain;
use crate::container::{
    ContainerId, ContainerSpec, ContainerSummary, ExecOutput, LogLine, LogStream, Removal,
};
use crate::error::{Result, RuntimeError};
use crate::event::LabelFilter;
use crate::stats::ContainerStats;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    LogsOptionsBuilder, RemoveContainerOptionsBuilder, StatsOptionsBuilder, StopContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use std::collections::HashMap;
use std::time::Duration;

/// First API version that takes a signal with `stop`.
const STOP_TAKES_SIGNAL: (usize, usize) = (1, 42);
/// What the engine gets on top of the container's own time to stop.
const STOP_MARGIN: Duration = Duration::from_secs(120);

pub(super) async fn create(docker: &Docker, spec: &ContainerSpec) -> Result<ContainerId> {
    let options = CreateContainerOptionsBuilder::default().name(&spec.name).build();
    let made = docker.create_container(Some(options), spec.body.clone()).await;
    let made = made.map_err(|error| match explain("create")(error) {
        RuntimeError::NotFound { message } if message.to_lowercase().contains("no such image") => {
            RuntimeError::ImageNotFound { message }
        }
        other => other,
    })?;
    for warning in made.warnings {
        tracing::warn!(container = %spec.name, %warning, "the engine warns about a new container");
    }
    Ok(ContainerId::from(made.id))
}

pub(super) async fn stop(docker: &Docker, id: &str, signal: Option<&str>, timeout: Duration) -> Result<()> {
    let version = docker.client_version();
    match signal {
        Some(signal) if (version.major_version, version.minor_version) < STOP_TAKES_SIGNAL => {
            stop_by_kill(docker, id, signal, timeout).await
        }
        signal => {
            // Whole seconds on the wire: round up, a container must never get less than it was promised.
            let seconds = i32::try_from(timeout.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
            let options = StopContainerOptionsBuilder::default().t(seconds);
            let options = match signal {
                Some(signal) => options.signal(signal),
                None => options,
            };
            let call = docker.stop_container(id, Some(options.build()));
            within(timeout.saturating_add(STOP_MARGIN), "stop", async {
                call.await.map_err(explain("stop"))
            })
            .await
        }
    }
}

async fn stop_by_kill(docker: &Docker, id: &str, signal: &str, timeout: Duration) -> Result<()> {
    let not_running = |result: Result<()>| match result {
        Err(RuntimeError::Conflict { .. }) => Ok(()),
        other => other,
    };
    let wait = |limit| within(limit, "stop", wait_until_stopped(docker, id));
    not_running(kill(docker, id, signal).await)?;
    match wait(timeout).await {
        Err(RuntimeError::Timeout { .. }) => {
            not_running(kill(docker, id, "SIGKILL").await)?;
            wait(STOP_MARGIN).await
        }
        other => other,
    }
}

async fn wait_until_stopped(docker: &Docker, id: &str) -> Result<()> {
    let options = WaitContainerOptionsBuilder::default()
        .condition("not-running")
        .build();
    let mut exits = docker.wait_container(id, Some(options));
    match exits.next().await {
        // An exit code other than 0 comes as an error; it is a result all the same.
        None | Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) => Ok(()),
        Some(Err(error)) => Err(explain("wait")(error)),
    }
}

async fn within<T>(
    limit: Duration,
    call: &'static str,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let timed_out = |_| RuntimeError::Timeout { call, after: limit };
    tokio::time::timeout(limit, future).await.map_err(timed_out)?
}

pub(super) async fn kill(docker: &Docker, id: &str, signal: &str) -> Result<()> {
    let options = KillContainerOptionsBuilder::default().signal(signal).build();
    docker
        .kill_container(id, Some(options))
        .await
        .map_err(explain("kill"))
}

pub(super) async fn remove(docker: &Docker, id: &str, removal: Removal) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::default()
        .force(removal.force)
        .v(removal.volumes)
        .build();
    docker
        .remove_container(id, Some(options))
        .await
        .map_err(explain("remove"))
}

/// Docker's form of label filters: `name` or `name=value`.
pub(super) fn label_words(labels: &[LabelFilter]) -> Vec<String> {
    let word = |label: &LabelFilter| match &label.value {
        Some(value) => format!("{}={value}", label.name),
        None => label.name.clone(),
    };
    labels.iter().map(word).collect()
}

pub(super) async fn list(
    docker: &Docker,
    labels: &[LabelFilter],
    all: bool,
) -> Result<Vec<ContainerSummary>> {
    let filters = HashMap::from([("label", label_words(labels))]);
    let options = ListContainersOptionsBuilder::default()
        .all(all)
        .filters(&filters)
        .build();
    let found = docker
        .list_containers(Some(options))
        .await
        .map_err(explain("list"))?;
    Ok(found.into_iter().map(convert::container_summary).collect())
}

pub(super) async fn stats(docker: &Docker, id: &str) -> Result<ContainerStats> {
    let options = StatsOptionsBuilder::default()
        .stream(false)
        .one_shot(true)
        .build();
    let mut samples = docker.stats(id, Some(options));
    match samples.next().await {
        Some(sample) => Ok(ContainerStats(sample.map_err(explain("stats"))?)),
        None => Err(RuntimeError::NotFound {
            message: format!("no statistics of container {id}"),
        }),
    }
}

pub(super) async fn exec(docker: &Docker, id: &str, command: &[String]) -> Result<ExecOutput> {
    let options = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(id, options).await.map_err(explain("exec"))?;
    let mut written = Vec::new();
    if let StartExecResults::Attached { mut output, .. } =
        docker.start_exec(&exec.id, None).await.map_err(explain("exec"))?
    {
        while let Some(chunk) = output.next().await {
            let chunk = chunk.map_err(explain("exec"))?.into_bytes();
            let room = ExecOutput::MAX_OUTPUT_BYTES.saturating_sub(written.len());
            written.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
    }
    let ended = docker.inspect_exec(&exec.id).await.map_err(explain("exec"))?;
    Ok(ExecOutput {
        exit_code: ended.exit_code.unwrap_or_default(),
        output: String::from_utf8_lossy(&written).into_owned(),
    })
}

pub(super) async fn logs(docker: &Docker, id: &str, tail: usize) -> Result<Vec<LogLine>> {
    let options = LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .tail(&tail.to_string())
        .build();
    let mut chunks = docker.logs(id, Some(options));
    let mut lines = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(explain("logs"))?;
        let stream = match chunk {
            LogOutput::StdErr { .. } => LogStream::Stderr,
            _ => LogStream::Stdout,
        };
        let bytes = chunk.into_bytes();
        let text = String::from_utf8_lossy(&bytes);
        lines.extend(text.lines().map(|line| LogLine {
            stream,
            text: line.to_owned(),
        }));
    }
    Ok(lines)
}
