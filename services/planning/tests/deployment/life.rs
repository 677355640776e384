//! The life of deployments (D-10 to D-16), and the end of a service (S-10).

use domain::{DesiredStatus, TaskStatus};
use planning::deployment::*;

use super::sim::{World, seconds};

#[test]
fn d10_the_new_deployment_has_the_services_count_and_the_old_one_sinks() {
    let mut world = World::steady(4, 100, 150);
    world.update(false);
    world.act();
    let counts = |world: &World| {
        (
            world.deployment('A').progress.desired_count,
            world.deployment('B').progress.desired_count,
        )
    };
    assert_eq!(counts(&world), (4, 4));
    world.hosts_do_their_work().wait(40).act();
    assert_eq!(counts(&world), (2, 4));
}

#[test]
fn d13_all_former_deployments_drain_together_and_only_primary_grows() {
    let mut world = World::steady(4, 50, 100);
    world.update(false);
    world.act().hosts_do_their_work().act();
    assert_eq!((world.live('A').len(), world.live('B').len()), (2, 2));
    world.update(false);
    world.transcript();
    world.act();
    assert_eq!(world.transcript()[0], "stop 2 of B", "those that are not up yet");
    world.hosts_do_their_work().act();
    assert_eq!(world.transcript()[0], "start 2 of C");
    world.converge();
    assert_eq!(world.live('C').len(), 4);
}

#[test]
fn d14_a_new_count_in_mid_deployment_goes_to_primary_and_moves_both_limits() {
    let mut world = World::steady(4, 100, 150);
    world.update(false);
    world.act();
    assert_eq!(world.live('B').len(), 2);
    world.service.desired_count = 8;
    world.act();
    assert_eq!(world.live('B').len(), 8, "4 old, 8 new, maximum 12");
    world.service.desired_count = 2;
    world.act();
    assert_eq!((world.live('A').len(), world.live('B').len()), (2, 2));
    world.converge();
    assert_eq!(world.live('B').len(), 2);
}

#[test]
fn d16_rollout_state_and_reason_follow_the_deployment() {
    let mut world = World::new(1, 100, 200);
    let id = world.id('A');
    assert_eq!(
        world.progress('A').rollout_state_reason,
        format!("ECS deployment {id} in progress.")
    );
    world.converge();
    assert_eq!(world.progress('A').rollout_state, RolloutState::Completed);
    assert_eq!(
        world.progress('A').rollout_state_reason,
        format!("ECS deployment {id} completed.")
    );
}

#[test]
fn w13_d12_a_finished_deployment_leaves_the_list() {
    let mut world = World::steady(2, 100, 200);
    world.update(false);
    world.converge();
    assert_eq!(world.deployments.len(), 1);
    assert_eq!(world.deployments[0].id, world.id('B'));
    // Also one of a service without tasks, at once.
    let mut world = World::steady(0, 100, 200);
    world.update(false);
    world.act();
    assert_eq!(world.deployments.len(), 1);
}

#[test]
fn d12_an_old_deployment_stays_while_its_tasks_are_going() {
    let mut world = World::steady(1, 0, 100);
    world.update(false);
    world.act().act();
    assert_eq!(world.deployments.len(), 2);
    assert_eq!(world.deployment('A').progress.desired_count, 0);
    world.hosts_do_their_work().act();
    assert_eq!(world.deployments.len(), 1);
}

#[test]
fn tasks_of_a_deployment_that_is_gone_are_stopped() {
    let mut world = World::steady(2, 100, 200);
    let host = world.hosts[0].id;
    let stray = world.add_task(domain::DeploymentId(7_000_000_000_000_000_000), host);
    let snapshot = world.snapshot();
    let plan = plan(&snapshot, world.now, &mut world.rng);
    assert_eq!(
        plan.stop.iter().map(|stop| stop.task).collect::<Vec<_>>(),
        [stray]
    );
}

#[test]
fn s10_deleting_stops_protected_tasks_too_and_ends_when_all_are_stopping() {
    let mut world = World::steady(2, 100, 200);
    let tasks = world.live('A');
    world.task(tasks[0]).protected_until = Some(world.now + seconds(600));
    world.service.status = domain::ServiceStatus::Draining;
    world.act();
    assert_eq!(
        world.transcript(),
        ["stop 2 of A", "> has stopped 2 running tasks: (task A) (task A)."]
    );
    world.task(tasks[0]).last = TaskStatus::Stopping;
    world.task(tasks[1]).last = TaskStatus::Deactivating;
    world.act();
    assert_eq!(world.service.status, domain::ServiceStatus::Draining);
    world.task(tasks[1]).last = TaskStatus::Stopping;
    world.act();
    assert_eq!(world.service.status, domain::ServiceStatus::Inactive);
    assert!(
        world
            .tasks
            .iter()
            .all(|task| task.desired == DesiredStatus::Stopped)
    );
    world.hosts_do_their_work().act();
    assert!(world.last_plan.is_empty() && world.last_plan.wake_at.is_none());
}
