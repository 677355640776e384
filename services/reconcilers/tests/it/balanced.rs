//! Services behind load balancers: who is registered where, and in which order tasks come and go (LB-01 to LB-05, T-43, D-11).

use std::time::Duration;

use chrono::TimeDelta;
use reconcilers::driver::Reconciler;
use reconcilers::service_scheduler::ServiceScheduler;
use reconcilers::target_registrar::{Key, TargetRegistrar};
use serde_json::json;
use uuid::Uuid;

use crate::balancers::{Balanced, DELAY, Target, id};
use crate::lab::{config, counts, is_stable, messages, surroundings};

#[tokio::test(flavor = "multi_thread")]
async fn lb01_running_tasks_are_registered_by_host_and_port_and_the_service_waits_for_their_health() {
    let world = Balanced::new(2, 1).await;
    world.create(2, json!({})).await;
    world.all_registered(2).await;
    let targets = world.targets().await;
    for target in &targets {
        let task = world.task(&target.task).await;
        assert_eq!(task["lastStatus"], "RUNNING", "nobody waits for health");
        let port = &task["containers"][0]["networkBindings"][0]["hostPort"];
        assert_eq!(port, &json!(target.port));
        let host = id(&task["containerInstanceArn"]);
        assert_eq!(target.id, format!("i-{}", &host[..17]));
        assert_eq!(target.address.as_deref(), Some("127.0.0.1"));
    }
    world.lab.pass(TimeDelta::hours(1));
    world.say(0, Some(&targets[0].task), "healthy", None).await;
    let looks = || world.lab.reconcilers.statuses()[0].looks;
    let before = looks();
    let service = world
        .lab
        .wait("the scheduler looks", |_| looks() > before + 2)
        .await;
    assert!(!is_stable(&service), "S-23: one is not healthy");
    world.pass_checks().await;
    let service = world.lab.wait("the deployment is over", is_stable).await;
    let told = messages(&service);
    let registered = told.iter().filter(|text| text.contains(" registered "));
    let count: u32 = registered
        .map(|text| text.split(' ').nth(3).unwrap().parse::<u32>().unwrap())
        .sum();
    assert_eq!(count, 2, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_a_rolling_update_tells_of_its_steps_in_order() {
    let world = Balanced::new(1, 1).await;
    world.steady(1).await;
    let old = world.tasks("RUNNING").await.remove(0);
    world.lab.update(json!({"taskDefinition": "web:4"})).await;
    world.all_registered(2).await;
    world.lab.pass(TimeDelta::hours(1));
    assert_eq!(
        world.task(&old).await["desiredStatus"],
        "RUNNING",
        "the new one is not healthy yet"
    );
    world.pass_checks().await;
    world
        .until("the old one drains", async || {
            (world.task(&old).await["lastStatus"] == "DEACTIVATING").then_some(())
        })
        .await;
    let service = world.lab.service().await;
    assert_eq!(counts(&service), (1, 1, 0), "S-22");
    assert_eq!(service["deployments"].as_array().unwrap().len(), 2, "D-12");
    world.lab.pass(TimeDelta::seconds(DELAY.into()));
    let service = world.lab.play_until("the update is over", is_stable).await;
    let told = world.outline(&service);
    let one = [
        "(service web) has started 1 tasks: (task _).",
        "(service web) registered 1 targets in (target-group group-0)",
    ];
    let steady = [
        "(service web) has reached a steady state.",
        "(service web) (deployment _) deployment completed.",
    ];
    let stopped = [
        "(service web, taskSet _) has begun draining connections on 1 tasks.",
        "(service web) deregistered 1 targets in (target-group group-0)",
        "(service web) has stopped 1 running tasks: (task _).",
    ];
    let expected: Vec<&str> = [&one[..], &steady, &one, &stopped, &steady].concat();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn t43_a_task_that_is_scaled_in_drains_before_its_agent_hears_of_it() {
    let world = Balanced::new(1, 2).await;
    world.steady(2).await;
    world.lab.update(json!({"desiredCount": 1})).await;
    let leaving = world
        .until("one drains", async || world.tasks("DEACTIVATING").await.pop())
        .await;
    let task = world.task(&leaving).await;
    assert_eq!(task["desiredStatus"], "STOPPED");
    assert!(task["stoppingAt"].is_number());
    assert_eq!(counts(&world.lab.service().await), (1, 1, 0), "S-22");
    let of_it = || async {
        world
            .targets()
            .await
            .into_iter()
            .filter(|target| target.task == leaving)
            .collect::<Vec<_>>()
    };
    assert!(of_it().await.iter().all(|target| target.draining) && of_it().await.len() == 2);
    world.lab.pass(TimeDelta::seconds(i64::from(DELAY) - 1));
    assert!(world.lab.told_to_stop().await.is_empty(), "LB-02: the full delay");
    let host: Uuid = id(&task["containerInstanceArn"]).parse().unwrap();
    let should_run =
        store::instances::should_run(&world.lab.api.db(), &[host], world.lab.api.api().clock.now())
            .await
            .unwrap();
    assert!(
        should_run[&host].contains(&leaving.parse().unwrap()),
        "an agent that comes back goes on with it"
    );
    world.lab.pass(TimeDelta::seconds(1));
    assert!(world.lab.told_to_stop().await.contains(&leaving));
    world.lab.play_until("the task has stopped", is_stable).await;
    world
        .until("its targets are gone", async || {
            of_it().await.is_empty().then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t43_a_task_that_a_user_stops_drains_too_and_is_replaced_meanwhile() {
    let world = Balanced::new(1, 1).await;
    world.steady(1).await;
    let task = world.tasks("RUNNING").await.remove(0);
    world.lab.api.ok("StopTask", json!({"task": task})).await;
    assert_eq!(world.task(&task).await["lastStatus"], "DEACTIVATING");
    let told = messages(&world.lab.service().await);
    let newest = &told[told.len() - 2..];
    assert!(
        newest[0].ends_with("has begun draining connections on 1 tasks."),
        "{told:#?}"
    );
    assert!(newest[1].contains("deregistered 1 targets"));
    world.all_registered(1).await;
    assert!(!world.tasks("RUNNING").await.contains(&task), "T-44");
    let version = world.task(&task).await["version"].as_i64();
    world.lab.api.ok("StopTask", json!({"task": task})).await;
    assert_eq!(
        world.task(&task).await["version"].as_i64(),
        version,
        "T-40: it drains already"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lb02_a_task_that_exits_by_itself_is_deregistered_after_the_fact() {
    let world = Balanced::new(1, 1).await;
    world.steady(1).await;
    let task = world.lab.all_tasks().await.remove(0);
    let arn = task["taskArn"].as_str().unwrap();
    world
        .lab
        .api
        .report("default", arn, domain::TaskStatus::Stopped, Some(1))
        .await;
    world
        .until("it is deregistered", async || {
            let targets = world.targets().await;
            targets
                .iter()
                .all(|target| target.draining || target.task != id(&task["taskArn"]))
                .then_some(())
        })
        .await;
    let service = world
        .lab
        .wait("it is told", |service| {
            messages(service).iter().any(|text| text.contains("deregistered"))
        })
        .await;
    assert!(
        !messages(&service)
            .iter()
            .any(|text| text.contains("begun draining"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d03_a_task_at_the_address_of_one_that_ended_begins_anew() {
    let world = Balanced::new(1, 1).await;
    world.steady(1).await;
    let lab = &world.lab;
    let old = world.targets().await.remove(0);
    // Nobody looks while the task ends and another one takes its port.
    lab.tasks.drain(Duration::from_secs(5)).await;
    lab.api
        .report("default", &old.task, domain::TaskStatus::Stopped, Some(1))
        .await;
    let surroundings = surroundings(&lab.api, config());
    let service = store::services::sweep::live(&lab.api.db()).await.unwrap()[0];
    let scheduler = ServiceScheduler::new(&surroundings);
    let new = loop {
        scheduler.reconcile(service).await.unwrap();
        match world.tasks("PENDING").await.pop() {
            Some(new) => break new,
            None => lab.api.clock().advance(TimeDelta::seconds(5)),
        }
    };
    let port = u16::try_from(old.port).unwrap();
    lab.api.report_running_at("default", &new, port).await;
    let registrar = TargetRegistrar::new(&surroundings);
    registrar.reconcile(Key::Service(service)).await.unwrap();
    let targets = world.targets().await;
    let expected = Target {
        task: new,
        ..old.clone()
    };
    assert_eq!(targets, [expected]);
    let state: String = sqlx::query_scalar("SELECT health_state FROM targets")
        .fetch_one(lab.api.db().pool())
        .await
        .unwrap();
    assert_eq!(state, "initial", "its predecessor was healthy");
    let told = messages(&lab.service().await);
    let count = |verb: &str| {
        let verb = format!("(service web) {verb} 1 targets");
        told.iter().filter(|text| text.starts_with(&verb)).count()
    };
    assert_eq!((count("registered"), count("deregistered")), (2, 1), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lb02_the_targets_of_a_lost_host_are_deregistered_at_once() {
    let world = Balanced::new(1, 1).await;
    world.steady(2).await;
    let host: domain::ContainerInstanceId = id(&world.lab.all_tasks().await[0]["containerInstanceArn"])
        .parse()
        .unwrap();
    world.lab.disconnect(host).await;
    world.lab.pass(TimeDelta::seconds(60));
    world
        .until("they are deregistered", async || {
            world
                .targets()
                .await
                .iter()
                .all(|target| target.draining)
                .then_some(())
        })
        .await;
    assert_eq!(world.tasks("STOPPED").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lb04_a_task_that_is_unhealthy_in_one_group_is_replaced_and_drains() {
    let world = Balanced::new(1, 2).await;
    world.steady(1).await;
    let sick = world.tasks("RUNNING").await.remove(0);
    let why = "Health checks failed with these codes: [502]";
    world.say(1, Some(&sick), "unhealthy", Some(why)).await;
    world.all_registered(2).await;
    world.lab.pass(TimeDelta::hours(1));
    assert_eq!(
        world.task(&sick).await["lastStatus"],
        "RUNNING",
        "its successor is not healthy"
    );
    let successor = world
        .tasks("RUNNING")
        .await
        .into_iter()
        .find(|task| *task != sick)
        .unwrap();
    world.say(0, Some(&successor), "healthy", None).await;
    world.say(1, Some(&successor), "healthy", None).await;
    world
        .until("it drains", async || {
            (world.task(&sick).await["lastStatus"] == "DEACTIVATING").then_some(())
        })
        .await;
    let group = &world.groups[1];
    assert_eq!(
        world.task(&sick).await["stoppedReason"],
        format!("Task failed ELB health checks in (target-group {group})")
    );
    let target = world
        .targets()
        .await
        .into_iter()
        .find(|target| target.task == sick)
        .unwrap();
    let (instance, port) = (target.id, target.port);
    let told = format!(
        "(service web) (instance {instance}) (port {port}) is unhealthy in (target-group {group}) due to (reason {why})"
    );
    let service = world.lab.service().await;
    assert!(messages(&service).contains(&told), "{:#?}", messages(&service));
}

#[tokio::test(flavor = "multi_thread")]
async fn lb05_a_target_group_that_was_deleted_is_told_once_and_the_task_goes_on() {
    let world = Balanced::new(1, 2).await;
    let group = world.groups[0].clone();
    world.create(1, json!({})).await;
    for table in [
        "rule_target_groups WHERE target_group_arn",
        "target_groups WHERE arn",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table} = $1")))
            .bind(&group)
            .execute(world.lab.api.db().pool())
            .await
            .unwrap();
    }
    let text = format!(
        "(service web) failed to register targets in (target-group {group}) with (error One or more target groups not found)"
    );
    world
        .lab
        .play_until("the failure is told", |service| messages(service).contains(&text))
        .await;
    let revision = async || -> i64 {
        let query = sqlx::query_scalar("SELECT revision FROM target_groups");
        query.fetch_one(world.lab.api.db().pool()).await.unwrap()
    };
    world
        .until("it is registered in the other group", async || {
            world.targets().await.pop()
        })
        .await;
    let before = revision().await;
    for _ in 0..3 {
        world.wake().await;
        let looks = || world.lab.reconcilers.statuses()[1].looks;
        let before = looks();
        world.lab.wait("the registrar looks", |_| looks() > before).await;
    }
    assert_eq!(
        revision().await,
        before,
        "where nothing changes, proxies are told nothing"
    );
    let told = messages(&world.lab.service().await);
    assert_eq!(told.iter().filter(|said| **said == text).count(), 1, "S-11");
    assert_eq!(world.tasks("RUNNING").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_got_lost_is_registered_again_and_that_of_a_forgotten_task_goes() {
    let world = Balanced::new(1, 1).await;
    world.steady(1).await;
    let db = world.lab.api.db();
    sqlx::query("DELETE FROM targets")
        .execute(db.pool())
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO targets (target_group_arn, target_id, port, task_id, registered_at, health_state, health_since) \
         VALUES ($1, 'i-1', 1, gen_random_uuid(), now(), 'healthy', now())",
    )
    .bind(&world.groups[0])
    .execute(db.pool())
    .await
    .unwrap();
    world.lab.reconcilers.look_now();
    world.all_registered(1).await;
    world
        .until("the forgotten one drains", async || {
            let targets = world.targets().await;
            targets
                .iter()
                .any(|target| target.id == "i-1" && target.draining)
                .then_some(())
        })
        .await;
    world.lab.pass(TimeDelta::seconds(DELAY.into()));
    world
        .until("and goes", async || {
            world
                .targets()
                .await
                .iter()
                .all(|target| target.id != "i-1")
                .then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_deleted_service_is_inactive_only_when_its_tasks_have_drained() {
    let world = Balanced::new(1, 1).await;
    world.steady(2).await;
    world
        .lab
        .api
        .ok("DeleteService", json!({"service": "web", "force": true}))
        .await;
    world
        .until("both drain", async || {
            (world.tasks("DEACTIVATING").await.len() == 2).then_some(())
        })
        .await;
    world.lab.play_agents().await;
    assert_eq!(world.lab.service().await["status"], "DRAINING");
    world.lab.pass(TimeDelta::seconds(DELAY.into()));
    world
        .lab
        .play_until("it is over", |service| service["status"] == "INACTIVE")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_stopped_before_it_is_registered_does_not_wait() {
    let world = Balanced::new(1, 1).await;
    world.create(1, json!({})).await;
    let task = world
        .until("a task is placed", async || world.tasks("PENDING").await.pop())
        .await;
    world.lab.api.ok("StopTask", json!({"task": task})).await;
    assert_eq!(world.task(&task).await["lastStatus"], "PENDING");
    assert!(world.lab.told_to_stop().await.contains(&task));
}

#[tokio::test(flavor = "multi_thread")]
async fn dr01_tasks_leave_a_draining_host_after_their_successors_are_healthy() {
    let world = Balanced::new(2, 1).await;
    world.steady(1).await;
    let task = world.lab.all_tasks().await.remove(0);
    let host = &task["containerInstanceArn"];
    world
        .lab
        .api
        .ok(
            "UpdateContainerInstancesState",
            json!({"containerInstances": [host], "status": "DRAINING"}),
        )
        .await;
    world.all_registered(2).await;
    let old = id(&task["taskArn"]);
    assert_eq!(world.task(&old).await["desiredStatus"], "RUNNING");
    world.pass_checks().await;
    world
        .until("the old one drains", async || {
            (world.task(&old).await["lastStatus"] == "DEACTIVATING").then_some(())
        })
        .await;
}
