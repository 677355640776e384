//! Throttling (S-40), failed tasks (D-18), circuit breaker and alarms (D-20 to D-27).

use domain::{HealthStatus, TaskStatus};
use planning::deployment::arithmetic::breaker_threshold;
use planning::deployment::throttle::pause;
use planning::deployment::*;

use super::sim::{World, seconds};

fn with_breaker(mut world: World, rollback: bool) -> World {
    world.service.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback,
    };
    world
}

/// Attempts fail until nothing is started any more; gives the number of started tasks.
fn fail_all_starts(world: &mut World, letter: char) -> u32 {
    let before = world.starts;
    for _ in 0..20 {
        world.act().fail_starts(letter).act();
        world.wait(900);
    }
    world.starts - before
}

#[test]
fn s40_pauses_grow_to_fifteen_minutes() {
    let pauses: Vec<i64> = (0..11).map(|attempts| pause(attempts).num_seconds()).collect();
    assert_eq!(pauses, [0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
    assert_eq!(pause(u32::MAX), seconds(900));
}

#[test]
fn s40_tasks_that_never_run_are_started_ever_more_slowly_but_without_end() {
    let mut world = World::new(2, 100, 200);
    let mut gaps = vec![];
    for _ in 0..12 {
        let before = world.now;
        while world.live('A').is_empty() {
            if let Some(due) = world.last_plan.wake_at {
                world.now = due;
            }
            world.act();
        }
        gaps.push((world.now - before).num_seconds());
        world.fail_starts('A').act();
    }
    assert_eq!(gaps, [0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
    let told = world
        .events
        .iter()
        .filter(|event| **event == events::cannot_start_consistently("web"));
    assert_eq!(told.count(), 1, "S-11");
}

#[test]
fn s40_tasks_that_fail_during_a_pause_belong_to_the_same_attempt() {
    let mut world = World::new(10, 100, 200);
    world.act().fail_starts('A').act();
    assert_eq!(world.progress('A').memory.start_failures, 1);
    assert_eq!(world.last_plan.wake_at, Some(world.now + seconds(5)));
}

#[test]
fn s40_a_task_that_reaches_running_or_a_new_deployment_ends_the_throttling() {
    let mut world = World::new(2, 100, 200);
    for _ in 0..4 {
        world.act().fail_starts('A').act().wait(900);
    }
    assert_eq!(world.progress('A').memory.start_failures, 4);
    world.act();
    let task = world.live('A')[0];
    world.task(task).last = TaskStatus::Running;
    world.task(task).started_at = Some(world.now + seconds(1));
    world.wait(1).act();
    assert_eq!(world.progress('A').memory.start_failures, 0);

    let mut world = World::new(2, 100, 200);
    world.act().fail_starts('A').act();
    assert!(world.last_plan.start.is_empty());
    world.update(false);
    world.act();
    assert_eq!(world.live('B').len(), 2);
}

#[test]
fn s40_tasks_that_ran_are_started_again_at_once() {
    let mut world = World::new(1, 100, 200);
    for _ in 0..20 {
        world.act().hosts_do_their_work();
        let task = world.live('A')[0];
        world.end_task(task, StopCode::EssentialContainerExited);
        world.act();
        assert_eq!(world.live('A').len(), 1);
    }
    assert_eq!(world.progress('A').failed_tasks, 0);
}

#[test]
fn s40_a_new_task_that_fails_beside_running_ones_is_throttled() {
    let mut world = World::steady(2, 100, 200);
    world.service.desired_count = 3;
    world.act().wait(1).fail_starts('A').act();
    assert!(world.last_plan.start.is_empty());
    assert_eq!(world.progress('A').memory.start_failures, 1);
}

#[test]
fn d20_threshold_is_half_of_the_desired_count_within_3_and_200() {
    let table = [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (800, 200)];
    for (desired, threshold) in table {
        assert_eq!(breaker_threshold(desired), threshold, "{desired}");
    }
}

#[test]
fn d21_failures_before_running_trip_the_breaker_at_the_threshold() {
    let mut world = with_breaker(World::new(1, 100, 200), false);
    assert_eq!(fail_all_starts(&mut world, 'A'), 3);
    assert_eq!(world.progress('A').failed_tasks, 3);
    assert_eq!(world.progress('A').rollout_state, RolloutState::Failed);
    assert_eq!(
        world.progress('A').rollout_state_reason,
        "ECS deployment circuit breaker: tasks failed to start."
    );
}

#[test]
fn d21_second_stage_counts_tasks_replaced_for_their_health() {
    let mut world = with_breaker(World::steady(1, 100, 200), false);
    world.update(true);
    for failures in 1..=3 {
        world.act();
        let sick = world.live('B')[0];
        let now = world.now;
        let task = world.task(sick);
        (task.last, task.started_at, task.health) = (TaskStatus::Running, Some(now), HealthStatus::Unhealthy);
        world.act();
        assert_eq!(world.last_plan.stop[0].cause, StopCause::FailedHealth);
        world.end_task(sick, StopCode::ServiceSchedulerInitiated);
        world.act();
        assert_eq!(world.progress('B').failed_tasks, failures);
    }
    assert_eq!(world.progress('B').rollout_state, RolloutState::Failed);
    assert!(world.live('B').is_empty());
    assert_eq!(world.live('A').len(), 1, "the old task serves on");
}

#[test]
fn d21_what_others_did_and_exits_after_running_do_not_count() {
    let mut world = with_breaker(World::new(4, 100, 200), false);
    world.act();
    let tasks = world.live('A');
    world.end_task(tasks[0], StopCode::UserInitiated);
    world.end_task(tasks[1], StopCode::TerminationNotice);
    world.act();
    assert_eq!(world.progress('A').failed_tasks, 0);
    assert_eq!(world.progress('A').memory.start_failures, 0);
    world.hosts_do_their_work();
    world.end_task(tasks[2], StopCode::EssentialContainerExited);
    world.act();
    assert_eq!(world.progress('A').failed_tasks, 0);
    world.fail_starts('A').act();
    assert_eq!(
        world.progress('A').failed_tasks,
        0,
        "once one has run, failed starts are not the first stage's"
    );
}

#[test]
fn d18_failures_are_forgotten_and_no_longer_counted_once_a_task_runs_healthy() {
    let mut world = with_breaker(World::new(2, 100, 200), false);
    world.act().fail_starts('A').act();
    assert_eq!(world.progress('A').failed_tasks, 2);
    world.wait(5).act().hosts_do_their_work().wait(40).act();
    assert_eq!(world.progress('A').failed_tasks, 0);
    world.service.desired_count = 8;
    fail_all_starts(&mut world, 'A');
    assert_eq!(world.progress('A').failed_tasks, 0);
    assert_ne!(world.progress('A').rollout_state, RolloutState::Failed);
}

#[test]
fn d22_a_tripped_deployment_gets_no_more_tasks_and_old_ones_stay() {
    let mut world = with_breaker(World::steady(2, 100, 200), false);
    world.update(false);
    assert!(fail_all_starts(&mut world, 'B') <= 4);
    assert_eq!(world.progress('B').rollout_state, RolloutState::Failed);
    let lost = world.live('A')[0];
    world.end_task(lost, StopCode::EssentialContainerExited);
    world.act();
    assert_eq!((world.live('A').len(), world.live('B').len()), (2, 0));
    world.update(false);
    world.converge();
}

#[test]
fn d22_rollback_begins_a_new_deployment_of_the_last_completed_revision() {
    let mut world = with_breaker(World::steady(2, 100, 200), true);
    let revision = world.deployment('A').revision.clone();
    world.update(false);
    fail_all_starts(&mut world, 'B');
    let new = world
        .deployments
        .iter()
        .find(|deployment| deployment.progress.status == DeploymentStatus::Primary);
    let new = new.unwrap();
    assert_eq!(new.revision, revision);
    assert_eq!(
        new.progress.rollout_state_reason,
        format!(
            "ECS deployment circuit breaker: rolling back to deploymentId {}.",
            new.id
        )
    );
    assert_eq!(new.progress.rollout_state, RolloutState::InProgress, "D-23");
    world.converge();
    assert_eq!(world.deployments[0].id, world.id('C'));
}

#[test]
fn d22_a_rollback_is_not_rolled_back() {
    let mut world = with_breaker(World::steady(2, 100, 200), true);
    world.update(false);
    fail_all_starts(&mut world, 'B');
    fail_all_starts(&mut world, 'C');
    let primary = world.deployment('C');
    assert_eq!(primary.progress.status, DeploymentStatus::Primary);
    assert_eq!(primary.progress.rollout_state, RolloutState::Failed);
    assert_eq!(world.live('A').len(), 2);
}

#[test]
fn d22_without_a_completed_deployment_it_stays_stalled() {
    let mut world = with_breaker(World::new(2, 100, 200), true);
    fail_all_starts(&mut world, 'A');
    assert_eq!(world.deployments.len(), 1);
    assert_eq!(world.progress('A').rollout_state, RolloutState::Failed);
    assert!(world.live('A').is_empty());
}

fn with_alarms(mut world: World, rollback: bool) -> World {
    world.service.configuration.alarms = Some(Alarms {
        rollback,
        bake: seconds(300),
    });
    world
}

#[test]
fn d27_during_the_bake_both_deployments_stay() {
    let mut world = with_alarms(World::steady(2, 100, 200), true);
    world.update(false);
    for _ in 0..20 {
        world.act().hosts_do_their_work().wait(10);
    }
    assert_eq!(world.deployments.len(), 2);
    assert_eq!(world.progress('B').rollout_state, RolloutState::InProgress);
    assert!(world.live('A').is_empty());
    world.act();
    let end = world.last_plan.wake_at.unwrap();
    assert_eq!(
        Some(end),
        world
            .progress('B')
            .memory
            .bake_started_at
            .map(|start| start + seconds(300))
    );
    world.now = end;
    world.act();
    assert!(world.is_steady());
}

#[test]
fn d26_an_alarm_fails_the_deployment_and_rolls_it_back() {
    let mut world = with_alarms(World::steady(2, 100, 200), true);
    world.update(false);
    world.act().hosts_do_their_work().act();
    world.deployments[1].alarm_raised = true;
    world.act();
    assert_eq!(world.progress('B').rollout_state, RolloutState::Failed);
    let rollback = world.last_plan.rollback.clone().unwrap();
    assert_eq!(rollback.revision, world.deployment('A').revision);
    world.converge();
    assert_eq!(world.deployments[0].id, rollback.id);
}

#[test]
fn d26_a_service_that_runs_on_after_an_alarm_keeps_its_count() {
    let mut world = with_alarms(World::new(2, 100, 200), false);
    world.act().hosts_do_their_work().wait(60).act();
    world.deployments[0].alarm_raised = true;
    world.act();
    assert_eq!(world.progress('A').rollout_state, RolloutState::Failed);
    let lost = world.live('A')[0];
    world.end_task(lost, StopCode::EssentialContainerExited);
    world.act();
    assert_eq!(world.live('A').len(), 2);
}
