//! Whole stories as transcripts: what plans do and say, and what the hosts do in between.

use domain::DesiredStatus;
use planning::deployment::*;

use super::sim::{World, host_id};

/// Runs rounds of plan and work, 40 s apart, and writes down each round that did something.
fn story(world: &mut World, rounds: usize) -> Vec<String> {
    let mut lines = vec![];
    for _ in 0..rounds {
        world.act();
        lines.extend(world.transcript());
        world.hosts_do_their_work().wait(40);
    }
    lines
}

/// Only what started and stopped.
fn moves(world: &mut World, rounds: usize) -> Vec<String> {
    story(world, rounds)
        .into_iter()
        .filter(|line| !line.starts_with("> "))
        .collect()
}

#[test]
fn d02_table() {
    let table: [(u32, u32, u32, &[&str]); 6] = [
        (
            4,
            50,
            100,
            &["stop 2 of A", "start 2 of B", "stop 2 of A", "start 2 of B"],
        ),
        (4, 100, 200, &["start 4 of B", "stop 4 of A"]),
        (1, 100, 200, &["start 1 of B", "stop 1 of A"]),
        (1, 0, 100, &["stop 1 of A", "start 1 of B"]),
        (
            10,
            100,
            150,
            &["start 5 of B", "stop 5 of A", "start 5 of B", "stop 5 of A"],
        ),
        (
            3,
            67,
            134,
            &[
                "start 1 of B",
                "stop 1 of A",
                "start 1 of B",
                "stop 1 of A",
                "start 1 of B",
                "stop 1 of A",
            ],
        ),
    ];
    for (desired, minimum, maximum, expected) in table {
        let mut world = World::steady(desired, minimum, maximum);
        world.update(false);
        assert_eq!(moves(&mut world, 12), expected, "{desired}, {minimum}/{maximum}");
        assert!(world.is_steady());
    }
}

#[test]
fn d02_the_stuck_case_says_so_and_a_wider_limit_frees_it() {
    let mut world = World::steady(1, 50, 100);
    world.update(false);
    assert_eq!(
        story(&mut world, 5),
        [
            "> was unable to stop or start tasks during a deployment because of the service deployment configuration. \
             Update the minimumHealthyPercent or maximumPercent value and try again."
        ]
    );
    world.service.configuration.maximum_percent = 200;
    assert_eq!(moves(&mut world, 5), ["start 1 of B", "stop 1 of A"]);
    assert!(world.is_steady());
}

#[test]
fn d11_order_of_a_rolling_update() {
    let mut world = World::steady(2, 50, 100);
    world.update(false);
    assert_eq!(
        story(&mut world, 6),
        [
            "stop 1 of A",
            "> has stopped 1 running tasks: (task A).",
            "start 1 of B",
            "> has started 1 tasks: (task B).",
            "stop 1 of A",
            "> has stopped 1 running tasks: (task A).",
            "start 1 of B",
            "> has started 1 tasks: (task B).",
            "> has reached a steady state.",
            "> (deployment B) deployment completed.",
        ]
    );
}

#[test]
fn d11_order_with_room_for_all_new_tasks() {
    let mut world = World::steady(2, 100, 200);
    world.update(false);
    assert_eq!(
        story(&mut world, 4),
        [
            "start 2 of B",
            "> has started 2 tasks: (task B) (task B).",
            "stop 2 of A",
            "> has stopped 2 running tasks: (task A) (task A).",
            "> has reached a steady state.",
            "> (deployment B) deployment completed.",
        ]
    );
}

/// Each attempt fails at once; the plan's own wakes drive time.
fn crash_loop(world: &mut World, letter: char, attempts: usize) -> Vec<String> {
    let begin = world.now;
    let mut lines = vec![];
    for _ in 0..attempts {
        world.act();
        let at = (world.now - begin).num_seconds();
        lines.extend(
            world
                .transcript()
                .into_iter()
                .map(|line| format!("{at} s: {line}")),
        );
        world.fail_starts(letter).act();
        lines.extend(
            world
                .transcript()
                .into_iter()
                .map(|line| format!("{at} s: {line}")),
        );
        let due = world
            .deployments
            .iter()
            .filter_map(|deployment| deployment.progress.memory.next_start_at());
        world.now = due.filter(|at| *at > world.now).min().unwrap_or(world.now);
    }
    lines
}

#[test]
fn s40_crash_loop_with_throttle() {
    let mut world = World::new(1, 100, 200);
    let lines: Vec<String> = crash_loop(&mut world, 'A', 6)
        .into_iter()
        .filter(|line| !line.contains("has started"))
        .collect();
    assert_eq!(
        lines,
        [
            "0 s: start 1 of A",
            "5 s: start 1 of A",
            "15 s: start 1 of A",
            "15 s: > is unable to consistently start tasks successfully.",
            "35 s: start 1 of A",
            "75 s: start 1 of A",
            "155 s: start 1 of A",
        ]
    );
}

#[test]
fn d22_breaker_without_rollback() {
    let mut world = World::steady(2, 100, 200);
    world.service.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: false,
    };
    world.update(false);
    assert_eq!(
        crash_loop(&mut world, 'B', 6),
        [
            "0 s: start 2 of B",
            "0 s: > has started 2 tasks: (task B) (task B).",
            "5 s: start 2 of B",
            "5 s: > has started 2 tasks: (task B) (task B).",
            "5 s: > (deployment B) deployment failed: tasks failed to start.",
        ]
    );
    assert_eq!((world.live('A').len(), world.deployments.len()), (2, 2));
}

#[test]
fn d22_breaker_with_rollback() {
    let mut world = World::steady(2, 100, 200);
    world.service.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: true,
    };
    world.update(false);
    crash_loop(&mut world, 'B', 1);
    assert_eq!(
        crash_loop(&mut world, 'B', 1),
        [
            "0 s: start 2 of B",
            "0 s: > has started 2 tasks: (task B) (task B).",
            "0 s: start 2 of C",
            "0 s: > has started 2 tasks: (task C) (task C).",
            "0 s: > (deployment B) deployment failed: tasks failed to start.",
            "0 s: > rolling back to deployment C.",
        ]
    );
    world.hosts_do_their_work().wait(40);
    assert_eq!(
        story(&mut world, 3),
        [
            "stop 2 of A",
            "> has stopped 2 running tasks: (task A) (task A).",
            "> has reached a steady state.",
            "> (deployment C) deployment completed.",
        ]
    );
}

#[test]
fn dr01_drain_of_a_host() {
    let mut world = World::steady(4, 100, 200);
    world.host(1).state = HostState::Draining;
    assert_eq!(
        story(&mut world, 4),
        [
            "start 1 of A",
            "> has started 1 tasks: (task A).",
            "stop 1 of A",
            "> has stopped 1 running tasks: (task A).",
            "> has reached a steady state.",
        ]
    );
    assert!(world.tasks.iter().all(|task| task.host != Some(host_id(1))));
}

#[test]
fn s50_scale_in_across_zones() {
    let mut world = World::steady(8, 100, 200);
    let in_zones = |world: &World| {
        let live = world
            .tasks
            .iter()
            .filter(|task| task.desired == DesiredStatus::Running);
        let (a, b): (Vec<u128>, Vec<u128>) = live
            .map(|task| task.host.unwrap().0.as_u128())
            .partition(|host| *host <= 2);
        (a.len(), b.len())
    };
    for desired in [6, 4, 2] {
        world.service.desired_count = desired;
        assert_eq!(
            story(&mut world, 2),
            [
                "stop 2 of A",
                "> has stopped 2 running tasks: (task A) (task A).",
                "> has reached a steady state.",
            ]
        );
        assert_eq!(in_zones(&world), (desired as usize / 2, desired as usize / 2));
    }
}
