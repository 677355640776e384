//! DAEMON services (S-60, S-61).

use domain::HealthStatus;
use planning::deployment::*;

use super::sim::{World, host_id, is_live, seconds};

fn daemon(minimum: u32) -> World {
    let mut world = World::new(0, minimum, 100);
    world.service.scheduling_strategy = SchedulingStrategy::Daemon;
    world
}

fn steady(minimum: u32) -> World {
    let mut world = daemon(minimum);
    world.converge();
    world.wait(60).act();
    world.transcript();
    world
}

fn hosts_of(world: &World, letter: char) -> Vec<u128> {
    let id = world.id(letter);
    let live = world
        .tasks
        .iter()
        .filter(|task| task.deployment == id && is_live(task));
    let mut hosts: Vec<u128> = live.map(|task| task.host.unwrap().0.as_u128()).collect();
    hosts.sort_unstable();
    hosts
}

#[test]
fn s60_one_task_on_each_eligible_host_and_desired_count_shows_their_number() {
    let mut world = daemon(0);
    world.host(3).eligible = false;
    world.host(4).state = HostState::Draining;
    world.act();
    assert_eq!(hosts_of(&world, 'A'), [1, 2]);
    assert_eq!(
        (world.service.desired_count, world.progress('A').desired_count),
        (2, 2)
    );
    world.converge();
}

#[test]
fn s60_a_new_host_gets_its_task() {
    let mut world = steady(0);
    world.add_host(5, "a");
    world.act();
    assert_eq!(world.transcript()[0], "start A on 5");
    assert_eq!(world.service.desired_count, 5);
}

#[test]
fn s60_a_host_that_no_longer_meets_the_constraints_loses_its_task() {
    let mut world = steady(0);
    world.host(2).eligible = false;
    world.act();
    assert_eq!(world.transcript()[0], "stop 1 of A for its host");
    assert_eq!(world.last_plan.stop[0].cause, StopCause::ConstraintViolated);
    world.converge();
    assert_eq!(hosts_of(&world, 'A'), [1, 3, 4]);
}

#[test]
fn s60_on_a_draining_host_the_daemon_task_stops_last() {
    let mut world = steady(0);
    world.host(2).state = HostState::Draining;
    world.host(2).busy = true;
    world.act();
    assert_eq!(hosts_of(&world, 'A'), [1, 2, 3, 4]);
    world.host(2).busy = false;
    world.act();
    assert_eq!(hosts_of(&world, 'A'), [1, 3, 4]);
    world.converge();
    assert_eq!(world.service.desired_count, 3);
}

#[test]
fn s60_a_task_that_ends_is_started_again_on_its_host() {
    let mut world = steady(0);
    let index = world
        .tasks
        .iter()
        .position(|task| task.host == Some(host_id(3)))
        .unwrap();
    world.end(index, StopCode::EssentialContainerExited);
    world.act();
    assert_eq!(world.transcript()[0], "start A on 3");
}

#[test]
fn s61_an_update_stops_then_starts_all_hosts_at_once_by_default() {
    let mut world = steady(0);
    world.update(false);
    world.act();
    assert_eq!(world.transcript()[0], "stop 4 of A");
    assert!(
        world.last_plan.start.is_empty(),
        "not before the old ones have ended"
    );
    world.hosts_do_their_work().act();
    assert_eq!(hosts_of(&world, 'B'), [1, 2, 3, 4]);
    world.converge();
}

#[test]
fn s61_so_many_may_be_down_as_the_minimum_leaves() {
    for (minimum, batch) in [(0, 4), (25, 3), (50, 2), (51, 1), (75, 1)] {
        let mut world = steady(minimum);
        world.update(false);
        world.act();
        assert_eq!(world.last_plan.stop.len(), batch, "{minimum} %");
        world.hosts_do_their_work().act().hosts_do_their_work().act();
        assert!(
            world.last_plan.stop.is_empty() || batch == 4,
            "the new ones have to be healthy first"
        );
        world.wait(40).converge();
        assert_eq!(hosts_of(&world, 'B'), [1, 2, 3, 4]);
    }
}

#[test]
fn s61_a_minimum_of_all_hosts_leaves_no_step() {
    let mut world = steady(100);
    world.update(false);
    world.act();
    assert_eq!(world.events.last().unwrap(), &events::stuck("web"));
}

#[test]
fn s30_unhealthy_daemon_tasks_are_replaced() {
    let mut world = steady(100);
    let sick = world.live('A')[1];
    world.task(sick).health = HealthStatus::Unhealthy;
    world.act();
    assert_eq!(world.last_plan.stop[0].task, sick);
    assert_eq!(world.last_plan.stop[0].cause, StopCause::FailedHealth);
    world.converge();
}

#[test]
fn pr02_protected_daemon_tasks_hold_back_an_update() {
    let mut world = steady(0);
    let kept = world.live('A')[0];
    world.task(kept).protected_until = Some(world.now + seconds(100));
    world.update(false);
    world.act();
    assert_eq!(world.live('A'), [kept]);
    world.converge();
}

#[test]
fn d22_after_a_tripped_breaker_lost_daemon_tasks_are_of_the_revision_that_worked() {
    let mut world = steady(75);
    world.service.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: false,
    };
    world.update(false);
    for _ in 0..12 {
        world.act().fail_starts('B');
        let going = |task: &Task| task.desired == domain::DesiredStatus::Stopped;
        while let Some(index) = world.tasks.iter().position(going) {
            world.end(index, StopCode::ServiceSchedulerInitiated);
        }
        world.act().wait(900);
    }
    assert_eq!(world.progress('B').rollout_state, RolloutState::Failed);
    assert_eq!(hosts_of(&world, 'A'), [1, 2, 3, 4]);
}

#[test]
fn s60_two_tasks_on_a_host_become_one() {
    let mut world = steady(0);
    let id = world.id('A');
    let double = world.add_task(id, host_id(1));
    let snapshot = world.snapshot();
    let plan = plan(&snapshot, world.now, &mut world.rng);
    assert_eq!(
        plan.stop.iter().map(|stop| stop.task).collect::<Vec<_>>(),
        [double]
    );
}
