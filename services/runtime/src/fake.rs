//! An in-memory container runtime for simulated hosts, hundreds in one process.
//!
//! Containers start at once and run until they are stopped. What a container does otherwise is told by its
//! image name (`fake/exit:3`, see [`Script`]), by the variable `FAKE_SCRIPT` or the label `fake.script`, or by a
//! test through the hooks. Clones share the host: an agent that is made anew finds its containers again.
//! Engine restart policies, links and `VolumesFrom` are not simulated.

mod container;
mod event_log;
mod hooks;
mod ports;
mod script;
mod state;
mod storage;

pub use hooks::Started;
pub use script::{Life, OnSignal, Script, Step, Verdict};

use crate::cgroup::{CgroupDriver, CgroupVersion};
use crate::container::{
    ContainerDetails, ContainerId, ContainerSpec, ContainerSummary, ExecOutput, LogLine, Removal,
};
use crate::error::{Result, RuntimeError};
use crate::event::{ContainerEventKind, LabelFilter};
use crate::image::{ImageDetails, ImageSummary, PullProgress, RegistryAuth};
use crate::info::{EngineInfo, NetworkDetails, Subnet};
use crate::runtime::{EventStream, Runtime};
use crate::stats::ContainerStats;
use crate::volume::{VolumeDetails, VolumeSpec};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kit::clock::{Clock, SystemClock};
use kit::shutdown::Shutdown;
use kit::tasks::Tasks;
use parking_lot::Mutex;
use state::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What a simulated host looks like.
#[derive(Clone)]
pub struct FakeHost {
    /// Host name.
    pub name: String,
    /// Logical processors.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Host ports that are handed out for open bindings.
    pub dynamic_ports: std::ops::RangeInclusive<u16>,
    /// Stamps events and containers; delays run on tokio's clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for FakeHost {
    /// Two processors, 4 GiB, Linux's range of dynamic ports.
    fn default() -> Self {
        Self {
            name: "fake-host".to_owned(),
            cpus: 2,
            memory_bytes: 4 << 30,
            dynamic_ports: 32_768..=60_999,
            clock: Arc::new(SystemClock),
        }
    }
}

/// How long every call of a kind takes on this host, on top of what a script says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delays {
    /// Of a pull.
    pub pull: Duration,
    /// Of a create.
    pub create: Duration,
    /// Of a start.
    pub start: Duration,
    /// Of a stop, before the signal is sent.
    pub stop: Duration,
}

/// A simulated host. Clones share it.
#[derive(Clone)]
pub struct FakeRuntime {
    shared: Arc<Shared>,
}

struct Shared {
    host: FakeHost,
    state: Mutex<State>,
    /// Ticks whenever something happened.
    changed: watch::Sender<u64>,
    timers: Tasks,
}

impl Default for FakeRuntime {
    fn default() -> Self {
        Self::new(FakeHost::default())
    }
}

impl FakeRuntime {
    /// A host without images and containers.
    pub fn new(host: FakeHost) -> Self {
        let state = Mutex::new(State::new(host.dynamic_ports.clone()));
        let (changed, _) = watch::channel(0);
        let shared = Shared {
            host,
            state,
            changed,
            timers: Tasks::new(Shutdown::new()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.host.clock.now()
    }

    /// Looks at the state if the engine can be reached.
    fn look<T>(&self, read: impl FnOnce(&State, DateTime<Utc>) -> Result<T>) -> Result<T> {
        let state = self.shared.state.lock();
        state.reachable()?;
        read(&state, self.now())
    }

    /// Changes the state if the engine can be reached.
    fn call<T>(&self, change: impl FnOnce(&mut State, DateTime<Utc>) -> Result<T>) -> Result<T> {
        let mut state = self.shared.state.lock();
        state.reachable()?;
        let result = change(&mut state, self.now());
        drop(state);
        self.tick();
        result
    }

    /// As [`Self::call`], but the answer may get lost after the change was made.
    fn change<T>(&self, change: impl FnOnce(&mut State, DateTime<Utc>) -> Result<T>) -> Result<T> {
        self.call(|state, now| {
            let result = change(state, now)?;
            state.answer()?;
            Ok(result)
        })
    }

    fn tick(&self) {
        self.shared.changed.send_modify(|tick| *tick += 1);
    }

    async fn delayed(&self, delay: impl FnOnce(&State) -> Duration) -> Result<()> {
        let delay = {
            let state = self.shared.state.lock();
            state.reachable()?;
            delay(&state)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }

    /// Does `then` to a container after a while, if it still is in the same run.
    fn later(
        &self,
        id: &str,
        run: u64,
        after: Duration,
        then: impl FnOnce(&mut State, DateTime<Utc>) + Send + 'static,
    ) {
        if after.is_zero() {
            return self.in_run(id, run, then);
        }
        let (shared, id) = (Arc::downgrade(&self.shared), id.to_owned());
        self.shared.timers.spawn_job("fake container", async move {
            tokio::time::sleep(after).await;
            if let Some(shared) = shared.upgrade() {
                Self { shared }.in_run(&id, run, then);
            }
        });
    }

    fn in_run(&self, id: &str, run: u64, then: impl FnOnce(&mut State, DateTime<Utc>)) {
        let mut state = self.shared.state.lock();
        if state.is_in_run(id, run) {
            then(&mut state, self.now());
        }
        drop(state);
        self.tick();
    }

    /// Sends a signal and lets the container react to it as its script says.
    fn signal(&self, id: &str, signal: Option<&str>) -> Result<()> {
        let reaction = self.look(|state, _| state.reaction(id, signal))?;
        if let Some((run, after, exit_code)) = reaction {
            let target = id.to_owned();
            self.later(id, run, after, move |state, now| {
                state.end(&target, exit_code, false, now)
            });
        }
        Ok(())
    }

    async fn wait_until_stopped(&self, id: &str) {
        let mut changed = self.shared.changed.subscribe();
        while self.shared.state.lock().is_running(id) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Sets off what the script has in store for a run that has just begun.
    fn play(&self, id: &str, run: u64, script: &Script, has_health_check: bool) {
        let target = id.to_owned();
        match script.life {
            Life::Forever => {}
            Life::Exits { after, code } => {
                self.later(id, run, after, move |state, now| {
                    state.end(&target, code, false, now)
                });
            }
            Life::OutOfMemory { after } => {
                self.later(id, run, after, move |state, now| {
                    state.end(&target, 137, true, now)
                });
            }
        }
        if let (true, Some(verdict)) = (has_health_check, script.health) {
            let target = id.to_owned();
            self.later(id, run, verdict.after, move |state, now| {
                state.set_health(&target, verdict.state, now)
            });
        }
    }
}

fn timed_out(call: &'static str, after: Duration) -> RuntimeError {
    RuntimeError::Timeout { call, after }
}

#[async_trait]
impl Runtime for FakeRuntime {
    async fn info(&self) -> Result<EngineInfo> {
        let host = &self.shared.host;
        self.look(|_, _| {
            Ok(EngineInfo {
                version: "20.10.24".to_owned(),
                api_version: "1.41".to_owned(),
                cgroup_version: CgroupVersion::V2,
                cgroup_driver: CgroupDriver::Cgroupfs,
                storage_driver: "memory".to_owned(),
                log_drivers: ["json-file", "awslogs", "fluentd", "none"]
                    .map(str::to_owned)
                    .to_vec(),
                cpus: host.cpus,
                memory_bytes: host.memory_bytes,
                host_name: host.name.clone(),
                operating_system: "Berth simulated host".to_owned(),
                kernel_version: "0.0.0".to_owned(),
                architecture: "x86_64".to_owned(),
                security_options: Vec::new(),
            })
        })
    }

    async fn ping(&self) -> Result<()> {
        self.look(|_, _| Ok(()))
    }

    async fn image_pull(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<()> {
        self.call(|state, _| {
            state.pulls.push(reference.to_owned());
            Ok(())
        })?;
        progress(PullProgress {
            status: format!("Pulling from {reference}"),
            ..PullProgress::default()
        });
        self.delayed(|state| state.delays.pull + state.script_of_image(reference).pull.delay)
            .await?;
        self.change(|state, now| state.pull(reference, auth, now))?;
        progress(PullProgress {
            status: "Download complete".to_owned(),
            ..PullProgress::default()
        });
        Ok(())
    }

    async fn image_inspect(&self, reference: &str) -> Result<ImageDetails> {
        self.look(|state, _| state.image(reference).cloned())
    }

    async fn image_list(&self) -> Result<Vec<ImageSummary>> {
        self.look(|state, _| Ok(state.image_list()))
    }

    async fn image_remove(&self, reference: &str, force: bool) -> Result<()> {
        self.change(|state, _| state.image_remove(reference, force))
    }

    async fn image_tag(&self, source: &str, target: &str) -> Result<()> {
        self.change(|state, _| state.image_tag(source, target))
    }

    async fn container_create(&self, spec: &ContainerSpec) -> Result<ContainerId> {
        let script = self.shared.state.lock().script_of(spec);
        self.delayed(|state| state.delays.create + script.create.delay)
            .await?;
        self.change(|state, now| state.create(spec, script, now))
    }

    async fn container_start(&self, id: &str) -> Result<()> {
        self.delayed(|state| state.delays.start + state.start_delay(id))
            .await?;
        let begun = self.call(|state, now| state.begin(id, now))?;
        if let Some(begun) = begun {
            self.play(&begun.id, begun.run, &begun.script, begun.has_health_check);
        }
        self.call(|state, _| state.answer())
    }

    async fn container_stop(&self, id: &str, signal: Option<&str>, timeout: Duration) -> Result<()> {
        self.delayed(|state| state.delays.stop).await?;
        let id = self.look(|state, _| Ok(state.find(id)?.id.clone()))?;
        self.signal(&id, signal)?;
        if tokio::time::timeout(timeout, self.wait_until_stopped(&id))
            .await
            .is_err()
        {
            self.signal(&id, Some("SIGKILL"))?;
        }
        self.call(|state, _| state.answer())
    }

    async fn container_kill(&self, id: &str, signal: &str) -> Result<()> {
        let id = self.look(|state, _| state.running(id).map(|container| container.id.clone()))?;
        self.signal(&id, Some(signal))
    }

    async fn container_inspect(&self, id: &str) -> Result<ContainerDetails> {
        self.look(|state, _| Ok(state.find(id)?.details()))
    }

    async fn container_remove(&self, id: &str, removal: Removal) -> Result<()> {
        self.change(|state, now| state.remove(id, removal, now))
    }

    async fn container_list(&self, labels: &[LabelFilter], all: bool) -> Result<Vec<ContainerSummary>> {
        self.look(|state, _| Ok(state.list(labels, all)))
    }

    async fn container_stats(&self, id: &str) -> Result<ContainerStats> {
        let (cpus, memory) = (self.shared.host.cpus, self.shared.host.memory_bytes);
        self.look(|state, now| Ok(state.find(id)?.stats(cpus, memory, now)))
    }

    async fn container_exec(&self, id: &str, _command: &[String], timeout: Duration) -> Result<ExecOutput> {
        let script = self.look(|state, _| Ok(state.running(id)?.script.clone()))?;
        if script.exec_delay > timeout {
            tokio::time::sleep(timeout).await;
            return Err(timed_out("exec", timeout));
        }
        tokio::time::sleep(script.exec_delay).await;
        Ok(script.exec)
    }

    async fn container_logs(&self, id: &str, tail: usize) -> Result<Vec<LogLine>> {
        self.look(|state, _| {
            let logs = &state.find(id)?.logs;
            Ok(logs[logs.len().saturating_sub(tail)..].to_vec())
        })
    }

    fn events(&self, labels: Vec<LabelFilter>, since: Option<DateTime<Utc>>) -> EventStream {
        event_log::subscribe(self.clone(), labels, since)
    }

    async fn volume_create(&self, spec: &VolumeSpec) -> Result<VolumeDetails> {
        self.change(|state, _| state.volume_create(spec))
    }

    async fn volume_inspect(&self, name: &str) -> Result<VolumeDetails> {
        self.look(|state, _| state.volume(name).cloned())
    }

    async fn volume_remove(&self, name: &str) -> Result<()> {
        self.change(|state, _| state.volume_remove(name))
    }

    async fn network_inspect(&self, name: &str) -> Result<NetworkDetails> {
        let missing = || RuntimeError::NotFound {
            message: format!("network {name} not found"),
        };
        let bridge = Subnet {
            cidr: "172.17.0.0/16".to_owned(),
            gateway: Some([172, 17, 0, 1].into()),
        };
        let (driver, subnets) = match name {
            "bridge" => ("bridge", vec![bridge]),
            "host" => ("host", Vec::new()),
            "none" => ("null", Vec::new()),
            _ => return Err(missing()),
        };
        self.look(|_, _| {
            Ok(NetworkDetails {
                id: name.to_owned(),
                name: name.to_owned(),
                driver: driver.to_owned(),
                bridge_interface: (name == "bridge").then(|| "docker0".to_owned()),
                subnets,
            })
        })
    }
}

impl State {
    fn emit(&mut self, id: &str, kind: ContainerEventKind, at: DateTime<Utc>) {
        if let Some(container) = self.containers.get(id) {
            let event = container.event(kind, at);
            self.log.push(event);
        }
    }
}
