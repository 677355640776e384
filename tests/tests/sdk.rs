//! The AWS SDK for Rust against a running control plane: the lives of resources, and the SDK's own waiters, which have to end (W-13).
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::client::Waiters;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{
    ContainerDefinition, DesiredStatus, HealthCheck, LaunchType, SchedulingStrategy, Service,
    TaskDefinitionStatus,
};
use berth_tests::World;
use test_support::control_plane::key_pair;

/// Waiters ask at least every few seconds by themselves; these limits are for machines that are busy.
const LIMIT: Duration = Duration::from_secs(120);

fn client(world: &World) -> Client {
    client_in(world, "us-east-1")
}

fn client_in(world: &World, region: &str) -> Client {
    let pair = key_pair();
    let config = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(world.server.url())
        .credentials_provider(Credentials::new(
            pair.access_key_id,
            pair.secret.expose(),
            None,
            None,
            "tests",
        ))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

fn app(image: &str) -> ContainerDefinition {
    ContainerDefinition::builder()
        .name("app")
        .image(image)
        .cpu(64)
        .memory(32)
        .build()
}

async fn define(ecs: &Client, family: &str, image: &str) -> String {
    let registered = ecs
        .register_task_definition()
        .family(family)
        .container_definitions(app(image))
        .send()
        .await
        .unwrap();
    registered
        .task_definition()
        .unwrap()
        .task_definition_arn()
        .unwrap()
        .to_owned()
}

async fn service(ecs: &Client, name: &str) -> Service {
    let shown = ecs.describe_services().services(name).send().await.unwrap();
    shown.services()[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_created_described_listed_and_deleted() {
    let world = World::with_hosts(0).await;
    let ecs = client(&world);
    let created = ecs.create_cluster().cluster_name("blue").send().await.unwrap();
    let arn = created.cluster().unwrap().cluster_arn().unwrap().to_owned();
    assert_eq!(arn, "arn:aws:ecs:us-east-1:000000000000:cluster/blue");
    let listed = ecs.list_clusters().send().await.unwrap();
    assert!(listed.cluster_arns().contains(&arn));
    let shown = ecs
        .describe_clusters()
        .clusters("blue")
        .clusters("red")
        .send()
        .await
        .unwrap();
    assert_eq!(shown.clusters()[0].status(), Some("ACTIVE"));
    assert_eq!(shown.failures()[0].reason(), Some("MISSING"));
    let deleted = ecs.delete_cluster().cluster("blue").send().await.unwrap();
    assert_eq!(deleted.cluster().unwrap().status(), Some("INACTIVE"));
    let refused = ecs.delete_cluster().cluster("red").send().await.unwrap_err();
    assert!(
        refused
            .as_service_error()
            .unwrap()
            .is_cluster_not_found_exception()
    );
    assert_eq!(refused.message(), Some("Cluster not found."));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_clusters_come_one_after_another() {
    let world = World::with_hosts(0).await;
    let ecs = client(&world);
    for number in 0..5 {
        ecs.create_cluster()
            .cluster_name(format!("c{number}"))
            .send()
            .await
            .unwrap();
    }
    let pages = ecs.list_clusters().into_paginator().page_size(2).send();
    let arns: Vec<String> = pages
        .try_collect()
        .await
        .unwrap()
        .iter()
        .flat_map(|page| page.cluster_arns().to_vec())
        .collect();
    assert_eq!(arns.len(), 6, "five and the default one: {arns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_definition_lives_until_it_is_deregistered() {
    let world = World::with_hosts(0).await;
    let ecs = client(&world);
    let first = define(&ecs, "web", "fake/app:1").await;
    let second = define(&ecs, "web", "fake/app:2").await;
    assert!(first.ends_with(":task-definition/web:1") && second.ends_with(":task-definition/web:2"));
    let newest = ecs
        .describe_task_definition()
        .task_definition("web")
        .send()
        .await
        .unwrap();
    assert_eq!(newest.task_definition().unwrap().revision(), 2);
    let gone = ecs
        .deregister_task_definition()
        .task_definition("web:2")
        .send()
        .await
        .unwrap();
    assert_eq!(
        gone.task_definition().unwrap().status(),
        Some(&TaskDefinitionStatus::Inactive)
    );
    let newest = ecs
        .describe_task_definition()
        .task_definition("web")
        .send()
        .await
        .unwrap();
    assert_eq!(newest.task_definition().unwrap().revision(), 1);
    let listed = ecs
        .list_task_definitions()
        .family_prefix("web")
        .send()
        .await
        .unwrap();
    assert_eq!(listed.task_definition_arns(), [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_the_waiters_of_tasks_end_when_tasks_run_and_when_they_stopped() {
    let world = World::with_hosts(2).await;
    let ecs = client(&world);
    let definition = define(&ecs, "job", "fake/app:1").await;
    let started = ecs
        .run_task()
        .task_definition(&definition)
        .count(3)
        .launch_type(LaunchType::Ec2)
        .send()
        .await
        .unwrap();
    assert!(started.failures().is_empty());
    let arns: Vec<String> = started
        .tasks()
        .iter()
        .map(|task| task.task_arn().unwrap().to_owned())
        .collect();
    assert_eq!(arns.len(), 3);
    ecs.wait_until_tasks_running()
        .cluster("default")
        .set_tasks(Some(arns.clone()))
        .wait(LIMIT)
        .await
        .unwrap();
    for arn in &arns {
        let stopped = ecs.stop_task().task(arn).reason("enough").send().await.unwrap();
        assert_eq!(stopped.task().unwrap().desired_status(), Some("STOPPED"));
    }
    let outcome = ecs
        .wait_until_tasks_stopped()
        .cluster("default")
        .set_tasks(Some(arns.clone()))
        .wait(LIMIT)
        .await
        .unwrap();
    for task in outcome.into_result().unwrap().tasks() {
        assert_eq!(task.stopped_reason(), Some("enough"));
        assert_eq!(task.stop_code().unwrap().as_str(), "UserInitiated");
    }
    let running = ecs
        .list_tasks()
        .desired_status(DesiredStatus::Running)
        .send()
        .await
        .unwrap();
    assert!(running.task_arns().is_empty());
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_waiting_for_a_task_to_run_that_stops_or_is_not_there_fails_at_once() {
    let world = World::with_hosts(1).await;
    let ecs = client(&world);
    let definition = define(&ecs, "short", "fake/exit:3").await;
    let started = ecs.run_task().task_definition(&definition).send().await.unwrap();
    let arn = started.tasks()[0].task_arn().unwrap();
    ecs.wait_until_tasks_stopped()
        .cluster("default")
        .tasks(arn)
        .wait(LIMIT)
        .await
        .unwrap();
    assert!(
        ecs.wait_until_tasks_running()
            .cluster("default")
            .tasks(arn)
            .wait(LIMIT)
            .await
            .is_err()
    );
    let shown = ecs.describe_tasks().tasks(arn).send().await.unwrap();
    assert_eq!(shown.tasks()[0].containers()[0].exit_code(), Some(3));
    let missing = "0123456789abcdef0123456789abcdef";
    assert!(
        ecs.wait_until_tasks_running()
            .cluster("default")
            .tasks(missing)
            .wait(LIMIT)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_the_waiters_of_services_end_after_each_deployment_and_after_the_deletion() {
    let world = World::with_hosts(2).await;
    let ecs = client(&world);
    let one = define(&ecs, "web", "fake/app:1").await;
    let two = define(&ecs, "web", "fake/app:2").await;
    let stable = || {
        ecs.wait_until_services_stable()
            .cluster("default")
            .services("web")
            .wait(LIMIT)
    };
    ecs.create_service()
        .service_name("web")
        .task_definition(&one)
        .desired_count(3)
        .send()
        .await
        .unwrap();
    stable().await.unwrap();
    ecs.update_service()
        .service("web")
        .task_definition(&two)
        .send()
        .await
        .unwrap();
    // Waiters look every 15 s; this one finds it done.
    world.steady("web").await;
    stable().await.unwrap();
    let seen = service(&ecs, "web").await;
    assert_eq!(
        (
            seen.deployments().len(),
            seen.running_count(),
            seen.task_definition()
        ),
        (1, 3, Some(two.as_str()))
    );
    assert_eq!(seen.scheduling_strategy(), Some(&SchedulingStrategy::Replica));

    ecs.update_service()
        .service("web")
        .desired_count(0)
        .send()
        .await
        .unwrap();
    world.steady("web").await;
    assert!(
        ecs.delete_service()
            .service("web")
            .send()
            .await
            .unwrap()
            .service()
            .is_some()
    );
    ecs.wait_until_services_inactive()
        .cluster("default")
        .services("web")
        .wait(LIMIT)
        .await
        .unwrap();
    // DRAINING or INACTIVE: it will never be stable.
    assert!(stable().await.is_err());
    assert!(
        ecs.wait_until_services_inactive()
            .cluster("default")
            .services("other")
            .wait(LIMIT)
            .await
            .is_err()
    );
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_deleted_service_drains_and_its_name_is_free_again() {
    let world = World::with_hosts(1).await;
    let ecs = client(&world);
    let one = define(&ecs, "web", "fake/app:1").await;
    for _ in 0..2 {
        ecs.create_service()
            .service_name("web")
            .task_definition(&one)
            .desired_count(2)
            .send()
            .await
            .unwrap();
        world.steady("web").await;
        ecs.delete_service()
            .service("web")
            .force(true)
            .send()
            .await
            .unwrap();
        test_support::eventually("the service is INACTIVE", LIMIT, async || {
            let service = service(&ecs, "web").await;
            (service.status() == Some("INACTIVE")).then_some(())
        })
        .await;
    }
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_with_a_health_check_makes_its_task_healthy() {
    let world = World::with_hosts(1).await;
    let ecs = client(&world);
    let check = HealthCheck::builder()
        .command("CMD-SHELL")
        .command("true")
        .build()
        .unwrap();
    let container = ContainerDefinition::builder()
        .name("app")
        .image("fake/healthy-after:100ms")
        .memory(32)
        .health_check(check)
        .build();
    let registered = ecs
        .register_task_definition()
        .family("sound")
        .container_definitions(container)
        .send()
        .await
        .unwrap();
    let definition = registered
        .task_definition()
        .unwrap()
        .task_definition_arn()
        .unwrap();
    ecs.create_service()
        .service_name("sound")
        .task_definition(definition)
        .desired_count(1)
        .send()
        .await
        .unwrap();
    ecs.wait_until_services_stable()
        .cluster("default")
        .services("sound")
        .wait(LIMIT)
        .await
        .unwrap();
    test_support::eventually("the task is healthy", LIMIT, async || {
        let arns = ecs
            .list_tasks()
            .service_name("sound")
            .send()
            .await
            .unwrap()
            .task_arns()
            .to_vec();
        let shown = ecs.describe_tasks().set_tasks(Some(arns)).send().await.unwrap();
        let health = shown
            .tasks()
            .first()
            .and_then(|task| task.health_status().cloned());
        health.filter(|health| health.as_str() == "HEALTHY")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_are_namespaces_of_their_own() {
    let world = World::with_hosts(0).await;
    let (here, there) = (client(&world), client_in(&world, "staging-1"));
    define(&here, "web", "fake/app:1").await;
    assert!(
        there
            .list_task_definitions()
            .send()
            .await
            .unwrap()
            .task_definition_arns()
            .is_empty()
    );
    assert!(
        there
            .list_clusters()
            .send()
            .await
            .unwrap()
            .cluster_arns()
            .is_empty()
    );
    let arn = define(&there, "web", "fake/app:1").await;
    assert_eq!(arn, "arn:aws:ecs:staging-1:000000000000:task-definition/web:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_refused_in_a_form_that_the_sdk_understands() {
    let world = World::with_hosts(0).await;
    let config = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(world.server.url())
        .credentials_provider(Credentials::new(
            key_pair().access_key_id,
            "wrong",
            None,
            None,
            "tests",
        ))
        .build();
    let refused = Client::from_conf(config)
        .list_clusters()
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("InvalidSignatureException"));
}
