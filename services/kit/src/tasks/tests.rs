#![allow(clippy::unwrap_used)]

use super::*;

const SOON: Duration = Duration::from_secs(5);

fn tasks() -> Tasks {
    Tasks::new(Shutdown::new())
}

#[tokio::test]
async fn a_loop_that_panics_stops_the_process_with_its_reason() {
    let tasks = tasks();
    tasks.spawn("advancer", async {
        if true {
            panic!("row {} is gone", 7)
        }
    });
    tasks.shutdown().requested().await;
    assert_eq!(
        tasks.failure().unwrap().to_string(),
        "advancer panicked: row 7 is gone"
    );
    assert_eq!(tasks.drain(SOON).await, Drained::default());
}

#[tokio::test]
async fn a_loop_that_ends_or_fails_early_stops_the_process() {
    let ended = tasks();
    ended.spawn("watcher", async {});
    ended.shutdown().requested().await;
    assert_eq!(
        ended.failure().unwrap().reason,
        "ended although it should run until the shutdown"
    );

    let failed = tasks();
    failed.spawn("watcher", async { Err("no database") });
    failed.shutdown().requested().await;
    assert_eq!(failed.failure().unwrap().reason, "failed: no database");
}

#[derive(Debug, thiserror::Error)]
#[error("the page could not be read")]
struct PageError(#[source] std::io::Error);

#[tokio::test]
async fn a_failure_is_told_with_its_causes() {
    let tasks = tasks();
    tasks.spawn("reader", async {
        Err(PageError(std::io::Error::other("disk on fire")))
    });
    tasks.shutdown().requested().await;
    assert_eq!(
        tasks.failure().unwrap().reason,
        "failed: the page could not be read: disk on fire"
    );
}

#[tokio::test]
async fn only_the_first_failure_is_kept() {
    let tasks = tasks();
    tasks.spawn("first", async { Err("cause") });
    tasks.shutdown().requested().await;
    tasks.spawn("second", async { Err("consequence") });
    tasks.drain(SOON).await;
    assert_eq!(tasks.failure().unwrap().task, "first");
}

#[tokio::test]
async fn jobs_may_end_fail_and_panic() {
    let tasks = tasks();
    tasks.spawn_job("quiet", async {});
    tasks.spawn_job("failing", async { Err("refused") });
    tasks.spawn_job("panicking", async {
        if true {
            panic!("oh")
        }
    });
    while !tasks.running().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(tasks.failure().is_none() && !tasks.shutdown().is_requested());
}

#[tokio::test]
async fn draining_waits_for_loops_that_watch_the_token() {
    let tasks = tasks();
    let shutdown = tasks.shutdown().clone();
    tasks.spawn("polite", async move { shutdown.requested().await });
    assert_eq!(tasks.running(), ["polite"]);
    assert_eq!(tasks.drain(SOON).await, Drained::default());
    assert!(tasks.running().is_empty() && tasks.failure().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_at_the_deadline_is_named_and_dropped() {
    let tasks = tasks();
    tasks.spawn("deaf", std::future::pending::<()>());
    let drained = tasks.drain(Duration::from_millis(10)).await;
    assert_eq!(drained.dropped, ["deaf"]);
    while !tasks.running().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(tasks.failure().is_none());
}

#[tokio::test]
async fn an_aborted_loop_leaves_the_list_and_is_no_failure() {
    let tasks = tasks();
    let handle = tasks.spawn("replaced", std::future::pending::<()>());
    handle.abort();
    while !tasks.running().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!tasks.shutdown().is_requested());
}
