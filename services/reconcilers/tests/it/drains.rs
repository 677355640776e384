//! Targets and tasks while everything changes, and while loops are cut off anywhere (T-43, LB-02).

use std::time::Duration;

use chrono::TimeDelta;
use kit::Random;
use reconcilers::driver::Reconciler;
use reconcilers::service_scheduler::ServiceScheduler;
use reconcilers::target_registrar::{Key, TargetRegistrar};
use serde_json::json;

use crate::balancers::{Balanced, DELAY};
use crate::lab::{Lab, config, counts, is_stable, messages, surroundings};

/// Targets that take requests although their task was asked to stop: there must never be any.
async fn betrayed(lab: &Lab) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM tasks t JOIN targets g ON g.task_id = t.id \
         WHERE t.desired_status = 'STOPPED' AND t.last_status <> 'STOPPED' AND g.draining_until IS NULL",
    )
    .fetch_one(lab.api.db().pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn however_tasks_come_and_go_none_is_stopped_while_it_takes_requests() {
    let world = Balanced::new(2, 2).await;
    world.create(4, json!({})).await;
    let lab = &world.lab;
    for round in 0..40_u32 {
        lab.play_agents().await;
        if round % 3 == 0 {
            world.pass_checks().await;
        }
        match round % 5 {
            0 => drop(lab.update(json!({"desiredCount": (round * 7) % 6})).await),
            1 => drop(lab.update(json!({"forceNewDeployment": true})).await),
            2 => lab.pass(TimeDelta::seconds(11)),
            _ => {
                for task in world.tasks("RUNNING").await.iter().take(2) {
                    lab.api.ok("StopTask", json!({"task": task})).await;
                }
            }
        }
        assert_eq!(betrayed(lab).await, 0, "round {round}");
    }
    lab.update(json!({"desiredCount": 3})).await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_stable(&lab.service().await) || counts(&lab.service().await) != (3, 3, 0) {
        lab.play_agents().await;
        world.pass_checks().await;
        lab.pass(TimeDelta::seconds(5));
        assert_eq!(betrayed(lab).await, 0);
        assert!(
            tokio::time::Instant::now() < deadline,
            "{:#}",
            lab.service().await
        );
    }
    world.all_registered(3).await;
}

/// Numbers in events of this kind, added up.
fn told(messages: &[String], verb: &str) -> i64 {
    let counts = messages.iter().filter_map(|text| {
        let rest = text.split_once(&format!("(service web) {verb} "))?.1;
        rest.split(' ').next()?.parse::<i64>().ok()
    });
    counts.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_that_are_cut_off_anywhere_leave_no_target_behind_and_tell_of_each_once() {
    let world = Balanced::new(2, 2).await;
    let lab = &world.lab;
    lab.tasks.drain(Duration::from_secs(5)).await;
    let random = Random::seeded(7);
    world.create(3, json!({})).await;
    let service = store::services::sweep::live(&lab.api.db()).await.unwrap()[0];
    let mut desired = 3_u64;
    for round in 0..60 {
        match random.below(7) {
            0 => {
                desired = random.below(5) as u64;
                lab.update(json!({"desiredCount": desired})).await;
            }
            1 => drop(lab.update(json!({"forceNewDeployment": true})).await),
            2 => lab.api.clock().advance(TimeDelta::seconds(11)),
            3 => world.pass_checks().await,
            4 => {
                if let Some(task) = world.tasks("RUNNING").await.first() {
                    lab.api
                        .report("default", task, domain::TaskStatus::Stopped, Some(1))
                        .await;
                }
            }
            _ => lab.play_agents().await,
        }
        let surroundings = surroundings(&lab.api, config());
        let cut = || Duration::from_micros(random.below(15_000) as u64);
        let scheduler = ServiceScheduler::new(&surroundings);
        let _ = tokio::time::timeout(cut(), scheduler.reconcile(service)).await;
        let registrar = TargetRegistrar::new(&surroundings);
        let _ = tokio::time::timeout(cut(), registrar.reconcile(Key::Service(service))).await;
        let _ = tokio::time::timeout(cut(), registrar.reconcile(Key::Leftovers)).await;
        let messages = messages(&lab.service().await);
        let registered = world
            .targets()
            .await
            .iter()
            .filter(|target| !target.draining)
            .count() as i64;
        if messages.len() < 100 {
            let balance = told(&messages, "registered") - told(&messages, "deregistered");
            assert_eq!(balance, registered, "round {round}: {messages:#?}");
        }
    }
    settle(&world, service, desired).await;
    assert_eq!(world.targets().await.len() as u64, 2 * desired);
}

/// Loops that are not cut off bring everything to rest.
async fn settle(world: &Balanced, service: i64, desired: u64) {
    let lab = &world.lab;
    let surroundings = surroundings(&lab.api, config());
    let (scheduler, registrar) = (
        ServiceScheduler::new(&surroundings),
        TargetRegistrar::new(&surroundings),
    );
    for _ in 0..200 {
        scheduler.reconcile(service).await.unwrap();
        lab.play_agents().await;
        registrar.reconcile(Key::Service(service)).await.unwrap();
        world.pass_checks().await;
        lab.api.clock().advance(TimeDelta::seconds(DELAY.into()));
        registrar.reconcile(Key::Leftovers).await.unwrap();
        let found = lab.service().await;
        if is_stable(&found) && counts(&found) == (desired, desired, 0) {
            return;
        }
    }
    panic!("it does not settle: {:#}", lab.service().await);
}
