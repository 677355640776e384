//! One rule after the other: limits, steady state, health, replacing.

use domain::{HealthStatus, TaskStatus};
use planning::deployment::arithmetic::Bounds;
use planning::deployment::*;

use super::sim::{World, seconds};

#[test]
fn d01_limits_are_rounded_up_and_down() {
    let table = [
        (4, 50, 100, 2, 4),
        (4, 100, 200, 4, 8),
        (1, 100, 200, 1, 2),
        (1, 50, 100, 1, 1),
        (3, 67, 134, 3, 4),
        (1, 0, 100, 0, 1),
        (10, 100, 150, 10, 15),
        (0, 100, 200, 0, 0),
        (5_000, 33, 101, 1_650, 5_050),
    ];
    for (desired, minimum, maximum, min_healthy, max_running) in table {
        let bounds = Bounds::new(desired, &DeploymentConfiguration::new(minimum, maximum));
        assert_eq!(
            bounds,
            Bounds {
                min_healthy,
                max_running
            },
            "{desired}, {minimum}/{maximum}"
        );
    }
}

#[test]
fn s20_a_new_service_starts_what_it_wants_and_a_lost_task_again() {
    let mut world = World::new(3, 100, 200);
    assert_eq!(world.act().transcript()[0], "start 3 of A");
    world.hosts_do_their_work().act();
    let lost = world.live('A')[0];
    world.end_task(lost, StopCode::UserInitiated);
    assert_eq!(
        world.act().transcript().last().unwrap(),
        "> has started 1 tasks: (task A)."
    );
}

#[test]
fn s23_steady_state_is_told_when_reached_and_every_six_hours() {
    let mut world = World::new(2, 100, 200);
    world.act().hosts_do_their_work().act();
    assert_eq!(world.events[1], "(service web) has reached a steady state.");
    assert!(world.events[2].ends_with("deployment completed."));
    let told = world.events.len();
    world.wait(40).act();
    assert_eq!(
        world.last_plan.wake_at,
        Some(world.now - seconds(40) + events::QUIET_PERIOD)
    );
    world.wait(6 * 3600 - 41).act();
    assert_eq!(world.events.len(), told);
    world.wait(1).act();
    assert_eq!(
        world.events.last().unwrap(),
        "(service web) has reached a steady state."
    );

    let lost = world.live('A')[0];
    world.end_task(lost, StopCode::EssentialContainerExited);
    world.act();
    assert!(!world.service.steady.reached);
    world.hosts_do_their_work().act();
    assert_eq!(
        world.events.last().unwrap(),
        "(service web) has reached a steady state."
    );
}

#[test]
fn s23_no_steady_state_while_tasks_are_on_their_way_down() {
    let mut world = World::steady(3, 100, 200);
    world.service.desired_count = 1;
    world.act().wait(1).act();
    assert!(!world.service.steady.reached);
    world.hosts_do_their_work().act();
    assert!(world.service.steady.reached);
}

#[test]
fn s23_a_health_check_has_to_pass_first() {
    let mut world = World::steady(1, 100, 200);
    world.update(true);
    world.act();
    let new = world.live('B')[0];
    world.task(new).last = TaskStatus::Running;
    world.task(new).started_at = Some(world.now);
    world.wait(60).act();
    assert_eq!(world.live('A').len(), 1, "UNKNOWN is not healthy (D-03)");
    world.task(new).health = HealthStatus::Healthy;
    world.act();
    assert!(world.live('A').is_empty());
}

#[test]
fn s11_a_message_is_not_repeated_for_six_hours() {
    let now = World::new(1, 100, 200).now;
    let told = [PastEvent {
        at: now,
        message: "x".to_owned(),
    }];
    assert!(events::is_repeat(&told, "x", now + seconds(6 * 3600 - 1)));
    assert!(!events::is_repeat(&told, "x", now + seconds(6 * 3600)));
    assert!(!events::is_repeat(&told, "y", now));
}

#[test]
fn s31_a_replacement_starts_first_and_the_unhealthy_task_stops_once_it_is_healthy() {
    let mut world = World::steady(2, 100, 200);
    let sick = world.live('A')[0];
    world.task(sick).health = HealthStatus::Unhealthy;
    world.act();
    assert_eq!(
        world.transcript(),
        [
            "start 1 of A",
            "> has started 1 tasks: (task A).",
            "> (task A) failed container health checks."
        ]
    );
    world.hosts_do_their_work().act();
    assert!(world.last_plan.stop.is_empty(), "the new one is not healthy yet");
    world.wait(40).act();
    let stop = &world.last_plan.stop[0];
    assert_eq!(
        (stop.task, stop.code()),
        (sick, StopCode::ServiceSchedulerInitiated)
    );
    assert_eq!(stop.reason, "Task failed container health checks");
}

#[test]
fn s31_without_room_unhealthy_tasks_stop_one_at_a_time() {
    let mut world = World::steady(3, 100, 100);
    let sick = world.live('A');
    world.task(sick[0]).health = HealthStatus::Unhealthy;
    world.task(sick[1]).health = HealthStatus::Unhealthy;
    world.act();
    assert_eq!(world.last_plan.stop.len(), 1);
    world.hosts_do_their_work().act();
    assert_eq!(world.last_plan.start.len(), 1);
    world.hosts_do_their_work().act();
    assert!(
        world.last_plan.stop.is_empty(),
        "the successor has to be healthy first"
    );
    world.wait(40).act();
    assert_eq!(world.last_plan.stop.len(), 1);
    world.converge();
}

#[test]
fn s31_a_task_that_recovers_leaves_a_surplus_which_is_removed() {
    let mut world = World::steady(2, 100, 200);
    let sick = world.live('A')[0];
    world.task(sick).health = HealthStatus::Unhealthy;
    world.act();
    world.task(sick).health = HealthStatus::Unknown;
    let replacement = *world.live('A').last().unwrap();
    world.act();
    assert_eq!(
        world.last_plan.stop[0].task, replacement,
        "the one that does not run yet"
    );
}

#[test]
fn s31_an_unhealthy_task_whose_successor_finds_no_host_makes_room_for_it() {
    let mut world = World::steady(1, 100, 200);
    let sick = world.live('A')[0];
    world.task(sick).health = HealthStatus::Unhealthy;
    world.full = true;
    world.act();
    assert!(world.last_plan.stop.is_empty());
    world.act();
    assert_eq!(world.last_plan.stop[0].task, sick);
}

#[test]
fn s30_failing_health_is_ignored_in_the_grace_period() {
    let mut world = World::new(1, 100, 200);
    world.service.health_check_grace_period = seconds(60);
    world.act().hosts_do_their_work().act();
    let sick = world.live('A')[0];
    world.task(sick).health = HealthStatus::Unhealthy;
    world.wait(59).act();
    assert!(world.last_plan.start.is_empty());
    assert_eq!(world.last_plan.wake_at, Some(world.now + seconds(1)));
    world.wait(1).act();
    assert_eq!(world.last_plan.start.len(), 1);
}

#[test]
fn s32_a_replacement_in_mid_deployment_has_the_revision_of_the_task_it_replaces() {
    let mut world = World::steady(2, 100, 200);
    world.update(false);
    world.act();
    let lost = world.live('A')[0];
    world.end_task(lost, StopCode::EssentialContainerExited);
    world.act();
    let [Start::Replicas { deployment, count: 1 }] = world.last_plan.start[..] else {
        panic!()
    };
    assert_eq!(deployment, world.id('A'));
    world.converge();
}

#[test]
fn s33_a_failing_target_is_told_and_is_the_reason_of_the_stop() {
    let mut world = World::steady(1, 0, 100);
    let sick = world.live('A')[0];
    let target_group_arn = "arn:tg".to_owned();
    let target = FailedTarget {
        target_group_arn,
        instance: None,
        port: 80,
        reason: "Request timed out".to_owned(),
    };
    world.task(sick).targets_healthy = Some(false);
    world.task(sick).failed_target = Some(target);
    world.act();
    assert_eq!(
        world.last_plan.stop[0].reason,
        "Task failed ELB health checks in (target-group arn:tg)"
    );
    assert_eq!(
        world.events[0],
        format!(
            "(service web) (task {sick}) (port 80) is unhealthy in (target-group arn:tg) due to (reason Request timed out)"
        )
    );
}

#[test]
fn d03_what_counts_as_healthy() {
    // With check, health, targets, seconds since RUNNING → old task is replaced.
    let table = [
        (false, HealthStatus::Unknown, None, 39, false),
        (false, HealthStatus::Unknown, None, 40, true),
        (true, HealthStatus::Unknown, None, 100, false),
        (true, HealthStatus::Healthy, None, 0, true),
        (false, HealthStatus::Unknown, Some(false), 100, false),
        (false, HealthStatus::Unknown, Some(true), 0, true),
        (true, HealthStatus::Healthy, Some(false), 100, false),
        (true, HealthStatus::Unknown, Some(true), 100, false),
        (true, HealthStatus::Healthy, Some(true), 0, true),
    ];
    for (has_check, health, targets_healthy, age, healthy) in table {
        let mut world = World::steady(1, 100, 200);
        world.update(has_check);
        world.act();
        let new = world.live('B')[0];
        let task = world.task(new);
        (task.last, task.started_at) = (TaskStatus::Running, Some(task.created_at));
        (task.health, task.targets_healthy) = (health, targets_healthy);
        world.wait(age).act();
        assert_eq!(
            world.live('A').is_empty(),
            healthy,
            "{has_check} {health} {targets_healthy:?} {age}"
        );
    }
}

#[test]
fn d03_a_plan_wakes_when_a_task_will_be_old_enough() {
    let mut world = World::steady(1, 100, 200);
    world.update(false);
    world.act().hosts_do_their_work().act();
    assert_eq!(world.last_plan.wake_at, Some(world.now + seconds(40)));
}

#[test]
fn d04_unhealthy_tasks_count_to_the_maximum_but_not_to_the_healthy_ones() {
    let mut world = World::steady(4, 75, 100);
    let sick = world.live('A')[0];
    world.task(sick).health = HealthStatus::Unhealthy;
    world.update(false);
    world.act();
    assert!(world.last_plan.start.is_empty(), "no room");
    assert_eq!(world.last_plan.stop.len(), 1, "three healthy ones have to stay");
    assert_eq!(world.last_plan.stop[0].task, sick, "unhealthy first (D-15)");
}
