//! What must hold of hosts, whatever was killed when.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{CONTAINER_NAME, PATIENCE, SimHosts, TASK_ARN};
use crate::settles;

impl SimHosts {
    /// Checks that each container of each task was started at most once, and each task on one host only. Holds at every moment, for
    /// containers without a restart policy.
    ///
    /// # Panics
    /// With what ran twice.
    pub fn nothing_ran_twice(&self) {
        /// A container's task and name.
        type Container = (String, String);
        let mut starts: BTreeMap<Container, Vec<(&str, DateTime<Utc>)>> = BTreeMap::new();
        let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for host in &self.hosts {
            for started in host.engine.started() {
                let label = |name: &str| started.labels.get(name).cloned().unwrap_or_default();
                let (task, start) = (label(TASK_ARN), (host.name.as_str(), started.at));
                homes.entry(task.clone()).or_default().insert(&host.name);
                starts
                    .entry((task, label(CONTAINER_NAME)))
                    .or_default()
                    .push(start);
            }
        }
        starts.retain(|_, starts| starts.len() > 1);
        homes.retain(|_, homes| homes.len() > 1);
        assert!(
            starts.is_empty(),
            "containers that were started more than once: {starts:#?}"
        );
        assert!(homes.is_empty(), "tasks that ran on several hosts: {homes:#?}");
    }

    /// Waits until hosts hold exactly the containers of the tasks that are RUNNING there: none is missing, none is left over, and
    /// stopped ones are cleared away.
    ///
    /// # Panics
    /// With what is missing or left over after 30 s.
    pub async fn no_container_left_over(&self) {
        settles(
            "hosts hold the containers of RUNNING tasks and no others",
            PATIENCE,
            async || {
                let tasks = self
                    .client
                    .tasks(&self.cluster, "RUNNING")
                    .await
                    .map_err(|error| error.to_string())?;
                let text = |task: &Value, name: &str| task[name].as_str().unwrap_or_default().to_owned();
                let unsettled: Vec<&Value> = tasks
                    .iter()
                    .filter(|task| task["lastStatus"] != "RUNNING")
                    .collect();
                if !unsettled.is_empty() {
                    return Err(format!("tasks on their way: {unsettled:?}"));
                }
                let wanted: BTreeSet<(String, String)> = tasks
                    .iter()
                    .map(|task| (text(task, "containerInstanceArn"), text(task, "taskArn")))
                    .collect();
                let mut held = BTreeSet::new();
                for host in &self.hosts {
                    let arn = host.arn().unwrap_or_default();
                    let ran: BTreeSet<String> = host.running_tasks();
                    for container in host.engine.containers() {
                        let task = container.labels.get(TASK_ARN).cloned().unwrap_or_default();
                        if !ran.contains(&task) {
                            return Err(format!("not cleared away on {}: {container:?}", host.name));
                        }
                        held.insert((arn.clone(), task));
                    }
                }
                let missing: Vec<_> = wanted.difference(&held).collect();
                let left_over: Vec<_> = held.difference(&wanted).collect();
                match missing.is_empty() && left_over.is_empty() {
                    true => Ok(()),
                    false => Err(format!("missing: {missing:?}, left over: {left_over:?}")),
                }
            },
        )
        .await;
    }
}
