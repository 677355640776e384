//! Everything on a simulated host.

use super::Delays;
use super::container::Container;
use super::event_log::EventLog;
use super::hooks::Started;
use super::ports::Ports;
use super::script::{OnSignal, Script, signal_number};
use super::storage::kept_name;
use crate::container::{
    ContainerId, ContainerSpec, ContainerStatus, ContainerSummary, HealthState, LogLine, LogStream, Removal,
};
use crate::error::{Result, RuntimeError};
use crate::event::{ContainerEventKind, LabelFilter};
use crate::image::{ImageDetails, repository_of};
use crate::volume::{VolumeDetails, VolumeSpec};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;
use uuid::Uuid;

pub(super) struct State {
    pub(super) containers: HashMap<String, Container>,
    names: HashMap<String, String>,
    pub(super) images: BTreeMap<String, ImageDetails>,
    pub(super) scripts: HashMap<String, Script>,
    pub(super) volumes: BTreeMap<String, VolumeDetails>,
    ports: Ports,
    pub(super) log: EventLog,
    pub(super) started: Vec<Started>,
    pub(super) pulls: Vec<String>,
    pub(super) delays: Delays,
    pub(super) is_reachable: bool,
    pub(super) answers_to_lose: u32,
    next_pid: u32,
    next_address: u16,
}

/// A run that has just begun.
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) run: u64,
    pub(super) script: Script,
    pub(super) has_health_check: bool,
}

impl State {
    pub(super) fn new(dynamic_ports: RangeInclusive<u16>) -> Self {
        Self {
            containers: HashMap::new(),
            names: HashMap::new(),
            images: BTreeMap::new(),
            scripts: HashMap::new(),
            volumes: BTreeMap::new(),
            ports: Ports::new(dynamic_ports),
            log: EventLog::default(),
            started: Vec::new(),
            pulls: Vec::new(),
            delays: Delays::default(),
            is_reachable: true,
            answers_to_lose: 0,
            next_pid: 1000,
            next_address: 2,
        }
    }

    pub(super) fn reachable(&self) -> Result<()> {
        if self.is_reachable {
            Ok(())
        } else {
            Err(connection_lost("the engine is switched off"))
        }
    }

    /// Loses an answer if a test asked for it.
    pub(super) fn answer(&mut self) -> Result<()> {
        if self.answers_to_lose == 0 {
            return Ok(());
        }
        self.answers_to_lose -= 1;
        Err(connection_lost("the answer was lost"))
    }

    fn id_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    pub(super) fn find(&self, id: &str) -> Result<&Container> {
        self.containers
            .get(self.id_of(id))
            .ok_or_else(|| no_such_container(id))
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Result<&mut Container> {
        let key = self.id_of(id).to_owned();
        self.containers.get_mut(&key).ok_or_else(|| no_such_container(id))
    }

    pub(super) fn is_running(&self, id: &str) -> bool {
        self.find(id).is_ok_and(|container| container.status.is_running())
    }

    pub(super) fn is_in_run(&self, id: &str, run: u64) -> bool {
        self.find(id)
            .is_ok_and(|container| container.status.is_running() && container.run == run)
    }

    pub(super) fn running(&self, id: &str) -> Result<&Container> {
        let container = self.find(id)?;
        if container.status.is_running() {
            return Ok(container);
        }
        Err(RuntimeError::Conflict {
            message: format!("Container {id} is not running"),
        })
    }

    pub(super) fn script_of_image(&self, reference: &str) -> Script {
        let reference = kept_name(reference);
        self.scripts
            .get(reference)
            .or_else(|| self.scripts.get(repository_of(reference)))
            .cloned()
            .unwrap_or_else(|| Script::of_image(reference))
    }

    pub(super) fn script_of(&self, spec: &ContainerSpec) -> Script {
        Script::of_container(&spec.body).unwrap_or_else(|| self.script_of_image(spec.image()))
    }

    pub(super) fn start_delay(&self, id: &str) -> Duration {
        self.find(id)
            .map(|container| container.script.start.delay)
            .unwrap_or_default()
    }

    pub(super) fn create(
        &mut self,
        spec: &ContainerSpec,
        script: Script,
        now: DateTime<Utc>,
    ) -> Result<ContainerId> {
        let image_id = self.image(spec.image())?.id.clone();
        if let Some(failure) = &script.create.failure {
            return Err(engine(500, failure));
        }
        if let Some(taken) = self.names.get(&spec.name) {
            let message = format!(
                "The container name \"/{}\" is already in use by container \"{taken}\"",
                spec.name
            );
            return Err(RuntimeError::Conflict { message });
        }
        let id = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let container = Container {
            id: id.clone(),
            spec: spec.clone(),
            image_id,
            script,
            status: ContainerStatus::Created,
            run: 0,
            pid: None,
            exit_code: None,
            oom_killed: false,
            error: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            health: None,
            ip: None,
            ports: Vec::new(),
            logs: Vec::new(),
        };
        for name in container.mounts().into_iter().filter_map(|mount| mount.volume) {
            self.volume_create(&VolumeSpec {
                name,
                ..VolumeSpec::default()
            })?;
        }
        self.names.insert(spec.name.clone(), id.clone());
        self.containers.insert(id.clone(), container);
        self.emit(&id, ContainerEventKind::Create, now);
        Ok(ContainerId::from(id))
    }

    /// Starts a container; `None` if it runs already.
    pub(super) fn begin(&mut self, id: &str, now: DateTime<Utc>) -> Result<Option<Begun>> {
        let container = self.find(id)?;
        if container.status.is_running() {
            return Ok(None);
        }
        let (host_config, own_network) = (container.host_config(), container.has_own_network());
        let published = match &container.script.start.failure {
            Some(failure) => Err(engine(500, failure)),
            None if own_network => self.ports.publish(&host_config),
            None => Ok(Vec::new()),
        };
        let ports = match published {
            Ok(ports) => ports,
            Err(error) => {
                let container = self.find_mut(id)?;
                container.error = Some(error.to_string());
                container.exit_code = Some(128);
                return Err(error);
            }
        };
        let (pid, ip) = (self.take_pid(), own_network.then(|| self.take_address()));
        let container = self.find_mut(id)?;
        container.status = ContainerStatus::Running;
        container.run += 1;
        container.pid = Some(pid);
        container.oom_killed = false;
        container.error = None;
        container.started_at = Some(now);
        container.finished_at = None;
        container.health = container
            .has_health_check()
            .then_some((HealthState::Starting, now));
        container.ip = ip;
        container.ports = ports;
        let lines = container.script.logs.iter();
        let lines: Vec<_> = lines
            .map(|text| LogLine {
                stream: LogStream::Stdout,
                text: text.clone(),
            })
            .collect();
        container.logs.extend(lines);
        let begun = Begun {
            id: container.id.clone(),
            run: container.run,
            script: container.script.clone(),
            has_health_check: container.has_health_check(),
        };
        let started = Started::of(container, now);
        self.started.push(started);
        self.emit(&begun.id, ContainerEventKind::Start, now);
        Ok(Some(begun))
    }

    /// Ends the process of a running container.
    pub(super) fn end(&mut self, id: &str, exit_code: i64, oom: bool, now: DateTime<Utc>) {
        let Ok(container) = self.find_mut(id) else { return };
        if !container.status.is_running() {
            return;
        }
        container.status = ContainerStatus::Exited;
        container.pid = None;
        container.exit_code = Some(exit_code);
        container.oom_killed = oom;
        container.finished_at = Some(now);
        container.ip = None;
        let ports = std::mem::take(&mut container.ports);
        let auto_remove = container.host_config().auto_remove == Some(true);
        let id = container.id.clone();
        self.ports.release(&ports);
        if oom {
            self.emit(&id, ContainerEventKind::Oom, now);
        }
        self.emit(&id, ContainerEventKind::Die { exit_code }, now);
        if auto_remove {
            self.forget(&id, now);
        }
    }

    /// What a signal does to a container: in which run, after how long, with which exit code it ends.
    pub(super) fn reaction(&self, id: &str, signal: Option<&str>) -> Result<Option<(u64, Duration, i64)>> {
        let container = self.find(id)?;
        if !container.status.is_running() {
            return Ok(None);
        }
        let own = container
            .spec
            .body
            .stop_signal
            .as_deref()
            .or(container.script.stop_signal.as_deref());
        let stop_signal = signal_number(own.unwrap_or("SIGTERM"));
        let number = signal.map_or(stop_signal, signal_number);
        let dies = Some((container.run, Duration::ZERO, 128 + number));
        if number == 9 {
            return Ok(dies);
        }
        // SIGINT, SIGQUIT and SIGTERM end a process as its stop signal does; it takes no notice of others.
        if number != stop_signal && ![2, 3, 15].contains(&number) {
            return Ok(None);
        }
        Ok(match container.script.on_signal {
            OnSignal::Dies => dies,
            OnSignal::Exits { after, code } => Some((container.run, after, code)),
            OnSignal::Ignores => None,
        })
    }

    pub(super) fn set_health(&mut self, id: &str, health: HealthState, now: DateTime<Utc>) {
        let Ok(container) = self.find_mut(id) else { return };
        if container.health.is_some_and(|(state, _)| state != health) {
            container.health = Some((health, now));
            let id = container.id.clone();
            self.emit(&id, ContainerEventKind::Health(health), now);
        }
    }

    pub(super) fn remove(&mut self, id: &str, removal: Removal, now: DateTime<Utc>) -> Result<()> {
        let container = self.find(id)?;
        let key = container.id.clone();
        if container.status.is_running() {
            if !removal.force {
                let message =
                    format!("You cannot remove a running container {key}. Stop it first or force it");
                return Err(RuntimeError::Conflict { message });
            }
            self.end(&key, 137, false, now);
        }
        self.forget(&key, now);
        Ok(())
    }

    fn forget(&mut self, id: &str, now: DateTime<Utc>) {
        self.emit(id, ContainerEventKind::Destroy, now);
        if let Some(container) = self.containers.remove(id) {
            self.names.remove(&container.spec.name);
        }
    }

    pub(super) fn list(&self, labels: &[LabelFilter], all: bool) -> Vec<ContainerSummary> {
        let mut found: Vec<_> = self
            .containers
            .values()
            .filter(|container| all || container.status.is_running())
            .map(Container::summary)
            .filter(|summary| labels.iter().all(|label| label.matches(&summary.labels)))
            .collect();
        found.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
        found
    }

    fn take_pid(&mut self) -> u32 {
        self.next_pid += 1;
        self.next_pid
    }

    /// Addresses of 172.17.0.0/16 in turn; a host does not run 65,000 containers at once.
    fn take_address(&mut self) -> Ipv4Addr {
        let [high, low] = self.next_address.to_be_bytes();
        self.next_address = self
            .next_address
            .checked_add(1)
            .filter(|next| *next < u16::MAX)
            .unwrap_or(2);
        Ipv4Addr::new(172, 17, high, low)
    }
}

fn engine(status: u16, message: &str) -> RuntimeError {
    RuntimeError::Engine {
        status,
        message: message.to_owned(),
    }
}

fn connection_lost(message: &str) -> RuntimeError {
    RuntimeError::ConnectionLost {
        message: message.to_owned(),
    }
}

fn no_such_container(id: &str) -> RuntimeError {
    RuntimeError::NotFound {
        message: format!("No such container: {id}"),
    }
}
