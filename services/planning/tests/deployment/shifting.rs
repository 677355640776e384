//! Blue/green, linear and canary deployments as transcripts (section 14).

use chrono::TimeDelta;
use domain::HealthStatus;
use planning::deployment::*;

use super::sim::World;

pub fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

/// Three tasks of A run; deployments use this strategy from now on.
pub fn world(strategy: DeploymentStrategy) -> World {
    let mut world = World::steady(3, 100, 200);
    world.service.configuration.strategy = strategy;
    world
}

pub const fn blue_green() -> DeploymentStrategy {
    DeploymentStrategy::BlueGreen {
        bake: TimeDelta::minutes(5),
    }
}

/// Rounds of plan and work, a minute apart; what they did, without what they said.
pub fn story(world: &mut World, rounds: usize) -> Vec<String> {
    let mut lines = vec![];
    for round in 0..rounds {
        world.act();
        lines.extend(
            world
                .transcript()
                .into_iter()
                .filter(|line| !line.starts_with("> "))
                .map(|line| format!("{round}: {line}")),
        );
        world.hosts_do_their_work().wait(60);
    }
    lines
}

pub fn stage(world: &World, letter: char) -> Option<Stage> {
    world.deployment(letter).progress.memory.shifting.stage
}

#[test]
fn bg04_bg05_blue_green_brings_all_new_tasks_up_then_moves_the_traffic_then_ends_the_old_ones() {
    let mut world = world(blue_green());
    world.update(false);
    let expected = [
        "0: start 3 of B",
        "1: 1000 of 1000 and test to B",
        "6: stop 3 of A",
    ];
    assert_eq!(story(&mut world, 10), expected);
    assert!(world.is_steady());
}

#[test]
fn bg05_the_maximum_is_not_consulted() {
    let mut world = world(blue_green());
    world.service.configuration.maximum_percent = 100;
    world.update(false);
    assert_eq!(story(&mut world, 1), ["0: start 3 of B"]);
    assert_eq!(stage(&world, 'B'), Some(Stage::ScaleUp));
    world.act();
    assert_eq!(stage(&world, 'B'), Some(Stage::BakeTime));
}

#[test]
fn bg06_linear_moves_the_traffic_in_steps_and_bakes_each_but_the_last() {
    let mut world = world(DeploymentStrategy::Linear {
        step: 400,
        step_bake: minutes(2),
        bake: minutes(3),
    });
    world.update(false);
    let expected = [
        "0: start 3 of B",
        "1: 400 of 1000 and test to B",
        "3: 800 of 1000 and test to B",
        "5: 1000 of 1000 and test to B",
        "8: stop 3 of A",
    ];
    assert_eq!(story(&mut world, 12), expected);
    assert!(world.is_steady());
}

#[test]
fn bg06_canary_moves_a_part_first_and_then_the_rest() {
    let mut world = world(DeploymentStrategy::Canary {
        share: 50,
        share_bake: minutes(4),
        bake: minutes(1),
    });
    world.update(false);
    let expected = [
        "0: start 3 of B",
        "1: 50 of 1000 and test to B",
        "5: 1000 of 1000 and test to B",
        "6: stop 3 of A",
    ];
    assert_eq!(story(&mut world, 12), expected);
}

#[test]
fn bg01_the_first_deployment_has_nothing_to_bake_beside() {
    let mut world = World::new(2, 100, 200);
    world.service.configuration.strategy = blue_green();
    assert_eq!(
        story(&mut world, 3),
        ["0: start 2 of A", "1: 1000 of 1000 and test to A"]
    );
    assert!(world.is_steady());
}

#[test]
fn bg07_until_the_bake_is_over_all_traffic_goes_back_at_once() {
    let mut world = world(blue_green());
    world.update(false);
    story(&mut world, 4);
    assert_eq!(stage(&world, 'B'), Some(Stage::BakeTime));
    let b = world.id('B');
    world
        .deployments
        .iter_mut()
        .find(|deployment| deployment.id == b)
        .unwrap()
        .stop_requested = Some(StopType::Rollback);
    assert_eq!(
        story(&mut world, 4),
        ["0: 1000 of 1000 and test to A", "0: stop 3 of B"]
    );
    assert!(world.is_steady());
    assert_eq!(world.deployments[0].id, world.id('A'));
}

#[test]
fn bg09_a_tripped_breaker_leaves_blue_as_it_was() {
    let mut world = world(blue_green());
    world.service.configuration.circuit_breaker = CircuitBreaker {
        enable: true,
        rollback: true,
    };
    world.update(false);
    for _ in 0..3 {
        world.act();
        world.fail_starts('B').wait(1000);
    }
    world.act();
    assert_eq!(world.live('A').len(), 3);
    let moves = ["0: start 3 of B", "0: 1000 of 1000 and test to A"];
    assert_eq!(story(&mut world, 4), moves, "nothing of A was ever touched");
    assert!(world.is_steady());
    assert_eq!(world.deployments[0].id, world.id('A'));
}

#[test]
fn bg08_a_stage_that_never_ends_fails_after_a_day() {
    let mut world = world(blue_green());
    world.update(true);
    world.act();
    world.hosts_do_their_work();
    for id in world.live('B') {
        world.task(id).health = HealthStatus::Unknown;
    }
    world.wait(24 * 3600 + 1).act();
    assert_eq!(world.live('B').len(), 0);
    assert_eq!(world.live('A').len(), 3);
}

#[test]
fn bg04_a_deployment_in_the_middle_of_another_first_ends_what_has_no_traffic() {
    let mut world = world(DeploymentStrategy::Canary {
        share: 100,
        share_bake: minutes(30),
        bake: minutes(1),
    });
    world.update(false);
    story(&mut world, 3);
    world.update(false);
    let expected = [
        "0: stop 3 of B",
        "1: start 3 of C",
        "2: 100 of 1000 and test to C",
        "32: 1000 of 1000 and test to C",
        "33: stop 3 of A",
    ];
    assert_eq!(story(&mut world, 36), expected);
    assert!(world.is_steady());
}

#[test]
fn bg05_lost_tasks_of_either_side_are_replaced_while_both_run() {
    let mut world = world(blue_green());
    world.update(false);
    story(&mut world, 3);
    let (blue, green) = (world.live('A')[0], world.live('B')[0]);
    world.end_task(blue, StopCode::EssentialContainerExited);
    world.end_task(green, StopCode::EssentialContainerExited);
    let moves = story(&mut world, 1);
    assert_eq!(moves, ["0: start 1 of B", "0: start 1 of A"]);
}

#[test]
fn bg04_a_service_of_no_tasks_still_moves_its_traffic() {
    let mut world = World::steady(0, 100, 200);
    world.service.configuration.strategy = blue_green();
    world.update(false);
    assert_eq!(story(&mut world, 8), ["0: 1000 of 1000 and test to B"]);
    assert!(world.is_steady());
}
