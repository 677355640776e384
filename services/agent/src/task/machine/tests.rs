use agent_protocol::Task;
use agent_protocol::task::{Container, ContainerDependency, DependencyCondition, DesiredStatus};
use agent_protocol::tcs::HealthStatus;
use kit::{Clock, ManualClock, Random};

use super::*;

/// A machine, and the outcomes that an obliging engine gives it.
struct Bench {
    machine: TaskMachine,
    clock: ManualClock,
    log: Vec<String>,
}

fn container(name: &str) -> Container {
    Container {
        name: name.into(),
        image: "image:1".into(),
        essential: true,
        ..Container::default()
    }
}

fn helper(name: &str) -> Container {
    Container {
        essential: false,
        ..container(name)
    }
}

fn after(mut container: Container, target: &str, condition: DependencyCondition) -> Container {
    container.depends_on.push(ContainerDependency {
        container_name: target.into(),
        condition,
    });
    container
}

impl Bench {
    fn new(containers: Vec<Container>) -> Self {
        let clock = ManualClock::default();
        let arn = "arn:aws:ecs:us-east-1:000000000000:task/demo/1".into();
        let payload = Task {
            arn,
            containers,
            desired_status: DesiredStatus::Running,
            ..Task::default()
        };
        let mut machine = TaskMachine::new(TaskRecord::new(payload, clock.now(), &Random::seeded(1)));
        machine.persisted();
        Self {
            machine,
            clock,
            log: Vec::new(),
        }
    }

    fn name(&self, index: usize) -> String {
        self.machine.record().containers[index].name.clone()
    }

    fn observation(&self, run: Run, exit_code: Option<i64>) -> Observation {
        Observation {
            runtime_id: "id".into(),
            run,
            created_at: None,
            started_at: None,
            finished_at: (run == Run::Exited).then(|| self.clock.now()),
            exit_code,
            oom_killed: false,
            health: Health::default(),
            network_bindings: Vec::new(),
        }
    }

    /// Lets the engine do what is asked for until nothing is asked for any more.
    fn settle(&mut self) -> Option<DateTime<Utc>> {
        loop {
            let plan = self.machine.plan(self.clock.now());
            if plan.steps.is_empty() {
                return plan.wake_at;
            }
            for step in plan.steps {
                let outcome = self.oblige(step);
                self.machine.apply(outcome, self.clock.now());
            }
        }
    }

    fn oblige(&mut self, step: Step) -> Outcome {
        let Step::Container(index, action) = step else {
            return Outcome::Prepared(Ok(()));
        };
        self.log.push(format!("{action:?} {}", self.name(index)));
        match action {
            Action::Pull => {
                let image = ReadyImage {
                    id: "sha256:1".into(),
                    digest: None,
                    pulled: None,
                };
                Outcome::Pulled(index, Some(Ok(image)))
            }
            Action::Create => Outcome::Created(index, Ok("id".into())),
            Action::Start | Action::Restart => {
                let started_at = Some(self.clock.now());
                Outcome::Started(
                    index,
                    Ok(Observation {
                        started_at,
                        ..self.observation(Run::Running, None)
                    }),
                )
            }
            Action::Recover | Action::Inspect => {
                Outcome::Seen(index, Ok(Some(self.observation(Run::Running, None))))
            }
            Action::Stop => Outcome::Seen(index, Ok(Some(self.observation(Run::Exited, Some(143))))),
        }
    }

    /// The engine says that a container ended.
    fn exits(&mut self, name: &str, code: i64) {
        let index = self.machine.record().index_of(name).unwrap();
        let seen = self.observation(Run::Exited, Some(code));
        self.machine
            .apply(Outcome::Seen(index, Ok(Some(seen))), self.clock.now());
        self.settle();
    }

    fn phases(&self) -> Vec<Phase> {
        self.machine
            .record()
            .containers
            .iter()
            .map(|container| container.phase)
            .collect()
    }

    /// What was done, without the pulls and creates.
    fn starts_and_stops(&self) -> Vec<&str> {
        self.log
            .iter()
            .filter(|line| !line.starts_with("Pull") && !line.starts_with("Create"))
            .map(String::as_str)
            .collect()
    }
}

#[test]
fn t06_a_task_runs_when_all_its_containers_do() {
    let mut bench = Bench::new(vec![container("a"), container("b")]);
    assert_eq!(bench.machine.record().known(), Status::Pending);
    bench.settle();
    assert_eq!(bench.starts_and_stops(), ["Start a", "Start b"]);
    assert_eq!(bench.machine.record().known(), Status::Running);
}

#[test]
fn nothing_is_started_before_the_record_is_on_disk() {
    let mut bench = Bench::new(vec![container("a")]);
    let record = bench.machine.record().clone();
    bench.machine = TaskMachine::new(record);
    bench.settle();
    assert_eq!(bench.log, ["Pull a", "Create a"]);
    bench.machine.persisted();
    bench.settle();
    assert_eq!(bench.log, ["Pull a", "Create a", "Start a"]);
}

#[test]
fn k01_essential_exit_zero_stops_the_task() {
    let mut bench = Bench::new(vec![container("a"), container("b")]);
    bench.settle();
    bench.exits("a", 0);
    let record = bench.machine.record();
    assert_eq!(
        (record.known(), record.desired),
        (Status::Stopped, Desired::Stopped)
    );
    assert_eq!(
        record.containers.iter().map(|c| c.exit_code).collect::<Vec<_>>(),
        [Some(0), Some(143)]
    );
    assert!(record.execution_stopped_at.is_some() && record.stopped_at.is_some());
}

#[test]
fn k01_a_container_that_is_not_essential_may_fail_without_consequence() {
    let mut bench = Bench::new(vec![container("a"), helper("b")]);
    bench.settle();
    bench.exits("b", 3);
    assert_eq!(bench.phases(), [Phase::Running, Phase::Stopped]);
    assert_eq!(bench.machine.record().known(), Status::Running);
    assert_eq!(bench.machine.record().execution_stopped_at, None);
}

#[test]
fn k02_a_container_waits_for_the_success_of_another() {
    let waits = after(container("app"), "init", DependencyCondition::Success);
    let mut bench = Bench::new(vec![waits, helper("init")]);
    bench.settle();
    assert_eq!(bench.starts_and_stops(), ["Start init"]);
    assert_eq!(bench.machine.record().known(), Status::Pending, "T-06");
    bench.exits("init", 0);
    assert_eq!(bench.starts_and_stops(), ["Start init", "Start app"]);
    assert_eq!(bench.machine.record().known(), Status::Running);
}

#[test]
fn k02_a_failed_init_container_fails_the_task_at_once() {
    let waits = after(container("app"), "init", DependencyCondition::Success);
    let mut bench = Bench::new(vec![waits, helper("init")]);
    bench.settle();
    bench.exits("init", 2);
    let record = bench.machine.record();
    assert_eq!(record.known(), Status::Stopped);
    assert_eq!(
        record.reason.as_deref(),
        Some("TaskDependencyError: container app cannot start: init exited with code 2")
    );
    assert_eq!(record.containers[0].exit_code, None, "T-33: it never ran");
    assert!(!record.was_running);
}

#[test]
fn k02_health_lets_the_dependent_start() {
    let mut db = helper("db");
    db.health_check_type = Some(HealthCheckType::Docker);
    let mut bench = Bench::new(vec![
        after(container("app"), "db", DependencyCondition::Healthy),
        db,
    ]);
    bench.settle();
    assert_eq!(bench.starts_and_stops(), ["Start db"]);
    let health = Health {
        status: HealthStatus::Healthy,
        ..Health::default()
    };
    let seen = Observation {
        health,
        ..bench.observation(Run::Running, None)
    };
    bench
        .machine
        .apply(Outcome::Seen(1, Ok(Some(seen))), bench.clock.now());
    bench.settle();
    assert_eq!(bench.starts_and_stops(), ["Start db", "Start app"]);
}

#[test]
fn k03_the_task_fails_when_a_dependency_is_not_met_in_time() {
    let mut db = helper("db");
    db.start_timeout = Some(30);
    let mut bench = Bench::new(vec![
        after(container("app"), "db", DependencyCondition::Healthy),
        db,
    ]);
    let wake_at = bench.settle();
    assert_eq!(wake_at, Some(bench.clock.now() + TimeDelta::seconds(30)));
    bench.clock.advance(TimeDelta::seconds(30));
    bench.settle();
    let record = bench.machine.record();
    assert!(
        record
            .reason
            .as_deref()
            .unwrap()
            .starts_with("TaskDependencyError: "),
        "{:?}",
        record.reason
    );
    assert_eq!(record.known(), Status::Stopped);
}

#[test]
fn k04_a_dependency_that_can_never_start_fails_the_task() {
    let waits = after(container("app"), "init", DependencyCondition::Start);
    let mut bench = Bench::new(vec![waits, helper("init")]);
    while let plan = bench.machine.plan(bench.clock.now())
        && !plan.steps.is_empty()
    {
        for step in plan.steps {
            let failure = Failure::new(FailureKind::CannotPullContainer, "no such image");
            let outcome = match step {
                Step::Container(1, Action::Pull) => Outcome::Pulled(1, Some(Err(failure))),
                step => bench.oblige(step),
            };
            bench.machine.apply(outcome, bench.clock.now());
        }
    }
    let record = bench.machine.record();
    assert_eq!(record.known(), Status::Stopped);
    assert_eq!(
        record.containers[1].reason.as_deref(),
        Some("CannotPullContainerError: no such image")
    );
    assert!(record.reason.as_deref().unwrap().contains("init never started"));
}

#[test]
fn t42_containers_stop_in_the_reverse_order_of_their_dependencies() {
    let app = after(container("app"), "db", DependencyCondition::Start);
    let proxy = after(container("proxy"), "app", DependencyCondition::Start);
    let mut bench = Bench::new(vec![container("db"), app, proxy]);
    bench.settle();
    bench.machine.stop();
    bench.settle();
    let stops = ["Stop proxy", "Stop app", "Stop db"];
    assert_eq!(bench.starts_and_stops()[3..], stops);
}

#[test]
fn t32_a_missing_resource_stops_the_task_before_any_container_exists() {
    let mut bench = Bench::new(vec![container("a")]);
    let steps = bench.machine.plan(bench.clock.now()).steps;
    assert_eq!(steps, [Step::Prepare, Step::Container(0, Action::Pull)]);
    bench.machine.apply(
        Outcome::Prepared(Err(Failure::resource("no secret"))),
        bench.clock.now(),
    );
    bench.machine.apply(Outcome::Pulled(0, None), bench.clock.now());
    bench.settle();
    let record = bench.machine.record();
    assert_eq!(
        record.reason.as_deref(),
        Some("ResourceInitializationError: no secret")
    );
    assert_eq!(
        (record.known(), record.containers[0].runtime_id.as_deref()),
        (Status::Stopped, None)
    );
    assert_eq!(record.execution_stopped_at, None);
}

fn restarting(ignored_exit_codes: Vec<i64>) -> Bench {
    let policy = RestartPolicy {
        enabled: true,
        ignored_exit_codes,
        restart_attempt_period: Some(60),
    };
    let mut bench = Bench::new(vec![Container {
        restart_policy: Some(policy),
        ..container("a")
    }]);
    bench.settle();
    bench
}

#[test]
fn k05_a_container_that_ran_long_enough_is_restarted_in_place() {
    let mut bench = restarting(vec![]);
    bench.clock.advance(TimeDelta::seconds(60));
    bench.exits("a", 1);
    assert_eq!(bench.starts_and_stops(), ["Start a", "Restart a"]);
    let record = bench.machine.record();
    assert_eq!(
        (record.containers[0].restart_count, record.desired),
        (1, Desired::Running)
    );
    bench.clock.advance(TimeDelta::seconds(59));
    bench.exits("a", 4);
    let record = bench.machine.record();
    assert_eq!(
        (record.known(), record.containers[0].exit_code),
        (Status::Stopped, Some(4))
    );
}

#[test]
fn k05_ignored_exit_codes_and_stopping_tasks_are_not_restarted() {
    let mut bench = restarting(vec![7]);
    bench.clock.advance(TimeDelta::seconds(600));
    bench.exits("a", 7);
    assert_eq!(bench.machine.record().known(), Status::Stopped);
    let mut bench = restarting(vec![]);
    bench.clock.advance(TimeDelta::seconds(600));
    bench.machine.stop();
    bench.settle();
    assert_eq!(bench.starts_and_stops(), ["Start a", "Stop a"]);
}

#[test]
fn a_container_killed_for_memory_says_so() {
    let mut bench = Bench::new(vec![container("a")]);
    bench.settle();
    let seen = Observation {
        oom_killed: true,
        ..bench.observation(Run::Exited, Some(137))
    };
    bench
        .machine
        .apply(Outcome::Seen(0, Ok(Some(seen))), bench.clock.now());
    let container = &bench.machine.record().containers[0];
    assert_eq!(
        container.reason.as_deref(),
        Some("OutOfMemoryError: Container killed due to memory usage")
    );
    assert_eq!(container.exit_code, Some(137));
}

#[test]
fn a_short_container_is_known_to_have_run() {
    let mut bench = Bench::new(vec![container("a")]);
    let plan = bench.machine.plan(bench.clock.now());
    for step in plan.steps {
        let outcome = bench.oblige(step);
        bench.machine.apply(outcome, bench.clock.now());
    }
    bench.machine.plan(bench.clock.now());
    bench
        .machine
        .apply(Outcome::Created(0, Ok("id".into())), bench.clock.now());
    bench.machine.plan(bench.clock.now());
    let seen = bench.observation(Run::Exited, Some(0));
    bench
        .machine
        .apply(Outcome::Started(0, Ok(seen)), bench.clock.now());
    assert!(bench.machine.record().was_running);
    assert_eq!(bench.machine.record().known(), Status::Stopped);
}

#[test]
fn a_stop_during_the_pull_ends_the_task_when_the_pull_is_given_up() {
    let mut bench = Bench::new(vec![container("a")]);
    bench.machine.plan(bench.clock.now());
    bench.machine.stop();
    assert_eq!(bench.machine.plan(bench.clock.now()), Plan::default());
    bench.machine.apply(Outcome::Prepared(Ok(())), bench.clock.now());
    bench.machine.apply(Outcome::Pulled(0, None), bench.clock.now());
    bench.settle();
    let record = bench.machine.record();
    assert_eq!(
        (record.known(), record.containers[0].reason.as_deref()),
        (Status::Stopped, None)
    );
}

#[test]
fn a_stop_that_fails_is_tried_again_and_never_called_stopped() {
    let mut bench = Bench::new(vec![container("a")]);
    bench.settle();
    bench.machine.stop();
    assert_eq!(
        bench.machine.plan(bench.clock.now()).steps,
        [Step::Container(0, Action::Stop)]
    );
    let failure = Failure::new(FailureKind::CannotStopContainer, "the engine is busy");
    bench
        .machine
        .apply(Outcome::Seen(0, Err(failure)), bench.clock.now());
    let plan = bench.machine.plan(bench.clock.now());
    assert_eq!(
        (plan.steps.len(), bench.machine.record().known()),
        (0, Status::Running)
    );
    bench.clock.set(plan.wake_at.unwrap());
    bench.settle();
    assert_eq!(bench.machine.record().known(), Status::Stopped);
}

#[test]
fn recovery_finds_what_became_of_each_container_and_starts_none_again() {
    let mut bench = Bench::new(vec![container("a"), helper("b"), helper("c")]);
    bench.settle();
    bench.machine = TaskMachine::recovered(bench.machine.record().clone());
    let steps = bench.machine.plan(bench.clock.now()).steps;
    assert_eq!(
        steps,
        [0, 1, 2].map(|index| Step::Container(index, Action::Recover))
    );
    let outcomes = [
        Some(bench.observation(Run::Running, None)),
        Some(bench.observation(Run::Exited, Some(9))),
        None,
    ];
    for (index, seen) in outcomes.into_iter().enumerate() {
        bench
            .machine
            .apply(Outcome::Seen(index, Ok(seen)), bench.clock.now());
    }
    assert_eq!(bench.settle(), None);
    assert_eq!(bench.phases(), [Phase::Running, Phase::Stopped, Phase::Stopped]);
    let record = bench.machine.record();
    assert_eq!(
        (record.containers[1].exit_code, record.containers[2].exit_code),
        (Some(9), None)
    );
    assert!(
        record.containers[2]
            .reason
            .as_deref()
            .unwrap()
            .starts_with("ContainerVanishedError: ")
    );
}

#[test]
fn recovery_of_a_container_that_was_made_and_not_noted_starts_it_once() {
    let mut bench = Bench::new(vec![container("a")]);
    let record = bench.machine.record().clone();
    bench.machine = TaskMachine::recovered(record);
    assert_eq!(
        bench.machine.plan(bench.clock.now()).steps[1],
        Step::Container(0, Action::Recover)
    );
    let made = bench.observation(Run::Created, None);
    bench
        .machine
        .apply(Outcome::Seen(0, Ok(Some(made))), bench.clock.now());
    bench.settle();
    assert_eq!(bench.log, ["Start a"]);
}

#[test]
fn recovery_in_any_order_knows_that_all_containers_were_up() {
    let waits = after(container("app"), "init", DependencyCondition::Success);
    let mut bench = Bench::new(vec![waits, helper("init")]);
    bench.machine = TaskMachine::recovered(bench.machine.record().clone());
    bench.machine.plan(bench.clock.now());
    for (index, code) in [(0, 9), (1, 0)] {
        let seen = bench.observation(Run::Exited, Some(code));
        bench
            .machine
            .apply(Outcome::Seen(index, Ok(Some(seen))), bench.clock.now());
    }
    assert!(bench.machine.record().was_running);
    assert_eq!(bench.machine.record().known(), Status::Stopped);
}
