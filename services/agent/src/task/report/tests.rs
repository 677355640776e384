use agent_protocol::Task;
use agent_protocol::task::{Container, DesiredStatus, ManagedAgent};
use kit::{Clock, ManualClock, Random};

use super::super::record::Desired;
use super::*;

fn task(names: &[&str]) -> TaskRecord {
    let container = |name: &&str| Container {
        name: (*name).into(),
        image: "i".into(),
        ..Container::default()
    };
    let containers = names.iter().map(container).collect();
    let arn = "arn:aws:ecs:us-east-1:000000000000:task/demo/1".into();
    let payload = Task {
        arn,
        desired_status: DesiredStatus::Running,
        containers,
        ..Task::default()
    };
    TaskRecord::new(payload, ManualClock::default().now(), &Random::seeded(1))
}

fn up(record: &mut TaskRecord, index: usize) {
    let container = &mut record.containers[index];
    container.phase = Phase::Running;
    container.started_at = Some(ManualClock::default().now());
}

fn ended(record: &mut TaskRecord, index: usize, code: i64) {
    up(record, index);
    let container = &mut record.containers[index];
    (container.phase, container.exit_code) = (Phase::Stopped, Some(code));
}

/// Status and `name:status` of the next report, which is then accepted.
fn next(record: &mut TaskRecord) -> Option<(String, Vec<String>, bool)> {
    let (report, now) = match due(record, "demo") {
        Due::Nothing => return None,
        Due::Now(report) => (report, true),
        Due::Soon(report) => (report, false),
    };
    report.accepted(record);
    let containers = report
        .request
        .containers
        .iter()
        .map(|c| format!("{}:{}", c.container_name, c.status))
        .collect();
    Some((report.request.status.unwrap().to_string(), containers, now))
}

fn told(status: &str, containers: &[&str], now: bool) -> Option<(String, Vec<String>, bool)> {
    Some((
        status.into(),
        containers.iter().map(ToString::to_string).collect(),
        now,
    ))
}

#[test]
fn a_good_task_is_reported_running_and_then_stopped() {
    let mut record = task(&["web"]);
    assert_eq!(next(&mut record), None);
    up(&mut record, 0);
    record.was_running = true;
    assert_eq!(next(&mut record), told("RUNNING", &["web:RUNNING"], true));
    assert_eq!(next(&mut record), None);
    ended(&mut record, 0, 137);
    assert_eq!(next(&mut record), told("STOPPED", &["web:STOPPED"], true));
    assert!(record.finished());
    assert_eq!(next(&mut record), None);
}

#[test]
fn a_task_that_came_up_and_ended_unheard_is_still_told_in_both_states() {
    let mut record = task(&["web"]);
    ended(&mut record, 0, 0);
    record.was_running = true;
    assert_eq!(
        next(&mut record),
        told("RUNNING", &["web:RUNNING", "web:STOPPED"], true)
    );
    assert_eq!(next(&mut record), told("STOPPED", &["web:STOPPED"], true));
}

#[test]
fn t33_a_container_that_never_ran_has_no_exit_code() {
    let mut record = task(&["web"]);
    record.containers[0].phase = Phase::Stopped;
    record.reason = Some("ResourceInitializationError: x".into());
    record.desired = Desired::Stopped;
    let Due::Now(report) = due(&record, "demo") else {
        panic!("nothing due")
    };
    assert_eq!(
        report.request.reason.as_deref(),
        Some("ResourceInitializationError: x")
    );
    assert_eq!(report.request.containers[0].exit_code, None);
    assert_eq!(report.request.containers.len(), 1);
}

#[test]
fn news_of_single_containers_may_wait_a_moment() {
    let mut record = task(&["web", "init"]);
    ended(&mut record, 1, 0);
    assert_eq!(
        next(&mut record),
        told("PENDING", &["init:RUNNING", "init:STOPPED"], false)
    );
    up(&mut record, 0);
    record.was_running = true;
    assert_eq!(
        next(&mut record),
        told("RUNNING", &["web:RUNNING", "init:STOPPED"], true)
    );
    let mut record = task(&["web", "side"]);
    (0..2).for_each(|index| up(&mut record, index));
    record.was_running = true;
    next(&mut record);
    ended(&mut record, 1, 3);
    assert_eq!(next(&mut record), told("RUNNING", &["side:STOPPED"], false));
}

#[test]
fn k11_digests_of_pulled_images_are_told_before_the_task_runs() {
    let mut record = task(&["web"]);
    record.pulled = true;
    record.pull_started_at = Some(ManualClock::default().now());
    record.containers[0].phase = Phase::Pulled;
    record.containers[0].image_digest = Some("sha256:1".into());
    let Due::Now(report) = due(&record, "demo") else {
        panic!("nothing due")
    };
    assert_eq!(
        report.request.containers[0].image_digest.as_deref(),
        Some("sha256:1")
    );
    assert!(report.request.pull_started_at.is_some());
    assert_eq!(next(&mut record), told("PENDING", &["web:PENDING"], true));
    assert_eq!(next(&mut record), None);
}

#[test]
fn t15_a_managed_agent_that_does_not_run_is_told_stopped_once() {
    let mut record = task(&["web"]);
    let exec = ManagedAgent {
        name: "ExecuteCommandAgent".into(),
        ..ManagedAgent::default()
    };
    record.payload.containers[0].managed_agents.push(exec);
    up(&mut record, 0);
    record.was_running = true;
    let Due::Now(report) = due(&record, "demo") else {
        panic!("nothing due")
    };
    assert_eq!(
        report.request.managed_agents[0].status,
        ManagedAgentChangeStatus::Stopped
    );
    report.accepted(&mut record);
    ended(&mut record, 0, 0);
    let Due::Now(report) = due(&record, "demo") else {
        panic!("nothing due")
    };
    assert!(report.request.managed_agents.is_empty());
}

#[test]
fn long_reasons_are_cut_and_have_no_null_character() {
    let mut record = task(&["web"]);
    record.containers[0].phase = Phase::Stopped;
    record.containers[0].reason = Some("\0".to_owned() + &"x".repeat(5000));
    let Due::Now(report) = due(&record, "demo") else {
        panic!("nothing due")
    };
    assert_eq!(report.request.containers[0].reason, Some("x".repeat(1024)));
}
