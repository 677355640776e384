//! Random worlds: a plan never leaves its bounds, and everything comes to rest when tasks are well.

use std::collections::HashSet;

use domain::{DesiredStatus, HealthStatus, ServiceStatus, TaskStatus};
use planning::deployment::*;
use proptest::prelude::*;

use super::sim::{World, host_id, is_live, seconds};

/// D-03 and D-04, written down a second time.
fn is_healthy(world: &World, task: &Task) -> bool {
    let deployment = world
        .deployments
        .iter()
        .find(|deployment| deployment.id == task.deployment);
    let has_check = deployment.is_some_and(|deployment| deployment.revision.has_health_check);
    let draining = world
        .hosts
        .iter()
        .any(|host| Some(host.id) == task.host && host.state == HostState::Draining);
    let old_enough = task
        .started_at
        .is_some_and(|at| world.now - at >= world.service.healthy_after);
    let check = if has_check {
        task.health == HealthStatus::Healthy
    } else {
        task.health != HealthStatus::Unhealthy
    };
    let well = match (has_check, task.targets_healthy) {
        (_, Some(targets)) => check && targets,
        (true, None) => check,
        (false, None) => check && old_enough,
    };
    is_live(task) && task.last == TaskStatus::Running && !draining && well
}

/// What holds for each plan by itself, whichever of its parts succeed.
pub fn check(world: &World, plan: &Plan) {
    assert!(plan.wake_at.is_none_or(|at| at > world.now), "wakes in the past");
    let stopped: HashSet<_> = plan.stop.iter().map(|stop| stop.task).collect();
    assert_eq!(stopped.len(), plan.stop.len(), "one stop for a task");
    for stop in &plan.stop {
        let task = world
            .tasks
            .iter()
            .find(|task| task.id == stop.task)
            .expect("an existing task");
        assert!(is_live(task), "stops a task that already goes");
        let protected = task.protected_until.is_some_and(|until| world.now < until);
        let exempt = stop.cause == StopCause::FailedHealth || world.service.status == ServiceStatus::Draining;
        assert!(!protected || exempt, "stops a protected task");
    }
    for start in &plan.start {
        let new = plan.rollback.as_ref().map(|deployment| deployment.id);
        let known = world
            .deployments
            .iter()
            .map(|deployment| deployment.id)
            .chain(new);
        assert!(
            known.into_iter().any(|id| id == start.deployment()),
            "starts for no deployment"
        );
    }
    if world.service.status == ServiceStatus::Draining {
        return;
    }
    let daemon = world.service.scheduling_strategy == SchedulingStrategy::Daemon;
    let desired = plan.desired_count.unwrap_or(world.service.desired_count);
    let limits = &world.service.configuration;
    let minimum = (f64::from(desired * limits.minimum_healthy_percent) / 100.0).ceil() as usize;
    let maximum = (f64::from(desired * limits.maximum_percent) / 100.0).floor() as usize;

    let healthy = world.tasks.iter().filter(|task| is_healthy(world, task)).count();
    let home = |task: &Task| {
        world
            .hosts
            .iter()
            .any(|host| Some(host.id) == task.host && host.eligible)
    };
    let healthy_stops = world
        .tasks
        .iter()
        .filter(|task| is_healthy(world, task) && stopped.contains(&task.id) && (!daemon || home(task)))
        .count();
    assert!(
        healthy_stops == 0 || healthy - healthy_stops >= minimum,
        "{healthy} - {healthy_stops} < {minimum}"
    );

    let started: u32 = plan.start.iter().map(Start::count).sum();
    if daemon {
        for start in &plan.start {
            let Start::Daemon { host, .. } = start else {
                panic!("daemon tasks have their host")
            };
            assert!(
                world.tasks.iter().all(|task| task.host != Some(*host)),
                "two on a host"
            );
        }
    } else if started > 0 && limits.strategy == DeploymentStrategy::Rolling {
        let occupying = world
            .tasks
            .iter()
            .filter(|task| task.last <= TaskStatus::Running)
            .count();
        assert!(
            occupying + started as usize <= maximum.max(desired as usize),
            "{occupying} + {started} > {maximum}"
        );
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Wait(i64),
    Work,
    ComeUp(usize),
    FailStart(usize),
    Exit(usize),
    GoDown(usize),
    Sicken(usize),
    Recover(usize),
    Protect(usize, i64),
    Drain(u128),
    Activate(u128),
    Lose(u128),
    Join(u128),
    Eligible(u128, bool),
    Desire(u32),
    Update(bool),
    Full(bool),
    Alarm,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        4 => (1..60_i64).prop_map(Wait),
        3 => Just(Work),
        6 => any::<usize>().prop_map(ComeUp),
        3 => any::<usize>().prop_map(FailStart),
        2 => any::<usize>().prop_map(Exit),
        3 => any::<usize>().prop_map(GoDown),
        2 => any::<usize>().prop_map(Sicken),
        1 => any::<usize>().prop_map(Recover),
        1 => (any::<usize>(), 1..300_i64).prop_map(|(task, time)| Protect(task, time)),
        1 => (1..=6_u128).prop_map(Drain),
        1 => (1..=6_u128).prop_map(Activate),
        1 => (1..=6_u128).prop_map(Lose),
        2 => (1..=6_u128).prop_map(Join),
        1 => (1..=6_u128, any::<bool>()).prop_map(|(host, eligible)| Eligible(host, eligible)),
        1 => (0..9_u32).prop_map(Desire),
        2 => any::<bool>().prop_map(Update),
        1 => any::<bool>().prop_map(Full),
        1 => Just(Alarm),
    ]
}

impl World {
    /// Index of some task for which `wanted` holds.
    fn pick(&self, number: usize, wanted: impl Fn(&Task) -> bool) -> Option<usize> {
        let matching: Vec<_> = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| wanted(task))
            .map(|(index, _)| index)
            .collect();
        matching.get(number % matching.len().max(1)).copied()
    }

    fn happen(&mut self, happening: &Happening) {
        use Happening::*;
        let running = |task: &Task| is_live(task) && task.last == TaskStatus::Running;
        let pending = |task: &Task| is_live(task) && task.last < TaskStatus::Running;
        match *happening {
            Wait(time) => drop(self.wait(time)),
            Work => drop(self.hosts_do_their_work()),
            ComeUp(task) => self
                .pick(task, pending)
                .into_iter()
                .for_each(|index| self.come_up(index)),
            FailStart(task) => {
                self.pick(task, pending)
                    .into_iter()
                    .for_each(|index| self.end(index, StopCode::TaskFailedToStart));
            }
            Exit(task) => {
                let code = StopCode::EssentialContainerExited;
                self.pick(task, running)
                    .into_iter()
                    .for_each(|index| self.end(index, code));
            }
            GoDown(task) => {
                let going = self.pick(task, |task| task.desired == DesiredStatus::Stopped);
                if let Some(index) = going {
                    match self.tasks[index].last {
                        TaskStatus::Stopping => self.end(index, StopCode::ServiceSchedulerInitiated),
                        _ => self.tasks[index].last = TaskStatus::Stopping,
                    }
                }
            }
            Sicken(task) => {
                self.pick(task, running)
                    .into_iter()
                    .for_each(|index| self.tasks[index].health = HealthStatus::Unhealthy);
            }
            Recover(task) => {
                self.pick(task, running).into_iter().for_each(|index| {
                    self.tasks[index].health = HealthStatus::Unknown;
                    self.come_up(index);
                });
            }
            Protect(task, time) => {
                let until = self.now + seconds(time);
                self.pick(task, running)
                    .into_iter()
                    .for_each(|index| self.tasks[index].protected_until = Some(until));
            }
            Drain(host) => self.set_host(host, |host| host.state = HostState::Draining),
            Activate(host) => self.set_host(host, |host| host.state = HostState::Active),
            Eligible(host, eligible) => self.set_host(host, |host| host.eligible = eligible),
            Lose(host) => self.lose_host(host),
            Join(host) => {
                if self.hosts.iter().all(|known| known.id != host_id(host)) {
                    self.add_host(host, if host % 2 == 0 { "a" } else { "b" });
                }
            }
            Desire(count) if self.service.scheduling_strategy == SchedulingStrategy::Replica => {
                self.service.desired_count = count;
            }
            Desire(_) => {}
            Update(has_check) => drop(self.update(has_check)),
            Full(full) => self.full = full,
            Alarm => self.deployments.last_mut().unwrap().alarm_raised = true,
        }
    }

    fn set_host(&mut self, number: u128, change: impl Fn(&mut Host)) {
        self.hosts
            .iter_mut()
            .filter(|host| host.id == host_id(number))
            .for_each(change);
    }

    /// Nothing fails any more, and the configuration leaves room for a first step.
    fn heal(&mut self) {
        self.full = false;
        self.hosts
            .iter_mut()
            .for_each(|host| (host.state, host.eligible) = (HostState::Active, true));
        if self.hosts.is_empty() {
            self.add_host(1, "a");
        }
        if self.service.status != ServiceStatus::Active {
            return;
        }
        let bounds = arithmetic::Bounds::new(self.service.desired_count, &self.service.configuration);
        let daemon = self.service.scheduling_strategy == SchedulingStrategy::Daemon;
        if !daemon && bounds.min_healthy >= bounds.max_running {
            self.service.configuration.maximum_percent = 200;
        }
        self.service.configuration.circuit_breaker = CircuitBreaker::default();
        self.act();
        let failed = |deployment: &Deployment| {
            let progress = &deployment.progress;
            progress.status == DeploymentStatus::Primary && progress.rollout_state == RolloutState::Failed
        };
        if self.deployments.iter().any(failed) {
            self.update(true);
        }
    }
}

fn limits() -> impl Strategy<Value = (u32, u32)> {
    prop::sample::select(vec![
        (100, 200),
        (50, 100),
        (0, 100),
        (50, 200),
        (25, 150),
        (67, 134),
        (100, 150),
        (100, 100),
    ])
}

fn placement_strategy() -> impl Strategy<Value = Vec<PlacementStrategy>> {
    let zone = || PlacementStrategy::Spread("attribute:ecs.availability-zone".to_owned());
    prop::sample::select(vec![
        vec![],
        vec![PlacementStrategy::Random],
        vec![PlacementStrategy::BinpackMemory],
        vec![zone(), PlacementStrategy::BinpackCpu],
        vec![zone(), PlacementStrategy::Spread("instanceId".to_owned())],
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// D-01, PR-02 and idempotence are checked in every step; W-13 at the end.
    #[test]
    fn d01_w13_a_replica_service_keeps_its_bounds_and_comes_to_rest(
        desired in 0..9_u32,
        (minimum, maximum) in limits(),
        strategy in placement_strategy(),
        breaker in any::<(bool, bool)>(),
        alarms in any::<(bool, bool)>(),
        grace in prop::sample::select(vec![0, 30]),
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut world = World::new(desired, minimum, maximum);
        world.service.placement_strategy = strategy;
        world.service.health_check_grace_period = seconds(grace);
        world.service.configuration.alarms = alarms.0.then_some(Alarms { rollback: alarms.1, bake: seconds(100) });
        world.service.configuration.circuit_breaker = CircuitBreaker { enable: breaker.0, rollback: breaker.1 };
        for happening in &happenings {
            world.happen(happening);
            world.act();
        }
        world.heal();
        let before = world.starts;
        let rounds = world.converge();
        let started = world.starts - before;
        prop_assert!(started <= 3 * world.service.desired_count + 8, "{started} starts: {:#?}", world.log);
        prop_assert!(rounds < 250);
    }

    #[test]
    fn s60_a_daemon_service_keeps_one_task_on_each_host_and_comes_to_rest(
        minimum in prop::sample::select(vec![0, 25, 50, 66]),
        breaker in any::<(bool, bool)>(),
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut world = World::new(0, minimum, 100);
        world.service.scheduling_strategy = SchedulingStrategy::Daemon;
        world.service.configuration.circuit_breaker = CircuitBreaker { enable: breaker.0, rollback: breaker.1 };
        for happening in &happenings {
            world.happen(happening);
            world.act();
        }
        world.heal();
        // A single host can only be updated by taking its task away.
        world.service.configuration.minimum_healthy_percent = minimum.min(50);
        if world.hosts.len() == 1 {
            world.service.configuration.minimum_healthy_percent = 0;
        }
        let before = world.starts;
        world.converge();
        let started = (world.starts - before) as usize;
        prop_assert!(started <= 3 * world.hosts.len() + 8, "{started} starts: {:#?}", world.log);
    }

    #[test]
    fn s10_a_deleted_service_stops_everything_and_is_inactive(
        desired in 0..9_u32,
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut world = World::new(desired, 50, 200);
        for happening in &happenings {
            world.happen(happening);
            world.act();
        }
        world.service.status = ServiceStatus::Draining;
        world.act();
        prop_assert!(world.tasks.iter().all(|task| task.desired == DesiredStatus::Stopped));
        world.hosts_do_their_work().act();
        prop_assert_eq!(world.service.status, ServiceStatus::Inactive);
        prop_assert!(world.deployments.is_empty());
    }
}
