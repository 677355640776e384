//! Hosts that drain, vanish and come back (DR-01, S-34, I-08).

use std::collections::BTreeSet;

use berth_tests::{CLUSTER, PATIENCE, Record, World, text};
use serde_json::{Value, json};
use test_support::{Settings, settles};

async fn set_state(world: &World, host: usize, status: &str) {
    let arn = world.hosts[host].arn().unwrap();
    let input = json!({"cluster": CLUSTER, "containerInstances": [arn], "status": status});
    let reply = world.client.ok("UpdateContainerInstancesState", input).await;
    assert_eq!(
        (&reply["containerInstances"][0]["status"], &reply["failures"]),
        (&json!(status), &json!([]))
    );
}

/// Starts a standalone task on this host, and waits until it runs.
async fn start_on(world: &World, host: usize, definition: &str) -> String {
    let arn = world.hosts[host].arn().unwrap();
    let input = json!({"cluster": CLUSTER, "containerInstances": [arn], "taskDefinition": definition});
    let started = world.client.ok("StartTask", input).await;
    let task = text(&started["tasks"][0], "taskArn");
    world.task_is(&task, "RUNNING").await;
    task
}

/// Waits until no task of the service is to run on the host and the service has its count.
async fn has_left(world: &World, service: &str, host: usize, count: usize) {
    let arn = json!(world.hosts[host].arn().unwrap());
    settles(&format!("{service} has left host {host}"), PATIENCE, async || {
        let tasks = world.tasks_of(service).await;
        let running = tasks
            .iter()
            .filter(|task| task["lastStatus"] == "RUNNING")
            .count();
        let there = tasks
            .iter()
            .filter(|task| task["containerInstanceArn"] == arn)
            .count();
        if (running, there) == (count, 0) {
            Ok(())
        } else {
            Err(format!("{running} run, {there} are there"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dr01_draining_moves_service_tasks_within_their_bounds_and_leaves_standalone_ones() {
    let world = World::with_hosts(2).await;
    let (web, job) = (
        world.define("web", "fake/app:1").await,
        world.define("job", "fake/app:1").await,
    );
    world
        .create_service(
            "web",
            &web,
            4,
            json!({"deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 200}}),
        )
        .await;
    world.steady("web").await;
    let standalone = start_on(&world, 0, &job).await;
    let record = Record::start(world.pool(), "web");
    set_state(&world, 0, "DRAINING").await;
    has_left(&world, "web", 0, 4).await;
    world.steady("web").await;
    let looks = record.end().await;
    berth_tests::record::moved_forward(&looks);
    // At most 8 exist. Running ones that leave still serve: with 200 percent nothing stops before its successor is healthy.
    for look in &looks {
        let serving = look
            .tasks
            .iter()
            .filter(|task| task.last_status == "RUNNING" && task.desired_status == "RUNNING")
            .count();
        assert!(look.existing() <= 8 && serving >= 2, "{look}");
    }
    assert_eq!(world.task(&standalone).await["lastStatus"], "RUNNING");
    // A draining host takes nothing new, and an active one does again.
    let refused = world
        .client
        .ok(
            "StartTask",
            json!({"cluster": CLUSTER, "containerInstances": [world.hosts[0].arn()], "taskDefinition": job}),
        )
        .await;
    assert_eq!(refused["tasks"], json!([]), "{refused}");
    set_state(&world, 0, "ACTIVE").await;
    start_on(&world, 0, &job).await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dr01_with_100_and_100_percent_a_draining_host_keeps_its_tasks_and_the_service_says_so() {
    let world = World::with_hosts(2).await;
    let web = world.define("web", "fake/app:1").await;
    world
        .create_service(
            "web",
            &web,
            2,
            json!({"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}}),
        )
        .await;
    world.steady("web").await;
    let before = world.hosts.running_tasks();
    set_state(&world, 0, "DRAINING").await;
    world
        .event(
            "web",
            "was unable to stop or start tasks during a deployment because of the service deployment",
        )
        .await;
    assert_eq!(world.hosts.running_tasks(), before);
    world
        .update_service(
            "web",
            json!({"deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100}}),
        )
        .await;
    has_left(&world, "web", 0, 2).await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_tasks_of_a_host_whose_agent_is_silent_run_elsewhere_and_stop_there_when_it_comes_back() {
    let world = World::with_hosts(2).await;
    let (web, job) = (
        world.define("web", "fake/app:1").await,
        world.define("job", "fake/app:1").await,
    );
    world.create_service("web", &web, 4, json!({})).await;
    world.steady("web").await;
    let standalone = start_on(&world, 0, &job).await;
    let stale = world.hosts[0].running_tasks();
    assert!(stale.len() >= 2, "{stale:?}");

    world.hosts[0].kill().await;
    let lost = world.task_is(&standalone, "STOPPED").await;
    assert!(
        text(&lost, "stoppedReason").starts_with("Host EC2 (instance "),
        "{lost}"
    );
    has_left(&world, "web", 0, 4).await;
    assert_eq!(
        world.hosts[0].running_tasks(),
        stale,
        "containers outlive their agent"
    );

    world.hosts[0].start();
    world.hosts.are_connected().await;
    settles("stale tasks end", PATIENCE, async || {
        let left: BTreeSet<String> = world.hosts[0]
            .running_tasks()
            .intersection(&stale)
            .cloned()
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
    assert_eq!(
        world.task(&standalone).await["lastStatus"],
        "STOPPED",
        "what was given up stays given up"
    );
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_a_host_that_is_cut_off_without_a_word_loses_its_tasks_too() {
    let world = World::start(Settings::default(), 2, |plan| plan.with_wires()).await;
    let web = world.define("web", "fake/app:1").await;
    world.create_service("web", &web, 3, json!({})).await;
    world.steady("web").await;
    world.hosts[0].silence();
    has_left(&world, "web", 0, 3).await;
    let shown = world
        .client
        .ok(
            "DescribeContainerInstances",
            json!({"cluster": CLUSTER, "containerInstances": [world.hosts[0].arn()]}),
        )
        .await;
    assert_eq!(shown["containerInstances"][0]["agentConnected"], false);
    world.hosts[0].mend();
    world.hosts.are_connected().await;
    world.steady("web").await;
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_a_short_cut_costs_no_task() {
    let settings = Settings {
        host_loss_after: chrono::TimeDelta::seconds(20),
        ..Settings::default()
    };
    let world = World::start(settings, 1, |plan| plan.with_wires()).await;
    let web = world.define("web", "fake/app:1").await;
    world.create_service("web", &web, 2, json!({})).await;
    world.steady("web").await;
    let before = world.hosts.running_tasks();
    world.hosts[0].cut();
    settles("the server notices", PATIENCE, async || {
        let input = json!({"cluster": CLUSTER, "filter": "agentConnected == false"});
        let listed = world.client.ok("ListContainerInstances", input).await;
        let arns = listed["containerInstanceArns"].as_array().map_or(0, Vec::len);
        if arns == 1 {
            Ok(())
        } else {
            Err(listed.to_string())
        }
    })
    .await;
    // What ends meanwhile is told later, with its true exit code.
    let victim = before.first().unwrap().clone();
    let container = world.hosts[0].container_of(&victim, "app").await;
    world.hosts[0].engine().exit(&container, 7).unwrap();
    world.hosts[0].mend();
    let stopped = world.task_is(&victim, "STOPPED").await;
    assert_eq!(stopped["containers"][0]["exitCode"], 7);
    world.steady("web").await;
    let kept: Vec<String> = before
        .intersection(&world.hosts.running_tasks())
        .cloned()
        .collect();
    assert_eq!(kept.len(), 1, "the other one was never touched");
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_and_started_again_finds_its_tasks_and_what_ended_meanwhile() {
    let settings = Settings {
        host_loss_after: chrono::TimeDelta::seconds(20),
        ..Settings::default()
    };
    let world = World::start(settings, 1, |plan| plan).await;
    let job = world.define("job", "fake/app:1").await;
    let (one, two) = (world.run(&job).await, world.run(&job).await);
    let container = world.hosts[0].container_of(&one, "app").await;
    world.hosts[0].kill().await;
    world.hosts[0].engine().exit(&container, 5).unwrap();
    world.hosts[0].start();
    let stopped = world.task_is(&one, "STOPPED").await;
    assert_eq!(
        (&stopped["containers"][0]["exitCode"], &stopped["stopCode"]),
        (&json!(5), &json!("EssentialContainerExited"))
    );
    assert_eq!(world.task(&two).await["lastStatus"], "RUNNING");
    world.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i08_a_host_that_is_deregistered_by_force_gives_its_service_tasks_to_others() {
    let world = World::with_hosts(2).await;
    let web = world.define("web", "fake/app:1").await;
    world.create_service("web", &web, 2, json!({})).await;
    world.steady("web").await;
    let arn = world.hosts[0].arn().unwrap();
    let input = json!({"cluster": CLUSTER, "containerInstance": arn});
    let refused = world.client.refused("DeregisterContainerInstance", input).await;
    assert_eq!(refused.message, "Found running tasks on the instance.");
    let input = json!({"cluster": CLUSTER, "containerInstance": arn, "force": true});
    let gone = world.client.ok("DeregisterContainerInstance", input).await;
    assert_eq!(gone["containerInstance"]["status"], "INACTIVE");
    has_left(&world, "web", 0, 2).await;
    let listed = world
        .client
        .ok("ListContainerInstances", json!({"cluster": CLUSTER}))
        .await;
    assert_eq!(listed["containerInstanceArns"], json!([world.hosts[1].arn()]));
    test_support::books::balance(&world.pool()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_joins_takes_what_found_no_room_before() {
    let world = World::start(Settings::default(), 1, |plan| plan.sized(1, 512)).await;
    let input = json!({"family": "big", "containerDefinitions": [{"name": "app", "image": "fake/app:1", "cpu": 800, "memory": 64}]});
    let big = text(
        &world.client.ok("RegisterTaskDefinition", input).await["taskDefinition"],
        "taskDefinitionArn",
    );
    world.create_service("big", &big, 2, json!({})).await;
    world.event("big", "has insufficient CPU units available").await;
    let more = test_support::SimHosts::of(&[&world.server])
        .sized(1, 512)
        .seed(9)
        .connected(1)
        .await;
    let service = world.steady("big").await;
    assert_eq!(service["runningCount"], 2);
    let there: Value = world
        .tasks_of("big")
        .await
        .iter()
        .map(|task| task["containerInstanceArn"].clone())
        .collect();
    assert!(there.as_array().unwrap().contains(&json!(more[0].arn())));
    more.nothing_ran_twice();
    test_support::books::balance(&world.pool()).await;
}
