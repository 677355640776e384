//! Scaling, victims, protection and draining hosts.

use std::collections::BTreeMap;

use domain::{DesiredStatus, HealthStatus, TaskId, TaskStatus};
use planning::deployment::*;

use super::sim::{World, host_id, seconds};

/// Running tasks on the given hosts.
fn placed(hosts: &[u128]) -> World {
    let mut world = World::new(u32::try_from(hosts.len()).unwrap(), 100, 200);
    let deployment = world.id('A');
    for host in hosts {
        world.add_task(deployment, host_id(*host));
    }
    world.hosts_do_their_work().wait(60).converge();
    assert_eq!(world.starts, 0);
    world.transcript();
    world
}

/// Tasks that are left on each host after scaling to a count.
fn after_scaling_to(mut world: World, desired: u32) -> BTreeMap<u128, usize> {
    world.service.desired_count = desired;
    world.act();
    let mut left = BTreeMap::new();
    for task in world
        .tasks
        .iter()
        .filter(|task| task.desired == DesiredStatus::Running)
    {
        *left.entry(task.host.unwrap().0.as_u128()).or_default() += 1;
    }
    left
}

fn spread(field: &str) -> PlacementStrategy {
    PlacementStrategy::Spread(field.to_owned())
}

#[test]
fn s50_without_a_strategy_the_fullest_zone_and_there_the_fullest_host_lose_tasks() {
    // Zone a: hosts 1 and 2; zone b: hosts 3 and 4.
    let world = || placed(&[1, 1, 1, 2, 3, 4]);
    assert_eq!(
        after_scaling_to(world(), 5),
        [(1, 2), (2, 1), (3, 1), (4, 1)].into()
    );
    assert_eq!(
        after_scaling_to(world(), 4),
        [(1, 1), (2, 1), (3, 1), (4, 1)].into()
    );
    let two: BTreeMap<u128, usize> = after_scaling_to(world(), 2);
    let zone_a = two
        .iter()
        .filter(|(host, _)| **host <= 2)
        .map(|(_, count)| count)
        .sum::<usize>();
    assert_eq!(zone_a, 1, "one in each zone: {two:?}");
}

#[test]
fn s50_spread_keeps_the_zones_balanced() {
    let mut world = placed(&[1, 1, 2, 2, 3]);
    world.service.placement_strategy = vec![spread("attribute:ecs.availability-zone")];
    let left = after_scaling_to(world, 2);
    assert_eq!(
        left.iter()
            .filter(|(host, _)| **host <= 2)
            .map(|(_, count)| count)
            .sum::<usize>(),
        1
    );
    assert_eq!(left[&3], 1);
}

#[test]
fn s50_spread_over_an_attribute_counts_hosts_without_it_as_a_group() {
    let mut world = placed(&[1, 2, 3, 4]);
    for number in [1, 2] {
        world
            .host(number)
            .attributes
            .insert("rack".to_owned(), "r1".to_owned());
    }
    world.service.placement_strategy = vec![spread("attribute:rack"), spread("host")];
    let left = after_scaling_to(world, 2);
    assert_eq!(left.keys().filter(|host| **host <= 2).count(), 1);
}

#[test]
fn s50_binpack_frees_the_emptiest_host() {
    for (strategy, freed) in [
        (PlacementStrategy::BinpackCpu, 2),
        (PlacementStrategy::BinpackMemory, 3),
    ] {
        let mut world = placed(&[1, 2, 3, 4]);
        for number in 1..=4 {
            world.host(number).remaining.cpu = if number == 2 { 900 } else { 100 };
            world.host(number).remaining.memory = if number == 3 { 900 } else { 100 };
        }
        world.service.placement_strategy = vec![strategy];
        let left = after_scaling_to(world, 3);
        assert!(!left.contains_key(&freed), "{left:?}");
    }
}

#[test]
fn s50_binpack_goes_on_with_the_host_that_it_has_begun_to_free() {
    let mut world = placed(&[1, 1, 1, 2, 2, 2]);
    world.host(2).remaining.cpu += 1;
    world.service.placement_strategy = vec![PlacementStrategy::BinpackCpu];
    assert_eq!(after_scaling_to(world, 3), [(1, 3)].into());
}

#[test]
fn s50_tasks_that_do_not_run_and_unhealthy_ones_go_first() {
    let mut world = placed(&[1, 2, 3, 4]);
    let tasks = world.live('A');
    world.service.desired_count = 5;
    world.act();
    world.task(tasks[1]).health = HealthStatus::Unhealthy;
    world.service.desired_count = 3;
    world.act();
    assert!(!world.live('A').contains(&tasks[1]));
    let left = world.live('A');
    assert_eq!(left, [tasks[0], tasks[2], tasks[3]]);
}

#[test]
fn s50_ties_are_broken_by_the_given_randomness_only() {
    let stopped = |seed: u64| -> Vec<TaskId> {
        use rand::SeedableRng;
        let mut world = placed(&[1, 2, 3, 4]);
        world.service.placement_strategy = vec![PlacementStrategy::Random];
        world.service.desired_count = 1;
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        plan(&world.snapshot(), world.now, &mut rng)
            .stop
            .iter()
            .map(|stop| stop.task)
            .collect()
    };
    assert_eq!(stopped(5), stopped(5));
    assert!((0..20).any(|seed| stopped(seed) != stopped(5)));
}

#[test]
fn s50_pr02_protected_tasks_are_not_scaled_in_until_protection_ends() {
    let mut world = placed(&[1, 2, 3]);
    let tasks = world.live('A');
    let until = world.now + seconds(300);
    for task in &tasks[..2] {
        world.task(*task).protected_until = Some(until);
    }
    world.service.desired_count = 1;
    world.act();
    assert_eq!(world.live('A'), tasks[..2]);
    assert_eq!(world.last_plan.wake_at, Some(until));
    let id = world.id('A');
    assert!(
        world.events.contains(&events::too_many_protected("web", id)),
        "S-53"
    );
    world.wait(300).act();
    assert_eq!(world.live('A').len(), 1);
}

#[test]
fn pr02_failing_health_overrides_protection() {
    let mut world = placed(&[1, 2]);
    let sick = world.live('A')[0];
    world.task(sick).protected_until = Some(world.now + seconds(3600));
    world.task(sick).health = HealthStatus::Unhealthy;
    world.act().hosts_do_their_work().wait(40).act();
    assert!(!world.live('A').contains(&sick));
    assert_eq!(world.last_plan.stop[0].cause, StopCause::FailedHealth);
}

#[test]
fn pr02_a_deployment_waits_for_protected_tasks() {
    let mut world = placed(&[1, 2]);
    let kept = world.live('A')[0];
    world.task(kept).protected_until = Some(world.now + seconds(600));
    world.update(false);
    for _ in 0..10 {
        world.act().hosts_do_their_work().wait(20);
    }
    assert_eq!(world.live('A'), [kept]);
    assert_eq!(world.live('B').len(), 2);
    assert_eq!(world.deployments.len(), 2);
    world.wait(600).converge();
    assert_eq!(world.deployments.len(), 1);
}

#[test]
fn dr01_pending_tasks_on_a_draining_host_stop_at_once() {
    let mut world = World::new(2, 100, 100);
    world.act();
    world.host(1).state = HostState::Draining;
    world.transcript();
    world.act();
    assert_eq!(world.transcript(), ["stop 1 of A"]);
    world.hosts_do_their_work().act();
    assert_eq!(world.transcript()[0], "start 1 of A");
    assert!(world.tasks.iter().all(|task| task.host != Some(host_id(1))));
}

#[test]
fn dr01_running_tasks_leave_within_the_limits() {
    // Limits → (starts, stops) of the first plan, when host 1 with two of four tasks drains.
    let table = [
        ((100, 200), (2, 0)),
        ((50, 100), (0, 2)),
        ((75, 100), (0, 1)),
        ((100, 125), (1, 0)),
        ((50, 125), (1, 1)),
    ];
    for ((minimum, maximum), moves) in table {
        let mut world = placed(&[1, 1, 2, 3]);
        world.service.configuration = DeploymentConfiguration::new(minimum, maximum);
        world.host(1).state = HostState::Draining;
        world.act();
        let starts = world.last_plan.start.iter().map(Start::count).sum::<u32>();
        assert_eq!((starts, world.last_plan.stop.len()), moves, "{minimum}/{maximum}");
        world.converge();
        assert!(world.tasks.iter().all(|task| task.host != Some(host_id(1))));
    }
}

#[test]
fn dr01_d02_without_any_room_tasks_cannot_move() {
    let mut world = placed(&[1, 2]);
    world.service.configuration = DeploymentConfiguration::new(100, 100);
    world.host(1).state = HostState::Draining;
    world.act();
    assert_eq!(world.events.last().unwrap(), &events::stuck("web"));
    let told = world.events.len();
    world.wait(60).act();
    assert_eq!(world.events.len(), told, "S-11");
}

#[test]
fn dr02_back_to_active_cancels_what_has_not_happened_yet() {
    let mut world = placed(&[1, 2]);
    let tasks = world.live('A');
    world.host(1).state = HostState::Draining;
    world.act();
    assert_eq!(world.live('A').len(), 3);
    world.host(1).state = HostState::Active;
    world.act();
    assert_eq!(
        world.live('A'),
        tasks,
        "the replacement that does not run yet goes"
    );
}

#[test]
fn dr01_pr02_protected_tasks_stay_on_a_draining_host() {
    let mut world = placed(&[1, 2]);
    let kept = world.live('A')[0];
    let until = world.now + seconds(300);
    world.task(kept).protected_until = Some(until);
    world.host(1).state = HostState::Draining;
    world.act();
    assert!(world.last_plan.start.is_empty() && world.last_plan.stop.is_empty());
    assert_eq!(world.last_plan.wake_at, Some(until));
    world.wait(300).act();
    assert_eq!(world.last_plan.start.len(), 1);
}

#[test]
fn s34_tasks_of_a_lost_host_are_started_elsewhere_at_once() {
    let mut world = placed(&[1, 1, 2]);
    world.lose_host(1);
    world.act();
    assert_eq!(world.transcript()[0], "start 2 of A");
    assert_eq!(world.progress('A').failed_tasks, 0);
}

#[test]
fn s43_a_deficit_is_planned_again_and_old_tasks_make_room_for_what_finds_no_host() {
    let mut world = World::steady(4, 50, 200);
    world.update(false);
    world.full = true;
    world.act();
    assert_eq!(
        world.transcript(),
        ["no place for 4 of B"],
        "nothing stops before it is known that nothing fits"
    );
    world.act();
    assert_eq!(world.transcript()[0], "stop 2 of A");
    world.act();
    assert_eq!(world.transcript(), ["no place for 4 of B"], "the minimum holds");
    world.full = false;
    world.converge();
}

#[test]
fn s22_tasks_asked_to_stop_hold_their_place_until_they_stop_running() {
    let mut world = World::steady(1, 0, 100);
    let old = world.live('A')[0];
    world.update(false);
    world.act();
    assert_eq!(world.last_plan.stop[0].task, old);
    world.wait(5).act();
    assert!(world.last_plan.start.is_empty(), "still RUNNING: maximum 1");
    world.task(old).last = TaskStatus::Stopping;
    world.act();
    assert_eq!(world.last_plan.start.len(), 1);
}

#[test]
fn s50_a_service_of_five_thousand_tasks_is_planned_task_by_task() {
    let hosts: Vec<u128> = (0..5_000).map(|task| 1 + task % 4).collect();
    let mut world = World::new(5_000, 100, 200);
    let deployment = world.id('A');
    for host in &hosts {
        world.add_task(deployment, host_id(*host));
    }
    world.hosts_do_their_work().wait(60).act().act();
    let left = after_scaling_to(world, 2_002);
    assert!(left.values().all(|count| (500..=501).contains(count)), "{left:?}");
}

#[test]
fn s32_a_lost_old_task_is_replaced_and_one_that_makes_room_is_not() {
    let mut world = World::steady(4, 50, 200);
    world.update(false);
    world.full = true;
    world.act();
    let lost = world.live('A')[0];
    world.end_task(lost, StopCode::EssentialContainerExited);
    world.full = false;
    world.transcript();
    world.act();
    let moves: Vec<String> = world
        .transcript()
        .into_iter()
        .filter(|line| !line.starts_with("> "))
        .collect();
    assert_eq!(moves, ["stop 1 of A", "start 4 of B", "start 1 of A"]);
    assert_eq!(world.deployment('A').progress.desired_count, 3);
}
