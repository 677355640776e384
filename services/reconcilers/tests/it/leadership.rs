//! Several servers on one database.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use kit::{Shutdown, Tasks};
use reconcilers::Reconcilers;
use reconcilers::driver::Reconciler;
use reconcilers::service_scheduler::ServiceScheduler;
use serde_json::json;

use crate::lab::{Lab, config, counts, surroundings};

async fn leads(reconcilers: &Reconcilers) {
    while !reconcilers.statuses().iter().all(|status| status.leading) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_runs_the_loops_and_another_takes_over_when_it_goes() {
    let lab = Lab::new(1).await;
    leads(&lab.reconcilers).await;
    let tasks = Tasks::new(Shutdown::new());
    let second = Reconcilers::start(&tasks, &surroundings(&lab.api, config()));
    lab.create(json!({"desiredCount": 2})).await;
    lab.steady(2).await;
    assert!(
        second
            .statuses()
            .iter()
            .all(|status| !status.leading && status.looks == 0)
    );
    lab.tasks.drain(Duration::from_secs(5)).await;
    tokio::time::timeout(Duration::from_secs(10), leads(&second))
        .await
        .unwrap();
    lab.update(json!({"desiredCount": 4})).await;
    lab.play_until("the second one works", |service| counts(service) == (4, 4, 0))
        .await;
    tasks.drain(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedulers_that_look_at_the_same_time_do_nothing_twice() {
    let lab = Lab::new(4).await;
    leads(&lab.reconcilers).await;
    lab.tasks.drain(Duration::from_secs(5)).await;
    let schedulers: Vec<ServiceScheduler> = (0..8)
        .map(|_| ServiceScheduler::new(&surroundings(&lab.api, config())))
        .collect();
    for count in [20_u64, 5, 60, 1, 33] {
        match count {
            20 => drop(lab.create(json!({"desiredCount": count})).await),
            _ => drop(lab.update(json!({"desiredCount": count})).await),
        }
        let db = lab.api.db();
        let ids = store::services::sweep::live(&db).await.unwrap();
        for _ in 0..6 {
            for looked in join_all(schedulers.iter().map(|scheduler| scheduler.reconcile(ids[0]))).await {
                looked.unwrap();
            }
            let tasks = lab.all_tasks().await;
            let wanted = tasks
                .iter()
                .filter(|task| task["desiredStatus"] == "RUNNING")
                .count();
            assert!(wanted <= 60, "{wanted} tasks");
            lab.play_agents().await;
        }
        assert_eq!(counts(&lab.service().await), (count, count, 0));
    }
    let arns: BTreeSet<String> = lab
        .all_tasks()
        .await
        .iter()
        .map(|task| task["taskArn"].to_string())
        .collect();
    assert_eq!(arns.len(), 20 + 55 + 32, "as many starts as the steps up");
}
