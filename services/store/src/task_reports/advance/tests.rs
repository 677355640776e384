use chrono::TimeDelta;
use domain::Resources;
use sqlx::types::Json;
use uuid::Uuid;

use super::*;
use crate::tasks::TaskSpec;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn container(name: &str, essential: bool) -> ContainerRecord {
    ContainerRecord {
        name: name.to_owned(),
        id: Uuid::nil(),
        image: "image".to_owned(),
        essential,
        has_health_check: false,
        last_status: ContainerStatus::Pending,
        health: HealthStatus::Unknown,
        exit_code: None,
        reason: None,
        runtime_id: None,
        image_digest: None,
        network_bindings: Vec::new(),
        cpu: None,
        memory: None,
        memory_reservation: None,
        gpu_ids: Vec::new(),
    }
}

/// A task that was placed at second 0: essential `app`, non-essential `side`.
fn task() -> TaskRow {
    TaskRow {
        id: Uuid::nil(),
        cluster_id: 1,
        instance_id: None,
        task_definition_id: 1,
        service_id: None,
        deployment_id: None,
        task_group: "family:x".to_owned(),
        started_by: None,
        launch_type: "EC2".to_owned(),
        capacity_provider: None,
        desired_status: DesiredStatus::Running,
        last_status: TaskStatus::Pending,
        health: HealthStatus::Unknown,
        resources: Json(Resources::default()),
        gpu_ids: Vec::new(),
        spec: Json(TaskSpec::default()),
        containers: Json(vec![container("app", true), container("side", false)]),
        stop_code: None,
        stopped_reason: None,
        version: 1,
        protected_until: None,
        accounted: false,
        created_at: at(0),
        pull_started_at: None,
        pull_stopped_at: None,
        started_at: None,
        stopping_at: None,
        execution_stopped_at: None,
        stopped_at: None,
    }
}

fn says(name: &str, status: ContainerStatus) -> ContainerReport {
    ContainerReport {
        name: name.to_owned(),
        status: Some(status),
        ..ContainerReport::default()
    }
}

fn exited(name: &str, code: i32) -> ContainerReport {
    ContainerReport {
        exit_code: Some(code),
        ..says(name, ContainerStatus::Stopped)
    }
}

fn failed(name: &str, reason: &str) -> ContainerReport {
    ContainerReport {
        reason: Some(reason.to_owned()),
        ..says(name, ContainerStatus::Stopped)
    }
}

fn report(status: TaskStatus, containers: Vec<ContainerReport>) -> TaskReport {
    TaskReport {
        status: Some(status),
        containers,
        ..TaskReport::default()
    }
}

fn running() -> TaskRow {
    let mut task = task();
    let up = vec![
        says("app", ContainerStatus::Running),
        says("side", ContainerStatus::Running),
    ];
    assert!(advance(&mut task, &report(TaskStatus::Running, up), at(5)));
    task
}

fn cause_of(task: &TaskRow) -> (&str, &str) {
    (
        task.stop_code.as_deref().unwrap_or(""),
        task.stopped_reason.as_deref().unwrap_or(""),
    )
}

#[test]
fn ag04_a_report_that_comes_twice_changes_nothing_the_second_time() {
    let mut task = running();
    let again = vec![
        says("app", ContainerStatus::Running),
        says("side", ContainerStatus::Running),
    ];
    assert!(!advance(&mut task, &report(TaskStatus::Running, again), at(9)));
    assert_eq!(task.started_at, Some(at(5)));
}

#[test]
fn t01_late_reports_never_move_a_task_or_container_back() {
    let mut task = running();
    let late = vec![says("app", ContainerStatus::Pending)];
    assert!(!advance(&mut task, &report(TaskStatus::Pending, late), at(6)));
    assert!(advance(
        &mut task,
        &report(TaskStatus::Stopped, vec![exited("app", 0)]),
        at(7)
    ));
    assert!(!advance(
        &mut task,
        &report(TaskStatus::Running, vec![says("app", ContainerStatus::Running)]),
        at(8)
    ));
    assert_eq!(
        (task.last_status, task.stopped_at),
        (TaskStatus::Stopped, Some(at(7)))
    );
}

#[test]
fn k01_essential_exit_zero_stops_the_task() {
    let mut task = running();
    assert!(advance(
        &mut task,
        &report(TaskStatus::Running, vec![exited("app", 0)]),
        at(9)
    ));
    assert_eq!(
        (task.desired_status, task.last_status),
        (DesiredStatus::Stopped, TaskStatus::Running)
    );
    assert_eq!(
        cause_of(&task),
        ("EssentialContainerExited", "Essential container in task exited")
    );
    assert_eq!(
        (task.stopping_at, task.execution_stopped_at),
        (Some(at(9)), Some(at(9)))
    );
}

#[test]
fn k01_a_non_essential_exit_leaves_the_task_alone() {
    let mut task = running();
    assert!(advance(
        &mut task,
        &report(TaskStatus::Running, vec![exited("side", 3)]),
        at(9)
    ));
    assert_eq!(
        (task.desired_status, task.last_status),
        (DesiredStatus::Running, TaskStatus::Running)
    );
    assert_eq!(task.containers[1].exit_code, Some(3));
}

#[test]
fn a_container_that_comes_twice_in_one_report_is_taken_in_order() {
    let mut task = task();
    let init = |status| ContainerReport {
        exit_code: Some(0),
        ..says("side", status)
    };
    let both = vec![
        init(ContainerStatus::Running),
        init(ContainerStatus::Stopped),
        says("app", ContainerStatus::Running),
    ];
    assert!(advance(&mut task, &report(TaskStatus::Running, both), at(3)));
    assert_eq!(
        (task.containers[1].last_status, task.containers[1].exit_code),
        (ContainerStatus::Stopped, Some(0))
    );
    assert_eq!(
        (task.last_status, task.desired_status),
        (TaskStatus::Running, DesiredStatus::Running)
    );
}

#[test]
fn t33_a_container_that_never_ran_has_no_exit_code() {
    let mut task = task();
    let pull = "CannotPullContainerError: pull access denied for nope";
    assert!(advance(
        &mut task,
        &report(TaskStatus::Stopped, vec![failed("app", pull)]),
        at(4)
    ));
    assert_eq!(cause_of(&task), ("TaskFailedToStart", pull));
    assert!(
        task.containers
            .iter()
            .all(|container| container.exit_code.is_none())
    );
    assert!(
        task.containers
            .iter()
            .all(|container| container.last_status == ContainerStatus::Stopped)
    );
    assert_eq!((task.started_at, task.execution_stopped_at), (None, None));
}

#[test]
fn t31_error_names_of_containers_and_tasks_become_the_stopped_reason_of_tasks_that_never_ran() {
    let start = "CannotStartContainerError: exec: \"nope\": executable file not found";
    let stopped = |containers, reason: &str| TaskReport {
        reason: Some(reason.to_owned()),
        ..report(TaskStatus::Stopped, containers)
    };
    let table = [
        (
            stopped(
                vec![ContainerReport {
                    exit_code: Some(127),
                    ..failed("app", start)
                }],
                "",
            ),
            "TaskFailedToStart",
            start,
        ),
        (
            stopped(vec![], "ResourceInitializationError: no secret"),
            "TaskFailedToStart",
            "ResourceInitializationError: no secret",
        ),
        (stopped(vec![], ""), "TaskFailedToStart", "Task failed to start"),
        (
            stopped(vec![exited("app", 1)], ""),
            "EssentialContainerExited",
            "Essential container in task exited",
        ),
        (
            stopped(
                vec![exited("app", 137), failed("side", "CannotPullContainerError: x")],
                "",
            ),
            "TaskFailedToStart",
            "CannotPullContainerError: x",
        ),
        (
            stopped(
                vec![ContainerReport {
                    exit_code: Some(137),
                    ..failed("app", "OutOfMemoryError: Container killed")
                }],
                "",
            ),
            "EssentialContainerExited",
            "Essential container in task exited",
        ),
    ];
    for (report, code, reason) in table {
        let mut task = task();
        assert!(advance(&mut task, &report, at(4)));
        assert_eq!(cause_of(&task), (code, reason), "{report:?}");
    }
}

#[test]
fn t34_the_first_cause_wins() {
    let mut task = running();
    task.desired_status = DesiredStatus::Stopped;
    task.stop_code = Some("UserInitiated".to_owned());
    task.stopped_reason = Some("Task stopped by user".to_owned());
    assert!(advance(
        &mut task,
        &report(TaskStatus::Stopped, vec![exited("app", 143)]),
        at(9)
    ));
    assert_eq!(cause_of(&task), ("UserInitiated", "Task stopped by user"));
    assert_eq!(task.containers[0].exit_code, Some(143));
}

#[test]
fn t03_times_stay_in_order_whatever_the_hosts_clock_shows() {
    let mut task = task();
    let report = TaskReport {
        pull_started_at: Some(at(-100)),
        pull_stopped_at: Some(at(900)),
        ..report(TaskStatus::Running, vec![says("app", ContainerStatus::Running)])
    };
    assert!(advance(&mut task, &report, at(5)));
    assert_eq!(
        (task.pull_started_at, task.pull_stopped_at, task.started_at),
        (Some(at(0)), Some(at(5)), Some(at(5)))
    );
    let stop = TaskReport {
        execution_stopped_at: Some(at(5) - TimeDelta::hours(1)),
        ..self::report(TaskStatus::Stopped, vec![exited("app", 0)])
    };
    assert!(advance(&mut task, &stop, at(8)));
    assert_eq!(task.execution_stopped_at, Some(at(5)));
}

#[test]
fn t30_long_reasons_are_cut() {
    let mut task = task();
    let long = format!("CannotPullContainerError: {}", "ä".repeat(5000));
    assert!(advance(
        &mut task,
        &report(TaskStatus::Stopped, vec![failed("app", &long)]),
        at(4)
    ));
    assert_eq!(task.stopped_reason.unwrap().chars().count(), REASON_LIMIT);
}
