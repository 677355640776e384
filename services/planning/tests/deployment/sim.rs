//! A service in a small world: plans are checked and applied, tasks and hosts do as they are told.

mod plans;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::{ContainerInstanceId, DeploymentId, DesiredStatus, HealthStatus, Resources, ServiceStatus};
use domain::{TaskId, TaskStatus};
use planning::deployment::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

pub const NAME: &str = "web";

pub struct World {
    pub now: DateTime<Utc>,
    pub service: Service,
    pub deployments: Vec<Deployment>,
    pub tasks: Vec<Task>,
    pub newly_stopped: Vec<StoppedTask>,
    pub hosts: Vec<Host>,
    /// Of later deployments.
    pub hooks: Vec<PauseHook>,
    /// All that was said, newest last.
    pub events: Vec<String>,
    /// What each plan did, for transcripts.
    pub log: Vec<String>,
    pub last_plan: Plan,
    pub starts: u32,
    /// No host takes a task.
    pub full: bool,
    pub rng: StdRng,
    letters: Vec<DeploymentId>,
    health_stops: HashSet<TaskId>,
    next_task: u128,
}

pub fn seconds(count: i64) -> TimeDelta {
    TimeDelta::seconds(count)
}

pub fn host_id(number: u128) -> ContainerInstanceId {
    ContainerInstanceId(Uuid::from_u128(number))
}

impl World {
    /// A new REPLICA service with hosts 1 to 4, two in each of two zones, and a first deployment A.
    pub fn new(desired: u32, minimum: u32, maximum: u32) -> Self {
        let service = Service {
            name: NAME.to_owned(),
            status: ServiceStatus::Active,
            scheduling_strategy: SchedulingStrategy::Replica,
            desired_count: desired,
            configuration: DeploymentConfiguration::new(minimum, maximum),
            health_check_grace_period: seconds(0),
            healthy_after: seconds(40),
            availability_zone_rebalancing: false,
            placement_strategy: vec![],
            steady: Steady::default(),
            rollback_target: None,
            recent_events: vec![],
        };
        let mut world = Self {
            now: Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap(),
            service,
            deployments: vec![],
            tasks: vec![],
            newly_stopped: vec![],
            hosts: vec![],
            hooks: vec![],
            events: vec![],
            log: vec![],
            last_plan: Plan::default(),
            starts: 0,
            full: false,
            rng: StdRng::seed_from_u64(1),
            letters: vec![],
            health_stops: HashSet::new(),
            next_task: 0,
        };
        for number in 1..=4 {
            world.add_host(number, if number <= 2 { "a" } else { "b" });
        }
        world.update(false);
        world
    }

    /// The same with its tasks running long enough, and the deployment completed.
    pub fn steady(desired: u32, minimum: u32, maximum: u32) -> Self {
        let mut world = Self::new(desired, minimum, maximum);
        world.converge();
        world.wait(60).act();
        world.log.clear();
        world.events.clear();
        world.starts = 0;
        world
    }

    pub fn add_host(&mut self, number: u128, zone: &str) {
        self.hosts.push(Host {
            id: host_id(number),
            state: HostState::Active,
            availability_zone: Some(zone.to_owned()),
            attributes: BTreeMap::new(),
            remaining: Resources {
                cpu: 4096,
                memory: 8192,
                ..Resources::default()
            },
            eligible: true,
            busy: false,
        });
    }

    /// UpdateService with a new revision: a PRIMARY deployment named by the next letter.
    pub fn update(&mut self, has_health_check: bool) -> DeploymentId {
        let id = DeploymentId(1_000_000_000_000_000_000 + self.letters.len() as i64);
        for deployment in &mut self.deployments {
            deployment.progress.status = DeploymentStatus::Active;
        }
        self.adopt(Deployment {
            id,
            revision: Revision {
                id: self.letters.len() as i64,
                has_health_check,
                has_test_traffic: true,
                needs: Resources {
                    cpu: 256,
                    memory: 512,
                    ..Resources::default()
                },
            },
            created_at: self.now,
            alarm_raised: false,
            stop_requested: None,
            hooks: self.hooks.clone(),
            pauses: vec![],
            progress: Progress::begin(id, self.service.desired_count),
        });
        id
    }

    fn adopt(&mut self, deployment: Deployment) {
        self.letters.push(deployment.id);
        self.deployments.push(deployment);
    }

    pub fn letter(&self, id: DeploymentId) -> String {
        let index = self.letters.iter().position(|known| *known == id).unwrap();
        char::from(b'A' + u8::try_from(index % 26).unwrap()).to_string()
    }

    pub fn id(&self, letter: char) -> DeploymentId {
        self.letters[letter as usize - 'A' as usize]
    }

    pub fn deployment(&self, letter: char) -> &Deployment {
        let id = self.id(letter);
        self.deployments
            .iter()
            .find(|deployment| deployment.id == id)
            .unwrap()
    }

    pub fn progress(&mut self, letter: char) -> &mut Progress {
        let id = self.id(letter);
        &mut self
            .deployments
            .iter_mut()
            .find(|deployment| deployment.id == id)
            .unwrap()
            .progress
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            service: self.service.clone(),
            deployments: self.deployments.clone(),
            tasks: self.tasks.clone(),
            newly_stopped: self.newly_stopped.clone(),
            hosts: self.hosts.clone(),
        }
    }

    pub fn add_task(&mut self, deployment: DeploymentId, host: ContainerInstanceId) -> TaskId {
        self.next_task += 1;
        let id = TaskId(Uuid::from_u128(self.next_task));
        self.tasks.push(Task {
            id,
            deployment,
            host: Some(host),
            desired: DesiredStatus::Running,
            last: TaskStatus::Pending,
            health: HealthStatus::Unknown,
            targets_healthy: None,
            failed_target: None,
            protected_until: None,
            created_at: self.now,
            started_at: None,
        });
        id
    }

    /// Time passes.
    pub fn wait(&mut self, count: i64) -> &mut Self {
        self.now += seconds(count);
        self
    }

    pub fn live(&self, letter: char) -> Vec<TaskId> {
        let id = self.id(letter);
        let wanted = self
            .tasks
            .iter()
            .filter(|task| task.deployment == id && is_live(task));
        wanted.map(|task| task.id).collect()
    }

    pub fn task(&mut self, id: TaskId) -> &mut Task {
        self.tasks.iter_mut().find(|task| task.id == id).unwrap()
    }

    /// All wanted tasks become RUNNING, and HEALTHY where there is a check; those that are to stop have stopped.
    pub fn hosts_do_their_work(&mut self) -> &mut Self {
        for index in (0..self.tasks.len()).rev() {
            match self.tasks[index].desired {
                DesiredStatus::Stopped => self.end(index, StopCode::ServiceSchedulerInitiated),
                DesiredStatus::Running => self.come_up(index),
            }
        }
        self
    }

    pub fn come_up(&mut self, index: usize) {
        let now = self.now;
        let task = &mut self.tasks[index];
        if task.last < TaskStatus::Running {
            task.last = TaskStatus::Running;
            task.started_at = Some(now);
        }
        let has_check = self
            .deployments
            .iter()
            .any(|d| d.id == task.deployment && d.revision.has_health_check);
        if has_check && task.health == HealthStatus::Unknown {
            task.health = HealthStatus::Healthy;
        }
    }

    /// The task is STOPPED.
    pub fn end(&mut self, index: usize, code: StopCode) {
        let task = self.tasks.swap_remove(index);
        let by_scheduler = task.desired == DesiredStatus::Stopped;
        self.newly_stopped.push(StoppedTask {
            id: task.id,
            deployment: task.deployment,
            started_at: task.started_at,
            stop_code: Some(if by_scheduler {
                StopCode::ServiceSchedulerInitiated
            } else {
                code
            }),
            failed_health: self.health_stops.contains(&task.id),
        });
    }

    /// All pending tasks of a deployment stop without having been RUNNING.
    pub fn fail_starts(&mut self, letter: char) -> &mut Self {
        let id = self.id(letter);
        for index in (0..self.tasks.len()).rev() {
            if self.tasks[index].deployment == id && self.tasks[index].last < TaskStatus::Running {
                self.end(index, StopCode::TaskFailedToStart);
            }
        }
        self
    }

    pub fn end_task(&mut self, id: TaskId, code: StopCode) {
        let index = self.tasks.iter().position(|task| task.id == id).unwrap();
        self.end(index, code);
    }

    pub fn host(&mut self, number: u128) -> &mut Host {
        self.hosts
            .iter_mut()
            .find(|host| host.id == host_id(number))
            .unwrap()
    }

    pub fn lose_host(&mut self, number: u128) {
        self.hosts.retain(|host| host.id != host_id(number));
        for index in (0..self.tasks.len()).rev() {
            if self.tasks[index].host == Some(host_id(number)) {
                self.end(index, StopCode::TerminationNotice);
            }
        }
    }

    /// Everything works: plans and work alternate until nothing happens any more. Gives the number of rounds.
    pub fn converge(&mut self) -> u32 {
        for round in 0..300 {
            self.act();
            let quiet = self.last_plan.is_empty() && self.is_steady();
            if quiet {
                return round;
            }
            self.hosts_do_their_work().wait(10);
        }
        panic!(
            "no steady state: {}\n{:#?}\n{:#?}",
            self.log.join("\n"),
            self.deployments,
            self.tasks
        );
    }

    /// What the waiter ServicesStable asks (W-13), and that the deployment is COMPLETED.
    pub fn is_steady(&self) -> bool {
        let running = self
            .tasks
            .iter()
            .filter(|task| task.last == TaskStatus::Running)
            .count();
        self.deployments.len() == 1
            && running == self.service.desired_count as usize
            && self.deployments[0].progress.rollout_state == RolloutState::Completed
            && self.service.steady.reached
    }

    /// What the last plans did, and forgets it.
    pub fn transcript(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}

pub fn is_live(task: &Task) -> bool {
    task.desired == DesiredStatus::Running && task.last <= TaskStatus::Running
}
