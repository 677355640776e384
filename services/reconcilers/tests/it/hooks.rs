//! Deployments that wait for PAUSE hooks, and what becomes of them (section 14).

use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use kit::Random;
use reconcilers::driver::Reconciler;
use reconcilers::service_scheduler::ServiceScheduler;
use serde_json::{Value, json};

use crate::lab::{config, messages, surroundings};
use crate::shifting::Shifting;

fn pause(stages: &[&str]) -> Value {
    json!({"targetType": "PAUSE", "lifecycleStages": stages})
}

fn pause_until(stage: &str, minutes: u32, action: &str) -> Value {
    let timeout = json!({"timeoutInMinutes": minutes, "action": action});
    json!({"targetType": "PAUSE", "lifecycleStages": [stage], "timeoutConfiguration": timeout})
}

/// A steady blue/green service of `web:3`, and a deployment of `web:4` that has these hooks.
async fn updated(hooks: Value) -> Shifting {
    let service = Shifting::tested(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0})).await;
    let configuration = json!({"lifecycleHooks": hooks});
    let update = json!({"taskDefinition": "web:4", "deploymentConfiguration": configuration});
    service.world.lab.update(update).await;
    service
}

/// The hooks of the newest service deployment when `count` of them have begun and the last one waits, and the stage that is shown.
async fn until_waiting(service: &Shifting, count: usize) -> (Vec<Value>, Value) {
    service
        .world
        .until("a hook waits", async || {
            let told = service.deployment().await;
            let hooks = told["lifecycleHookDetails"].as_array().unwrap().clone();
            let waits = hooks
                .last()
                .is_some_and(|hook| hook["status"] == "AWAITING_ACTION");
            (hooks.len() == count && waits).then(|| (hooks, told["lifecycleStage"].clone()))
        })
        .await
}

/// A ContinueServiceDeployment about the last hook of the newest service deployment.
async fn answer(service: &Shifting, action: Option<&str>) -> Value {
    let told = service.deployment().await;
    let hook = told["lifecycleHookDetails"].as_array().unwrap().last().unwrap()["hookId"].clone();
    let mut body = json!({"serviceDeploymentArn": told["serviceDeploymentArn"], "hookId": hook});
    if let Some(action) = action {
        body["action"] = json!(action);
    }
    body
}

async fn go_on(service: &Shifting) {
    let body = answer(service, None).await;
    service.world.lab.api.ok("ContinueServiceDeployment", body).await;
}

fn statuses(told: &Value) -> Vec<&str> {
    let hooks = told["lifecycleHookDetails"].as_array().unwrap().iter();
    hooks.map(|hook| hook["status"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bg04_bg21_a_deployment_goes_on_from_stage_to_stage_when_it_is_told_to() {
    let service = updated(json!([pause(&[
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT"
    ])]))
    .await;
    let (hooks, stage) = until_waiting(&service, 1).await;
    assert_eq!(stage, "PRE_SCALE_UP");
    assert!(hooks[0]["hookId"].as_str().unwrap().starts_with("ecs-pause-"));
    assert_eq!(hooks[0]["timeoutAction"], "ROLLBACK");
    assert_eq!(service.world.tasks("RUNNING").await.len(), 1, "nothing of green");
    go_on(&service).await;
    service.healthy_in(1, 1).await;
    assert_eq!(until_waiting(&service, 2).await.1, "POST_SCALE_UP");
    assert_eq!(
        (service.weights().await, service.test_weights().await),
        ([100, 0], [100, 0])
    );
    go_on(&service).await;
    assert_eq!(until_waiting(&service, 3).await.1, "POST_TEST_TRAFFIC_SHIFT");
    assert_eq!(
        (service.weights().await, service.test_weights().await),
        ([100, 0], [0, 100])
    );
    go_on(&service).await;
    assert_eq!(
        until_waiting(&service, 4).await.1,
        "PRODUCTION_TRAFFIC_SHIFT",
        "the API has no word for what comes before it"
    );
    assert_eq!(service.weights().await, [100, 0]);
    go_on(&service).await;
    assert_eq!(
        until_waiting(&service, 5).await.1,
        "POST_PRODUCTION_TRAFFIC_SHIFT"
    );
    assert_eq!(service.weights().await, [0, 100]);
    assert_eq!(service.world.tasks("RUNNING").await.len(), 2, "blue stays");
    go_on(&service).await;
    service.blue_drains().await;
    service.stable_again("the deployment is over").await;
    let told = service.until_status("SUCCESSFUL").await;
    assert_eq!(statuses(&told), ["SUCCEEDED"; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg09_bg21_a_hook_that_is_told_to_roll_back_gives_the_traffic_back() {
    let stage = ["POST_PRODUCTION_TRAFFIC_SHIFT"];
    let service = updated(json!([pause(&stage), pause(&stage)])).await;
    service.healthy_in(1, 1).await;
    let (hooks, _) = until_waiting(&service, 2).await;
    assert_eq!(service.weights().await, [0, 100]);
    let body = answer(&service, Some("ROLLBACK")).await;
    service.world.lab.api.ok("ContinueServiceDeployment", body).await;
    service.until_weights([100, 0]).await;
    let over = service.stable_again("blue is alone again").await;
    let told = service.until_status("ROLLBACK_SUCCESSFUL").await;
    let reason = format!(
        "ECS deployment failed: lifecycle hook {} was told to roll back in stage POST_PRODUCTION_TRAFFIC_SHIFT.",
        hooks[1]["hookId"].as_str().unwrap()
    );
    assert_eq!(told["rollback"]["reason"], json!(reason));
    assert_eq!(
        statuses(&told),
        ["FAILED", "FAILED"],
        "nobody waits for the other one"
    );
    let failed = "deployment failed: a lifecycle hook failed.";
    assert!(messages(&over).iter().any(|message| message.ends_with(failed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn bg21_a_hook_that_nobody_answers_does_what_it_says_when_its_time_is_over() {
    let service = updated(json!([
        pause_until("POST_SCALE_UP", 2, "CONTINUE"),
        pause_until("POST_PRODUCTION_TRAFFIC_SHIFT", 3, "ROLLBACK")
    ]))
    .await;
    service.healthy_in(1, 1).await;
    until_waiting(&service, 1).await;
    service.world.lab.pass(TimeDelta::seconds(119));
    assert_eq!(service.weights().await, [100, 0]);
    // The answer is too late from this moment on, whoever notices first.
    service.world.lab.pass(TimeDelta::seconds(1));
    service.until_weights([0, 100]).await;
    let (hooks, _) = until_waiting(&service, 2).await;
    assert_eq!(hooks[0]["status"], "TIMED_OUT");
    let late = answer(&service, None).await;
    service.world.lab.pass(TimeDelta::minutes(3));
    let refusal = service
        .world
        .lab
        .api
        .refused("ContinueServiceDeployment", late)
        .await;
    assert_eq!(refusal.code, "InvalidParameterException");
    service.until_weights([100, 0]).await;
    service.stable_again("blue is alone again").await;
    let told = service.until_status("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(statuses(&told), ["TIMED_OUT", "TIMED_OUT"]);
}

/// Schedulers of many servers look at the service at the same time; most of them are cut off somewhere.
async fn looks_that_are_cut_off(service: &Shifting, random: &Random) {
    let api = &service.world.lab.api;
    let id = store::services::sweep::live(&api.db()).await.unwrap()[0];
    for _ in 0..6 {
        let schedulers: Vec<_> = (0..6)
            .map(|_| ServiceScheduler::new(&surroundings(api, config())))
            .collect();
        let looks = schedulers.iter().map(|scheduler| {
            let cut = Duration::from_micros(random.below(20_000) as u64);
            tokio::time::timeout(cut, scheduler.reconcile(id))
        });
        for look in join_all(looks).await {
            let _ = look.map(Result::unwrap);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bg06_bg21_with_servers_that_die_and_doubled_answers_each_step_is_one_wait() {
    let linear = json!({"stepPercent": 50.0, "stepBakeTimeInMinutes": 1});
    let service = Shifting::steady(
        json!({"strategy": "LINEAR", "bakeTimeInMinutes": 60, "linearConfiguration": linear}),
    )
    .await;
    let lab = &service.world.lab;
    let random = Random::seeded(21);
    let hook = pause(&["PRE_PRODUCTION_TRAFFIC_SHIFT"]);
    let configuration = json!({"lifecycleHooks": [hook, hook]});
    lab.update(json!({"taskDefinition": "web:4", "deploymentConfiguration": configuration}))
        .await;
    service.healthy_in(1, 1).await;
    let mut before = [100, 0];
    for (step, after) in [(1, [500, 500]), (2, [0, 100])] {
        looks_that_are_cut_off(&service, &random).await;
        for hook in until_waiting(&service, 2 * step).await.0.split_off(2 * step - 2) {
            assert_eq!(service.weights().await, before);
            let mut body = answer(&service, None).await;
            body["hookId"] = hook["hookId"].clone();
            let answers = (0..4).map(|_| lab.api.call("ContinueServiceDeployment", body.clone()));
            let (answers, ()) = futures::join!(join_all(answers), looks_that_are_cut_off(&service, &random));
            assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        }
        service.until_weights(after).await;
        before = after;
        lab.pass(TimeDelta::minutes(1));
    }
    let told = service
        .world
        .until("it bakes", async || {
            Some(service.deployment().await).filter(|told| told["lifecycleStage"] == "BAKE_TIME")
        })
        .await;
    assert_eq!(statuses(&told), ["SUCCEEDED"; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sd03_sd05_a_deployment_that_waits_can_be_stopped_and_overtaken() {
    let service = updated(json!([pause(&["PRE_SCALE_UP"])])).await;
    until_waiting(&service, 1).await;
    let api = &service.world.lab.api;
    let arn = service.deployment().await["serviceDeploymentArn"].clone();
    api.ok("StopServiceDeployment", json!({"serviceDeploymentArn": arn}))
        .await;
    let told = service.until_status("ROLLBACK_SUCCESSFUL").await;
    assert_eq!(statuses(&told), ["FAILED"]);
    assert_eq!(service.weights().await, [100, 0]);

    service.world.lab.update(json!({"taskDefinition": "web:4"})).await;
    until_waiting(&service, 1).await;
    let arn = service.deployment().await["serviceDeploymentArn"].clone();
    service
        .world
        .lab
        .update(json!({"forceNewDeployment": true}))
        .await;
    let body = json!({"serviceDeploymentArns": [arn]});
    service
        .world
        .until("nobody waits for the first one", async || {
            let told = api.ok("DescribeServiceDeployments", body.clone()).await;
            let told = &told["serviceDeployments"][0];
            (told["status"] == "STOPPED" && statuses(told) == ["FAILED"]).then_some(())
        })
        .await;
    until_waiting(&service, 1).await;
}
