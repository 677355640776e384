use agent_protocol::Task;
use agent_protocol::task::{ContainerDependency, VolumeFrom};
use kit::{Clock, ManualClock, Random};

use super::*;

fn container(name: &str, depends_on: &[(&str, DependencyCondition)]) -> Container {
    let depends_on = depends_on
        .iter()
        .map(|(name, condition)| ContainerDependency {
            container_name: (*name).into(),
            condition: condition.clone(),
        })
        .collect();
    Container {
        name: name.into(),
        image: "i".into(),
        depends_on,
        ..Container::default()
    }
}

fn task(containers: Vec<Container>) -> TaskRecord {
    let payload = Task {
        arn: "arn:aws:ecs:r:0:task/c/1".into(),
        containers,
        ..Task::default()
    };
    TaskRecord::new(payload, ManualClock::default().now(), &Random::seeded(1))
}

fn app_on_db(condition: DependencyCondition) -> TaskRecord {
    task(vec![container("db", &[]), container("app", &[("db", condition)])])
}

#[derive(Clone, Copy, Debug)]
enum Db {
    Created,
    Running,
    Healthy,
    Unhealthy,
    Exited(i64),
    NeverStarted,
}

fn set(task: &mut TaskRecord, state: Db) {
    let db = &mut task.containers[0];
    db.started_at = Some(ManualClock::default().now());
    db.phase = Phase::Running;
    match state {
        Db::Created => (db.phase, db.started_at) = (Phase::Created, None),
        Db::Running => {}
        Db::Healthy => db.health.status = HealthStatus::Healthy,
        Db::Unhealthy => db.health.status = HealthStatus::Unhealthy,
        Db::Exited(code) => (db.phase, db.exit_code) = (Phase::Stopped, Some(code)),
        Db::NeverStarted => (db.phase, db.started_at) = (Phase::Stopped, None),
    }
}

#[test]
fn k02_k04_each_condition_has_its_own_idea_of_being_met() {
    use DependencyCondition::{Complete, Healthy, Start, Success};
    let states = [
        Db::Created,
        Db::Running,
        Db::Healthy,
        Db::Unhealthy,
        Db::Exited(0),
        Db::Exited(3),
        Db::NeverStarted,
    ];
    // r: ready, w: waiting, x: hopeless; in the order of `states`.
    let table = [
        (Start, "wrrrrrx"),
        (Complete, "wwwwrrx"),
        (Success, "wwwwrxx"),
        (Healthy, "wwrwxxx"),
    ];
    for (condition, expected) in table {
        for (state, expected) in states.iter().zip(expected.chars()) {
            let mut task = app_on_db(condition.clone());
            set(&mut task, *state);
            let found = match readiness(&task, 1, ManualClock::default().now()) {
                Readiness::Ready => 'r',
                Readiness::Waiting { .. } => 'w',
                Readiness::Hopeless(_) => 'x',
            };
            assert_eq!(found, expected, "{condition} on {state:?}");
        }
    }
}

#[test]
fn k03_the_start_timeout_of_the_target_counts_from_its_start() {
    let clock = ManualClock::default();
    let mut task = app_on_db(DependencyCondition::Healthy);
    task.payload.containers[0].start_timeout = Some(30);
    assert_eq!(
        readiness(&task, 1, clock.now()),
        Readiness::Waiting { until: None },
        "not started: no limit yet"
    );
    set(&mut task, Db::Running);
    let limit = clock.now() + TimeDelta::seconds(30);
    assert_eq!(
        readiness(&task, 1, clock.now()),
        Readiness::Waiting { until: Some(limit) }
    );
    clock.advance(TimeDelta::seconds(30));
    let Readiness::Hopeless(why) = readiness(&task, 1, clock.now()) else {
        panic!("still waiting")
    };
    assert_eq!(why, "db did not meet condition HEALTHY within 30 s of its start");
}

#[test]
fn k04_a_dependency_on_a_container_that_does_not_exist_is_hopeless() {
    let task = task(vec![container("app", &[("ghost", DependencyCondition::Start)])]);
    assert!(matches!(
        readiness(&task, 0, ManualClock::default().now()),
        Readiness::Hopeless(_)
    ));
}

#[test]
fn k04_volumes_of_a_container_that_was_never_created_are_not_waited_for() {
    let mut app = container("app", &[]);
    app.volumes_from = vec![VolumeFrom {
        source_container: "db".into(),
        read_only: false,
    }];
    let mut task = task(vec![container("db", &[]), app]);
    let now = ManualClock::default().now();
    assert_eq!(readiness(&task, 1, now), Readiness::Ready);
    set(&mut task, Db::NeverStarted);
    assert_eq!(
        readiness(&task, 1, now),
        Readiness::Hopeless("db was never created".to_owned())
    );
    task.containers[0].runtime_id = Some("id".into());
    assert_eq!(readiness(&task, 1, now), Readiness::Ready);
}

#[test]
fn t42_a_container_may_stop_once_all_that_depend_on_it_have_stopped() {
    let mut links = container("app", &[]);
    links.links = vec!["db:database".into()];
    let mut shares = container("log", &[]);
    shares.volumes_from = vec![agent_protocol::task::VolumeFrom {
        source_container: "app".into(),
        read_only: true,
    }];
    let mut task = task(vec![container("db", &[]), links, shares]);
    let may = |task: &TaskRecord| [0, 1, 2].map(|index| may_stop(task, index));
    assert_eq!(may(&task), [false, false, true]);
    task.containers[2].phase = Phase::Stopped;
    assert_eq!(may(&task), [false, true, true]);
    task.containers[1].phase = Phase::Stopped;
    assert_eq!(may(&task), [true, true, true]);
}
