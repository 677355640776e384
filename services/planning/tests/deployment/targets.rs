//! Services behind load balancers: what counts is whether targets are healthy, and draining takes time (D-03, S-23, S-31, T-43).

use domain::{DesiredStatus, ServiceStatus, TaskId, TaskStatus};
use planning::deployment::*;

use super::sim::{World, host_id, seconds};

/// Wanted tasks run, with targets that are healthy or not; tasks that are to stop drain.
fn run(world: &mut World, healthy: bool) {
    for index in 0..world.tasks.len() {
        match world.tasks[index].desired {
            DesiredStatus::Running => {
                world.come_up(index);
                world.tasks[index].targets_healthy.get_or_insert(healthy);
            }
            DesiredStatus::Stopped => world.tasks[index].last = TaskStatus::Deactivating,
        }
    }
}

/// The targets of all wanted tasks are healthy.
fn pass_checks(world: &mut World) {
    for task in &mut world.tasks {
        task.targets_healthy = Some(true);
        task.failed_target = None;
    }
}

/// Draining is over: the tasks that waited for it have stopped.
fn drained(world: &mut World) {
    for index in (0..world.tasks.len()).rev() {
        if world.tasks[index].desired == DesiredStatus::Stopped {
            world.end(index, StopCode::ServiceSchedulerInitiated);
        }
    }
}

fn settle(world: &mut World) {
    for _ in 0..20 {
        world.act();
        run(world, true);
        drained(world);
        if world.last_plan.is_empty() && world.is_steady() {
            return;
        }
    }
    panic!("not steady: {:#?}", world.tasks);
}

/// A steady service whose tasks are registered.
fn balanced(desired: u32, minimum: u32, maximum: u32) -> World {
    let mut world = World::new(desired, minimum, maximum);
    settle(&mut world);
    world.transcript();
    world.events.clear();
    world
}

fn fail(world: &mut World, task: TaskId, instance: Option<&str>) {
    let task = world.task(task);
    task.targets_healthy = Some(false);
    task.failed_target = Some(FailedTarget {
        target_group_arn: "arn:tg".to_owned(),
        instance: instance.map(str::to_owned),
        port: 32_768,
        reason: "Health checks failed with these codes: [502]".to_owned(),
    });
}

#[test]
fn d03_no_old_task_stops_before_a_new_ones_targets_are_healthy() {
    let mut world = balanced(2, 100, 200);
    world.update(false);
    world.act();
    run(&mut world, false);
    world.wait(3_600).act();
    assert_eq!(world.live('A').len(), 2, "an hour after RUNNING");
    assert!(world.last_plan.stop.is_empty());
    let new = world.live('B')[0];
    world.task(new).targets_healthy = Some(true);
    world.act();
    assert_eq!(world.live('A').len(), 1, "one is healthy, so one goes");
    pass_checks(&mut world);
    world.act();
    assert!(world.live('A').is_empty());
}

#[test]
fn t43_s22_draining_tasks_leave_room_and_hold_the_end_of_the_deployment_back() {
    let mut world = balanced(2, 100, 100);
    world.service.configuration.minimum_healthy_percent = 50;
    world.update(false);
    world.act();
    assert_eq!(world.live('A').len(), 1);
    run(&mut world, true);
    world.act();
    assert_eq!(
        world.live('B').len(),
        1,
        "a task that drains does not count to the maximum"
    );
    run(&mut world, true);
    world.act();
    run(&mut world, true);
    world.act();
    run(&mut world, true);
    world.wait(60).act();
    assert!(world.live('A').is_empty());
    assert_eq!(world.deployments.len(), 2, "D-12: the old one has tasks still");
    assert!(!world.service.steady.reached, "S-23: some drain still");
    drained(&mut world);
    world.act();
    assert!(world.is_steady());
}

#[test]
fn s23_a_service_is_steady_only_with_healthy_targets_or_in_their_grace_period() {
    for (grace, steady) in [(0, false), (60, true)] {
        let mut world = World::new(2, 100, 200);
        world.service.health_check_grace_period = seconds(grace);
        world.act();
        run(&mut world, false);
        world.act();
        assert_eq!(world.service.steady.reached, steady, "{grace}");
        pass_checks(&mut world);
        world.act();
        assert!(world.is_steady());
    }
}

#[test]
fn s30_s31_a_task_with_a_failing_target_is_replaced_first_and_then_stopped() {
    let mut world = balanced(2, 100, 200);
    let sick = world.live('A')[0];
    fail(&mut world, sick, Some("i-0123456789abcdef0"));
    world.act();
    assert_eq!(world.starts, 3, "two in the beginning, and one more");
    assert!(world.live('A').contains(&sick));
    run(&mut world, false);
    world.wait(3_600).act();
    assert!(
        world.live('A').contains(&sick),
        "its successor is not healthy yet"
    );
    let successor = *world.live('A').last().unwrap();
    world.task(successor).targets_healthy = Some(true);
    world.act();
    assert!(!world.live('A').contains(&sick));
    assert_eq!(
        world.last_plan.stop[0].reason,
        "Task failed ELB health checks in (target-group arn:tg)"
    );
}

#[test]
fn s30_a_failing_target_is_nothing_in_the_grace_period() {
    let mut world = World::new(1, 100, 200);
    world.service.health_check_grace_period = seconds(300);
    world.act();
    run(&mut world, false);
    let task = world.live('A')[0];
    fail(&mut world, task, None);
    world.wait(299).act();
    assert_eq!(world.starts, 1);
    world.wait(1).act();
    assert_eq!(world.starts, 2);
}

#[test]
fn s33_targets_are_told_by_the_name_that_they_are_registered_with() {
    for (instance, name) in [
        (Some("i-0123456789abcdef0"), "instance i-0123456789abcdef0"),
        (None, "task"),
    ] {
        let mut world = balanced(1, 0, 100);
        let sick = world.live('A')[0];
        fail(&mut world, sick, instance);
        world.act();
        let name = if instance.is_none() {
            format!("{name} {sick}")
        } else {
            name.to_owned()
        };
        let why = "is unhealthy in (target-group arn:tg) due to (reason Health checks failed with these codes: [502])";
        assert_eq!(
            world.events[0],
            format!("(service web) ({name}) (port 32768) {why}")
        );
    }
}

#[test]
fn d11_the_text_about_stops_leaves_room_for_what_becomes_of_their_targets() {
    let mut world = balanced(2, 100, 200);
    world.service.desired_count = 1;
    world.act();
    let stopped = world.last_plan.stop[0].task;
    assert_eq!(
        world.last_plan.stop_event,
        Some(format!(
            "(service web) has stopped 1 running tasks: (task {stopped})."
        ))
    );
    assert!(world.last_plan.events.is_empty());
}

#[test]
fn d18_d21_tasks_that_are_replaced_for_their_targets_trip_the_breaker() {
    let mut world = balanced(1, 100, 200);
    world.service.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: false,
    };
    let id = world.update(false);
    for _ in 0..20 {
        world.act();
        run(&mut world, false);
        for task in world.live('B') {
            fail(&mut world, task, Some("i-0123456789abcdef0"));
        }
        drained(&mut world);
        world.wait(30);
    }
    let failed = world
        .deployments
        .iter()
        .find(|deployment| deployment.id == id)
        .unwrap();
    assert_eq!(failed.progress.rollout_state, RolloutState::Failed);
    assert!(failed.progress.failed_tasks >= 3);
    assert_eq!(world.live('A').len(), 1, "the old one goes on serving");
}

#[test]
fn s10_a_deleted_service_waits_for_its_targets_to_drain() {
    let mut world = balanced(2, 100, 200);
    world.service.status = ServiceStatus::Draining;
    world.act();
    run(&mut world, true);
    world.act();
    assert_eq!(world.service.status, ServiceStatus::Draining);
    for task in &mut world.tasks {
        task.last = TaskStatus::Stopping;
    }
    world.act();
    assert_eq!(world.service.status, ServiceStatus::Inactive);
}

#[test]
fn dr01_tasks_leave_a_draining_host_when_their_successors_targets_are_healthy() {
    let mut world = balanced(1, 100, 200);
    let home = world.tasks[0].host.unwrap();
    for number in 1..=4 {
        if host_id(number) == home {
            world.host(number).state = HostState::Draining;
        }
    }
    world.act();
    assert_eq!(world.live('A').len(), 2);
    run(&mut world, false);
    world.wait(3_600).act();
    assert_eq!(world.live('A').len(), 2);
    pass_checks(&mut world);
    world.act();
    let [left] = world.live('A')[..] else { panic!() };
    assert_ne!(world.task(left).host, Some(home));
}
