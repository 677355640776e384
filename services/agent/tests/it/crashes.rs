//! An agent that is killed at any moment: nothing is lost, nothing runs twice, exit codes are true.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_protocol::Task;
use agent_protocol::task::DependencyCondition;
use kit::Random;

use crate::backend::{acked, report};
use crate::bench::{Bench, after, arn, container, helper, task};

#[tokio::test(flavor = "multi_thread")]
async fn tasks_go_on_without_the_agent_and_what_ended_meanwhile_is_told_truly() {
    let mut bench = Bench::new().await;
    for id in ["1", "2"] {
        bench
            .backend
            .deliver(task(id, vec![container("web", "web:1")]))
            .await;
        bench.backend.reported(&arn(id), "RUNNING").await;
    }
    bench.kill().await;
    let name = bench.running_container(&arn("1"), "web").await;
    bench.fake.exit(&name, 77).unwrap();
    bench.start();
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    assert_eq!(stopped.containers[0].exit_code, Some(77));
    assert_eq!(bench.fake.running().len(), 1, "the other goes on");
    let name = bench.running_container(&arn("2"), "web").await;
    bench.fake.exit(&name, 3).unwrap();
    let stopped = bench.backend.reported(&arn("2"), "STOPPED").await;
    assert_eq!(stopped.containers[0].exit_code, Some(3), "it is watched again");
    assert_eq!(
        (bench.starts(&arn("1"), "web"), bench.starts(&arn("2"), "web")),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_somebody_removed_is_reported_as_vanished() {
    let mut bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench.kill().await;
    let name = bench.running_container(&arn("1"), "web").await;
    bench.fake.vanish(&name).unwrap();
    bench.start();
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    let web = &stopped.containers[0];
    assert!(
        web.reason
            .as_deref()
            .unwrap()
            .starts_with("ContainerVanishedError: ")
    );
    assert_eq!(bench.starts(&arn("1"), "web"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_of_tasks_that_were_never_noted_are_removed() {
    let mut bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench.kill().await;
    let file = bench.config.data_dir.clone().unwrap().join("tasks/1.json");
    std::fs::remove_file(file).unwrap();
    bench.start();
    bench.fake.wait_for(|fake| fake.containers().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_record_cannot_be_read_is_reported_stopped_and_its_containers_go() {
    let mut bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench.kill().await;
    let file = bench.config.data_dir.clone().unwrap().join("tasks/1.json");
    std::fs::write(file, "{").unwrap();
    bench.start();
    let stopped = bench.backend.reported(&arn("1"), "STOPPED").await;
    assert_eq!(
        stopped.reason.as_deref(),
        Some("TaskStateError: the agent cannot read its record of this task")
    );
    assert!(bench.fake.containers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_shutdown_leaves_tasks_running() {
    let mut bench = Bench::new().await;
    bench
        .backend
        .deliver(task("1", vec![container("web", "web:1")]))
        .await;
    bench.backend.reported(&arn("1"), "RUNNING").await;
    bench.stop().await.unwrap();
    assert_eq!(bench.fake.running().len(), 1);
    bench.start();
    bench
        .backend
        .wait_until("a new connection", |seen| seen.connects.len() == 2)
        .await;
    bench.backend.connected().await;
    bench.backend.deliver(Task::stop(arn("1"))).await;
    bench.backend.reported(&arn("1"), "STOPPED").await;
}

/// What the test wants of one task, as a server would remember it.
struct Wanted {
    payload: Task,
    /// Exit code of the container called `main`.
    exit_code: i64,
    stop: bool,
    messages: Vec<String>,
}

fn wanted(number: usize) -> Wanted {
    let id = format!("t{number}");
    let (containers, exit_code, stop) = match number % 5 {
        0 => (vec![container("main", "web:1")], 143, true),
        1 => (vec![container("main", "fake/exit:3")], 3, false),
        2 => (vec![container("main", "fake/run-then-exit:40ms-7")], 7, false),
        3 => {
            let main = after(
                container("main", "fake/run-then-exit:20ms-9"),
                "init",
                DependencyCondition::Success,
            );
            (vec![main, helper("init", "fake/run-then-exit:20ms-0")], 9, false)
        }
        _ => (
            vec![container("main", "web:1"), helper("side", "fake/exit:5")],
            143,
            true,
        ),
    };
    Wanted {
        payload: task(&id, containers),
        exit_code,
        stop,
        messages: Vec::new(),
    }
}

/// Offers again whatever was not acked, as a server does.
fn offer(bench: &Bench, tasks: &mut BTreeMap<String, Wanted>) {
    for (arn, wanted) in tasks {
        let accepted = wanted
            .messages
            .iter()
            .any(|id| bench.backend.read(|seen| acked(seen, id)));
        let running = bench.backend.read(|seen| report(seen, arn, "RUNNING")).is_some();
        let stopped = bench.backend.read(|seen| report(seen, arn, "STOPPED")).is_some();
        if !accepted && !stopped {
            wanted.messages.push(bench.backend.offer(wanted.payload.clone()));
        } else if wanted.stop && running && !stopped {
            bench.backend.offer(Task::stop(arn.clone()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_is_lost_and_nothing_runs_twice() {
    let random = Random::seeded(
        std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or(4),
    );
    let mut bench = Bench::idle().await;
    bench.config.task_cleanup_wait = Duration::from_secs(3600);
    bench.fake.set_delays(runtime::fake::Delays {
        create: Duration::from_millis(3),
        start: Duration::from_millis(3),
        ..runtime::fake::Delays::default()
    });
    let mut tasks = BTreeMap::new();
    for round in 0..60 {
        if round < 40 {
            let wanted = wanted(round);
            tasks.insert(wanted.payload.arn.clone(), wanted);
        }
        bench.start();
        let lives = Duration::from_micros(500 * random.below(120) as u64);
        let killed = tokio::time::Instant::now() + lives;
        while tokio::time::Instant::now() < killed {
            offer(&bench, &mut tasks);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bench.kill().await;
    }
    bench.start();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let all_stopped = |tasks: &BTreeMap<String, Wanted>| {
        tasks
            .keys()
            .all(|arn| bench.backend.read(|seen| report(seen, arn, "STOPPED")).is_some())
    };
    while !all_stopped(&tasks) && tokio::time::Instant::now() < deadline {
        offer(&bench, &mut tasks);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (arn, wanted) in &tasks {
        let stopped = bench.backend.read(|seen| report(seen, arn, "STOPPED"));
        let stopped = stopped.unwrap_or_else(|| panic!("{arn} was lost"));
        let main = stopped
            .containers
            .iter()
            .rfind(|c| c.container_name == "main")
            .unwrap();
        assert_eq!(main.exit_code, Some(wanted.exit_code), "{arn} {stopped:?}");
        for container in &wanted.payload.containers {
            assert_eq!(bench.starts(arn, &container.name), 1, "{arn} {}", container.name);
        }
        // A report whose acceptance was forgotten in a crash comes again; its first coming is in order (AG-04).
        let first = |status: &str| {
            let fits = |r: &agent_protocol::state_change::SubmitTaskStateChangeRequest| {
                r.task == *arn && r.status.as_ref().is_some_and(|found| found.as_str() == status)
            };
            bench.backend.read(|seen| seen.reports.iter().position(fits))
        };
        assert!(
            first("RUNNING").is_some() && first("RUNNING") < first("STOPPED"),
            "{arn}"
        );
    }
    assert!(bench.fake.running().is_empty());
    let containers: usize = tasks.values().map(|wanted| wanted.payload.containers.len()).sum();
    assert_eq!(bench.fake.containers().len(), containers);
}
