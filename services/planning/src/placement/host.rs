//! A container instance as placement sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, InstanceStatus, Resources};

use super::request::Request;
use crate::query::Subject;

/// A container instance: what it has, what is used of it, and what runs there.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    pub id: ContainerInstanceId,
    pub status: InstanceStatus,
    pub agent_connected: bool,
    pub agent_version: Option<String>,
    pub ec2_instance_id: Option<String>,
    pub registered_at: DateTime<Utc>,
    /// Built-in and custom attributes; capabilities have no value.
    pub attributes: Arc<BTreeMap<String, Option<String>>>,
    /// Registered CPU units, 1024 a core.
    pub cpu: i64,
    /// Registered memory in MiB.
    pub memory: i64,
    /// Used by tasks that are not STOPPED (I-03).
    pub used_cpu: i64,
    pub used_memory: i64,
    /// TCP ports taken by tasks or reserved by the host (I-02).
    pub used_ports: BTreeSet<u16>,
    pub used_ports_udp: BTreeSet<u16>,
    /// Ids of all GPUs.
    pub gpus: Arc<[String]>,
    pub used_gpus: BTreeSet<String>,
    /// `runningTasksCount`: tasks whose desired status is RUNNING (I-06).
    pub running_tasks: u32,
    /// How many tasks on the host are not STOPPED, by group. No zeros.
    pub task_groups: BTreeMap<String, u32>,
    /// Revision of the stored row; placement only carries it.
    pub revision: i64,
}

impl Host {
    pub(super) fn free_cpu(&self) -> i64 {
        (self.cpu - self.used_cpu).max(0)
    }

    pub(super) fn free_memory(&self) -> i64 {
        (self.memory - self.used_memory).max(0)
    }

    pub(super) fn free_gpus(&self) -> impl Iterator<Item = &String> {
        self.gpus.iter().filter(|id| !self.used_gpus.contains(*id))
    }

    /// True when the host, having taken a task of the request, can take one more.
    pub(super) fn fits_another(&self, request: &Request) -> bool {
        let needs = &request.resources;
        let has_room = (needs.cpu <= 0 || self.free_cpu() >= needs.cpu)
            && (needs.memory <= 0 || self.free_memory() >= needs.memory)
            && self.free_gpus().count() >= needs.gpus as usize;
        let shares = needs.ports.is_empty() && needs.ports_udp.is_empty() && !request.is_distinct();
        has_room && shares && request.expressions().all(|expression| expression.matches(self))
    }

    /// Counts a task as there and gives it its GPUs. The task has to fit.
    pub(super) fn take(&mut self, group: &str, needs: &Resources) -> Vec<String> {
        let gpus: Vec<String> = self.free_gpus().take(needs.gpus as usize).cloned().collect();
        self.used_cpu += needs.cpu.max(0);
        self.used_memory += needs.memory.max(0);
        self.used_ports.extend(&needs.ports);
        self.used_ports_udp.extend(&needs.ports_udp);
        self.used_gpus.extend(gpus.iter().cloned());
        self.running_tasks += 1;
        match self.task_groups.get_mut(group) {
            Some(count) => *count += 1,
            None => {
                self.task_groups.insert(group.to_owned(), 1);
            }
        }
        gpus
    }

    /// Counts a task as gone. Nothing falls below zero.
    pub(super) fn release(&mut self, group: &str, needs: &Resources, gpus: &[String]) {
        self.used_cpu = (self.used_cpu - needs.cpu.max(0)).max(0);
        self.used_memory = (self.used_memory - needs.memory.max(0)).max(0);
        for port in &needs.ports {
            self.used_ports.remove(port);
        }
        for port in &needs.ports_udp {
            self.used_ports_udp.remove(port);
        }
        for id in gpus {
            self.used_gpus.remove(id);
        }
        self.running_tasks = self.running_tasks.saturating_sub(1);
        if let Some(count) = self.task_groups.get_mut(group) {
            *count -= 1;
            if *count == 0 {
                self.task_groups.remove(group);
            }
        }
    }
}

impl Subject for Host {
    fn agent_connected(&self) -> bool {
        self.agent_connected
    }
    fn agent_version(&self) -> Option<&str> {
        self.agent_version.as_deref()
    }
    fn attribute(&self, name: &str) -> Option<Option<&str>> {
        self.attributes.get(name).map(Option::as_deref)
    }
    fn ec2_instance_id(&self) -> Option<&str> {
        self.ec2_instance_id.as_deref()
    }
    fn registered_at(&self) -> DateTime<Utc> {
        self.registered_at
    }
    fn running_tasks_count(&self) -> i64 {
        i64::from(self.running_tasks)
    }
    fn task_groups(&self) -> impl Iterator<Item = &str> {
        self.task_groups.keys().map(String::as_str)
    }
}
