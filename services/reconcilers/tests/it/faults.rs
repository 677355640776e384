//! Looks that are cut off anywhere, as when a server dies.

use std::time::Duration;

use chrono::TimeDelta;
use kit::Random;
use reconcilers::driver::Reconciler;
use reconcilers::service_scheduler::ServiceScheduler;
use serde_json::json;

use crate::lab::{Lab, config, counts, is_stable, surroundings};

#[tokio::test(flavor = "multi_thread")]
async fn looks_that_are_cut_off_anywhere_lose_nothing_and_do_nothing_twice() {
    let lab = Lab::new(4).await;
    lab.tasks.drain(Duration::from_secs(5)).await;
    let random = Random::seeded(42);
    lab.create(json!({"desiredCount": 8})).await;
    let id = store::services::sweep::live(&lab.api.db()).await.unwrap()[0];
    let mut most = 16;
    let mut desired = 8_u64;
    for _ in 0..150 {
        match random.below(6) {
            0 => {
                desired = random.below(20) as u64;
                lab.update(json!({"desiredCount": desired})).await;
            }
            1 => drop(
                lab.update(json!({"taskDefinition": format!("web:{}", 1 + random.below(2))}))
                    .await,
            ),
            2 => lab.api.clock().advance(TimeDelta::seconds(20)),
            _ => lab.play_agents().await,
        }
        // What was started under a greater number stays until it is stopped.
        most = most.max(2 * desired);
        let scheduler = ServiceScheduler::new(&surroundings(&lab.api, config()));
        let cut = Duration::from_micros(random.below(12_000) as u64);
        let _ = tokio::time::timeout(cut, scheduler.reconcile(id)).await;
        let tasks = lab.all_tasks().await;
        let wanted = tasks
            .iter()
            .filter(|task| task["desiredStatus"] == "RUNNING")
            .count() as u64;
        assert!(wanted <= most, "{wanted} tasks, {most} are allowed");
    }
    let scheduler = ServiceScheduler::new(&surroundings(&lab.api, config()));
    for _ in 0..200 {
        scheduler.reconcile(id).await.unwrap();
        lab.play_agents().await;
        lab.api.clock().advance(TimeDelta::seconds(21));
        let service = lab.service().await;
        if is_stable(&service) && counts(&service) == (desired, desired, 0) {
            return;
        }
    }
    panic!("it does not settle: {:#}", lab.service().await);
}
