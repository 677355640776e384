//! PAUSE hooks of deployments that shift traffic (section 14).

use chrono::TimeDelta;
use domain::ServiceStatus;
use planning::deployment::*;

use super::shifting::{blue_green, minutes, stage, story, world};
use super::sim::World;

/// Each stage that a PAUSE hook may hold without another old revision, and all that happens until then.
const HELD: [(Stage, &[&str]); 5] = [
    (Stage::PreScaleUp, &["PRE_SCALE_UP of B: AWAITING_ACTION"]),
    (
        Stage::PostScaleUp,
        &["start 3 of B", "POST_SCALE_UP of B: AWAITING_ACTION"],
    ),
    (
        Stage::PostTestTrafficShift,
        &[
            "start 3 of B",
            "POST_TEST_TRAFFIC_SHIFT of B: AWAITING_ACTION",
            "0 of 1000 and test to B",
        ],
    ),
    (
        Stage::PreProductionTrafficShift,
        &[
            "start 3 of B",
            "PRE_PRODUCTION_TRAFFIC_SHIFT of B: AWAITING_ACTION",
            "0 of 1000 and test to B",
        ],
    ),
    (
        Stage::PostProductionTrafficShift,
        &[
            "start 3 of B",
            "POST_PRODUCTION_TRAFFIC_SHIFT of B: AWAITING_ACTION",
            "1000 of 1000 and test to B",
        ],
    ),
];

fn hook(stages: &[Stage], timeout: TimeDelta, timeout_action: HookAction) -> PauseHook {
    PauseHook {
        stages: stages.to_vec(),
        timeout,
        timeout_action,
    }
}

/// One that waits for a day and then rolls back.
fn patient(stage: Stage) -> PauseHook {
    hook(&[stage], minutes(1440), HookAction::Rollback)
}

/// Blue/green with these hooks, in the middle of a deployment B as far as it gets by itself.
fn held(hooks: Vec<PauseHook>) -> (World, Vec<String>) {
    let mut world = world(blue_green());
    world.hooks = hooks;
    world.update(false);
    let lines = story(&mut world, 4);
    (world, lines)
}

fn pauses(world: &World, letter: char) -> Vec<(Stage, PauseStatus)> {
    let pauses = world.deployment(letter).pauses.iter();
    pauses.map(|pause| (pause.stage, pause.status)).collect()
}

/// What ContinueServiceDeployment does to the first pause that waits.
fn answer(world: &mut World, letter: char, status: PauseStatus) {
    let (id, now) = (world.id(letter), world.now);
    let mut deployments = world.deployments.iter_mut();
    let deployment = deployments.find(|deployment| deployment.id == id).unwrap();
    let mut pauses = deployment.pauses.iter_mut();
    let waiting = pauses
        .find(|pause| pause.status == PauseStatus::AwaitingAction)
        .unwrap();
    waiting.status = status;
    waiting.ended_at = Some(now);
}

fn without_rounds(lines: Vec<String>) -> Vec<String> {
    let bare = |line: String| line.split_once(": ").unwrap().1.to_owned();
    lines.into_iter().map(bare).collect()
}

#[test]
fn bg04_bg21_each_stage_holds_the_deployment_until_it_is_told_to_continue() {
    for (held_in, expected) in HELD {
        let (mut world, lines) = held(vec![patient(held_in)]);
        assert_eq!(without_rounds(lines), expected);
        assert_eq!(stage(&world, 'B'), Some(held_in));
        assert_eq!(
            world.last_plan.wake_at,
            world.deployment('B').pauses.first().map(|pause| pause.expires_at)
        );
        assert_eq!(world.live('A').len(), 3, "blue stays in {held_in:?}");
        answer(&mut world, 'B', PauseStatus::Succeeded);
        story(&mut world, 9);
        assert!(world.is_steady(), "after {held_in:?}");
        assert_eq!(world.deployments[0].id, world.id('B'));
    }
}

#[test]
fn bg09_bg21_each_stage_goes_back_when_it_is_told_to_roll_back() {
    for (held_in, _) in HELD {
        let (mut world, _) = held(vec![patient(held_in)]);
        let id = world.deployment('B').pauses[0].id.clone();
        answer(&mut world, 'B', PauseStatus::Failed);
        world.act();
        let b = world.id('B');
        let mut changed = world.last_plan.deployments.iter();
        let (_, progress) = changed.find(|(deployment, _)| *deployment == b).unwrap();
        let reason = progress.rollout_state_reason.clone();
        let told = format!(
            "ECS deployment failed: lifecycle hook {id} was told to roll back in stage {}.",
            held_in.as_str()
        );
        assert_eq!(reason, told);
        story(&mut world, 4);
        assert!(world.is_steady(), "after {held_in:?}");
        assert_eq!(world.deployments[0].id, world.id('A'));
        assert_eq!(world.live('B').len(), 0);
    }
}

#[test]
fn bg21_when_its_time_is_over_a_pause_does_what_its_hook_says() {
    let continues = hook(&[Stage::PostScaleUp], minutes(10), HookAction::Continue);
    let (mut world, _) = held(vec![continues]);
    let lines = story(&mut world, 20);
    assert_eq!(
        lines,
        [
            "7: POST_SCALE_UP of B: TIMED_OUT",
            "7: 1000 of 1000 and test to B",
            "12: stop 3 of A"
        ]
    );
    assert!(world.is_steady());

    let (mut world, _) = held(vec![hook(
        &[Stage::PostScaleUp],
        minutes(10),
        HookAction::Rollback,
    )]);
    world.wait(7 * 60).act();
    let deployment = world.deployment('B');
    assert_eq!(deployment.progress.rollout_state, RolloutState::Failed);
    assert!(
        deployment
            .progress
            .rollout_state_reason
            .contains("timed out in stage POST_SCALE_UP")
    );
    assert_eq!(pauses(&world, 'B'), [(Stage::PostScaleUp, PauseStatus::TimedOut)]);
    story(&mut world, 4);
    assert_eq!(world.deployments[0].id, world.id('A'));
    let told = "(service web) (deployment B) deployment failed: a lifecycle hook failed.";
    let told = told.replace(" B)", &format!(" {})", world.id('B')));
    assert!(world.events.contains(&told), "{:?}", world.events);
}

#[test]
fn bg22_all_hooks_of_a_stage_wait_at_the_same_time_and_all_must_succeed() {
    let (mut world, _) = held(vec![patient(Stage::PreScaleUp), patient(Stage::PreScaleUp)]);
    let waiting = (Stage::PreScaleUp, PauseStatus::AwaitingAction);
    assert_eq!(pauses(&world, 'B'), [waiting, waiting]);
    answer(&mut world, 'B', PauseStatus::Succeeded);
    assert_eq!(story(&mut world, 3), [""; 0]);
    answer(&mut world, 'B', PauseStatus::Succeeded);
    assert_eq!(story(&mut world, 1), ["0: start 3 of B"]);
    let ids = &world.deployment('B').pauses;
    assert_ne!(ids[0].id, ids[1].id);
    assert!(
        ids.iter()
            .all(|pause| pause.id.starts_with("ecs-pause-") && pause.id.len() == 53)
    );
}

#[test]
fn bg22_one_failed_hook_ends_the_others() {
    let (mut world, _) = held(vec![patient(Stage::PreScaleUp), patient(Stage::PreScaleUp)]);
    answer(&mut world, 'B', PauseStatus::Failed);
    let lines = story(&mut world, 2);
    assert_eq!(
        lines,
        ["0: PRE_SCALE_UP of B: FAILED", "0: 1000 of 1000 and test to A"]
    );
    assert!(world.is_steady());
}

#[test]
fn bg06_each_step_of_a_linear_deployment_waits_for_an_answer_of_its_own() {
    let mut world = world(DeploymentStrategy::Linear {
        step: 400,
        step_bake: minutes(2),
        bake: minutes(1),
    });
    world.hooks = vec![patient(Stage::PreProductionTrafficShift)];
    world.update(false);
    story(&mut world, 3);
    for (share, next) in [(0, 400), (400, 800), (800, 1000)] {
        let deployment = world.deployment('B');
        let last = deployment.pauses.last().unwrap();
        assert_eq!((last.share, last.status), (share, PauseStatus::AwaitingAction));
        answer(&mut world, 'B', PauseStatus::Succeeded);
        story(&mut world, 1);
        assert_eq!(world.deployment('B').progress.memory.shifting.production, next);
        if next < 1000 {
            assert_eq!(
                stage(&world, 'B'),
                Some(Stage::ProductionTrafficShift),
                "it bakes"
            );
            story(&mut world, 2);
            assert_eq!(stage(&world, 'B'), Some(Stage::PreProductionTrafficShift));
        }
    }
    story(&mut world, 4);
    assert!(world.is_steady());
}

#[test]
fn bg06_the_canary_and_the_rest_are_two_steps() {
    let mut world = world(DeploymentStrategy::Canary {
        share: 50,
        share_bake: minutes(4),
        bake: minutes(1),
    });
    world.hooks = vec![patient(Stage::PreProductionTrafficShift)];
    world.update(false);
    story(&mut world, 3);
    answer(&mut world, 'B', PauseStatus::Succeeded);
    let lines = story(&mut world, 6);
    assert_eq!(
        lines,
        [
            "0: 50 of 1000 and test to B",
            "4: PRE_PRODUCTION_TRAFFIC_SHIFT of B: AWAITING_ACTION"
        ]
    );
    answer(&mut world, 'B', PauseStatus::Failed);
    let lines = story(&mut world, 2);
    assert_eq!(lines, ["0: 1000 of 1000 and test to A", "0: stop 3 of B"]);
}

#[test]
fn bg04_a_hook_of_the_reconciliation_holds_only_deployments_that_have_one() {
    let (mut world, lines) = held(vec![
        patient(Stage::ReconcileService),
        patient(Stage::PostScaleUp),
    ]);
    assert!(!lines.iter().any(|line| line.contains("RECONCILE_SERVICE")));
    world.update(false);
    let lines = without_rounds(story(&mut world, 3));
    assert_eq!(
        lines,
        [
            "POST_SCALE_UP of B: FAILED",
            "RECONCILE_SERVICE of C: AWAITING_ACTION",
            "stop 3 of B"
        ]
    );
    answer(&mut world, 'C', PauseStatus::Succeeded);
    assert_eq!(story(&mut world, 1), ["0: start 3 of C"]);
}

#[test]
fn bg04_without_a_test_listener_there_are_no_test_stages() {
    let mut world = world(blue_green());
    world.hooks = vec![patient(Stage::PostTestTrafficShift)];
    world.update(false);
    world.deployments[1].revision.has_test_traffic = false;
    assert_eq!(story(&mut world, 2), ["0: start 3 of B", "1: 1000 of 1000 to B"]);
    assert_eq!(pauses(&world, 'B'), []);
}

#[test]
fn bg08_a_pause_may_last_longer_than_a_stage_but_not_the_deployment() {
    let fortnight = |stage| hook(&[stage], minutes(20_160), HookAction::Continue);
    let stages = [
        Stage::PreScaleUp,
        Stage::PostScaleUp,
        Stage::PreProductionTrafficShift,
    ];
    let (mut world, _) = held(stages.map(fortnight).to_vec());
    world.wait(13 * 86_400).act();
    assert_eq!(stage(&world, 'B'), Some(Stage::PreScaleUp));
    answer(&mut world, 'B', PauseStatus::Succeeded);
    story(&mut world, 3);
    assert_eq!(stage(&world, 'B'), Some(Stage::PostScaleUp));
    world.wait(13 * 86_400).act();
    answer(&mut world, 'B', PauseStatus::Succeeded);
    story(&mut world, 1);
    assert_eq!(stage(&world, 'B'), Some(Stage::PreProductionTrafficShift));
    world.wait(5 * 86_400).act();
    let progress = &world.deployment('B').progress;
    assert_eq!(progress.rollout_state, RolloutState::Failed);
    assert!(progress.rollout_state_reason.contains("timed out"));
}

#[test]
fn bg06_bg08_each_step_may_bake_for_a_day() {
    let mut world = world(DeploymentStrategy::Linear {
        step: 500,
        step_bake: minutes(1440),
        bake: minutes(1440),
    });
    world.update(false);
    story(&mut world, 3);
    world.wait(1440 * 60).act();
    assert_eq!(stage(&world, 'B'), Some(Stage::BakeTime));
    world.wait(1440 * 60);
    story(&mut world, 3);
    assert!(world.is_steady());
}

#[test]
fn bg21_a_service_that_turns_to_rolling_deployments_waits_no_longer() {
    let (mut world, _) = held(vec![patient(Stage::PreScaleUp)]);
    world.service.configuration.strategy = DeploymentStrategy::Rolling;
    story(&mut world, 6);
    assert!(world.is_steady());
    assert_eq!(pauses(&world, 'B'), [(Stage::PreScaleUp, PauseStatus::Failed)]);
}

#[test]
fn sd05_a_deployment_that_waits_can_be_stopped() {
    let (mut world, _) = held(vec![patient(Stage::PostProductionTrafficShift)]);
    let b = world.id('B');
    let mut deployments = world.deployments.iter_mut();
    let deployment = deployments.find(|deployment| deployment.id == b).unwrap();
    deployment.stop_requested = Some(StopType::Rollback);
    let lines = story(&mut world, 4);
    assert_eq!(
        lines,
        [
            "0: POST_PRODUCTION_TRAFFIC_SHIFT of B: FAILED",
            "0: 1000 of 1000 and test to A",
            "0: stop 3 of B"
        ]
    );
    assert!(world.is_steady());
}

#[test]
fn bg21_the_first_deployment_waits_too_and_is_not_over_before() {
    let mut world = World::new(2, 100, 200);
    world.service.configuration.strategy = blue_green();
    world.deployments.clear();
    world.hooks = vec![patient(Stage::PostScaleUp)];
    world.update(false);
    story(&mut world, 4);
    assert_eq!(stage(&world, 'B'), Some(Stage::PostScaleUp));
    assert!(!world.is_steady());
    answer(&mut world, 'B', PauseStatus::Succeeded);
    story(&mut world, 2);
    assert!(world.is_steady());
}

#[test]
fn bg05_tasks_that_fell_ill_during_a_pause_get_no_traffic() {
    let (mut world, _) = held(vec![patient(Stage::PostScaleUp)]);
    let ill = world.live('B')[0];
    world.end_task(ill, StopCode::EssentialContainerExited);
    answer(&mut world, 'B', PauseStatus::Succeeded);
    assert_eq!(
        story(&mut world, 2),
        ["0: start 1 of B", "1: 1000 of 1000 and test to B"]
    );
}

#[test]
fn s10_a_service_that_is_deleted_waits_for_nobody() {
    let (mut world, _) = held(vec![patient(Stage::PreScaleUp)]);
    world.service.status = ServiceStatus::Draining;
    story(&mut world, 2);
    assert_eq!(waiting(&world), []);
}

/// Pauses that somebody could still answer.
fn waiting(world: &World) -> Vec<Stage> {
    let pauses = world.deployments.iter().flat_map(|deployment| &deployment.pauses);
    let waiting = pauses.filter(|pause| pause.status == PauseStatus::AwaitingAction);
    waiting.map(|pause| pause.stage).collect()
}
