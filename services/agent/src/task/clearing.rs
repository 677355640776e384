//! What is left of a stopped task: its containers, volumes, cgroup and record, removed after a while (K-10).

use std::time::Duration;

use chrono::TimeDelta;
use runtime::container::Removal;

use super::cell::TaskCell;
use super::prepare;
use super::record::TaskRecord;
use super::volumes;
use crate::host::Host;

/// Pauses between attempts to remove: an engine that restarts is back within seconds, a volume in use may take long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Waits until the containers of a stopped task need not be kept any longer, then removes all that is left of it.
pub async fn clear_away(host: &Host, cell: &TaskCell) {
    let task = cell.read(Clone::clone);
    let keep = TimeDelta::from_std(host.config.task_cleanup_wait).unwrap_or(TimeDelta::MAX);
    let stopped_at = task.stopped_at.unwrap_or(task.accepted_at);
    let until = stopped_at.checked_add_signed(keep);
    let pause = until.map_or(host.config.task_cleanup_wait, |until| {
        (until - host.clock.now()).to_std().unwrap_or_default()
    });
    // A clock that was put back makes nobody wait longer.
    let over = tokio::time::sleep(pause.min(host.config.task_cleanup_wait));
    tokio::pin!(over);
    loop {
        stop_revived(host, &task).await;
        tokio::select! {
            () = &mut over => break,
            () = cell.wake.notified() => {}
        }
    }
    let mut retry = FIRST_RETRY;
    while let Err(what) = remove(host, &task).await {
        tracing::warn!(task = task.arn(), what, "not cleared away yet");
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(LONGEST_RETRY);
    }
}

/// Stops containers that run although their task is over: somebody else started them again, and nobody counts what they use.
async fn stop_revived(host: &Host, task: &TaskRecord) {
    for (index, container) in task.containers.iter().enumerate() {
        let name = &container.docker_name;
        let found = host.runtime.container_inspect(name).await;
        if !found.is_ok_and(|details| details.status.is_running()) {
            continue;
        }
        tracing::warn!(
            task = task.arn(),
            container = name,
            "it runs again although its task is over; stopped"
        );
        let seconds = task
            .definition(index)
            .stop_timeout
            .and_then(|seconds| u64::try_from(seconds).ok());
        let patience = seconds.map_or(host.config.container_stop_timeout, Duration::from_secs);
        if let Err(error) = host.runtime.container_stop(name, None, patience).await {
            tracing::warn!(task = task.arn(), container = name, %error, "not stopped");
        }
    }
}

async fn remove(host: &Host, task: &TaskRecord) -> Result<(), String> {
    for container in &task.containers {
        let removal = Removal {
            force: true,
            volumes: true,
        };
        match host
            .runtime
            .container_remove(&container.docker_name, removal)
            .await
        {
            Err(error) if !error.is_missing() => {
                return Err(format!("container {}: {error}", container.docker_name));
            }
            _ => {}
        }
    }
    volumes::remove_own(host, task).await?;
    if let Some(cgroup) = prepare::cgroup_of(host, task) {
        match tokio::task::spawn_blocking(move || cgroup.remove()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => return Err(format!("cgroup: {error}")),
        }
    }
    host.store
        .remove_task(task.id())
        .await
        .map_err(|error| error.to_string())
}
