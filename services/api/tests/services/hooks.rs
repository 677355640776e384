//! `lifecycleHooks` and ContinueServiceDeployment (BG-20 to BG-22). That deployments wait is tested with the scheduler, in `reconcilers`.

use chrono::TimeDelta;
use kit::Clock;
use serde_json::{Value, json};
use test_support::TestApi;

use super::{body, created, server};

const STAGES: [&str; 6] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

fn blue_green(hooks: Value) -> Value {
    json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "lifecycleHooks": hooks}})
}

fn pause(stage: &str) -> Value {
    json!({"targetType": "PAUSE", "lifecycleStages": [stage]})
}

/// Arn of the newest service deployment of `web`.
async fn deployment(api: &TestApi) -> Value {
    let listed = api.ok("ListServiceDeployments", json!({"service": "web"})).await;
    listed["serviceDeployments"][0]["serviceDeploymentArn"].clone()
}

async fn described(api: &TestApi, arn: &Value) -> Value {
    let told = api
        .ok(
            "DescribeServiceDeployments",
            json!({"serviceDeploymentArns": [arn]}),
        )
        .await;
    told["serviceDeployments"][0].clone()
}

/// Lets the newest service deployment wait for a hook for ten minutes from now, as the scheduler does.
async fn waiting(api: &TestApi, id: &str) {
    let now = api.clock().now();
    sqlx::query(
        "INSERT INTO lifecycle_hooks (id, service_deployment_id, place, stage, share, status, timeout_action, expires_at, created_at) \
         SELECT $1, id, (SELECT count(*) FROM lifecycle_hooks), 'PRE_SCALE_UP', 0, 'AWAITING_ACTION', 'ROLLBACK', $2, $3 \
         FROM service_deployments ORDER BY ordinal DESC LIMIT 1",
    )
    .bind(id)
    .bind(now + TimeDelta::minutes(10))
    .bind(now)
    .execute(api.db().pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn bg21_hooks_are_kept_and_shown_as_they_were_given() {
    let api = server().await;
    let hooks = json!([
        {"targetType": "PAUSE", "lifecycleStages": STAGES},
        {
            "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"], "hookDetails": {"who": ["ops", 1.5, null]},
            "timeoutConfiguration": {"timeoutInMinutes": 20160, "action": "CONTINUE"}
        },
        {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"], "timeoutConfiguration": {"timeoutInMinutes": 1}}
    ]);
    let service = created(&api, blue_green(hooks.clone())).await;
    assert_eq!(service["deploymentConfiguration"]["lifecycleHooks"], hooks);
    let told = api.ok("DescribeServices", json!({"services": ["web"]})).await;
    assert_eq!(
        told["services"][0]["deploymentConfiguration"]["lifecycleHooks"],
        hooks
    );
    let told = described(&api, &deployment(&api).await).await;
    assert_eq!(told["deploymentConfiguration"]["lifecycleHooks"], hooks);
    assert_eq!(told["lifecycleHookDetails"], json!([]), "bg22");

    let update = async |configuration: Value| {
        let body = json!({"service": "web", "deploymentConfiguration": configuration});
        let updated = api.ok("UpdateService", body).await;
        updated["service"]["deploymentConfiguration"]["lifecycleHooks"].clone()
    };
    assert_eq!(update(json!({"bakeTimeInMinutes": 6})).await, hooks, "s06");
    let fewer = json!([pause("POST_SCALE_UP")]);
    assert_eq!(update(json!({"lifecycleHooks": fewer})).await, fewer);
    let canary = json!({"strategy": "CANARY"});
    assert_eq!(update(canary).await, fewer);
    assert_eq!(update(json!({"lifecycleHooks": []})).await, json!([]));
    update(json!({"lifecycleHooks": fewer})).await;
    assert_eq!(update(json!({"strategy": "ROLLING"})).await, Value::Null);
    let again = json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1});
    assert_eq!(update(again).await, json!([]));
    let told = described(&api, &deployment(&api).await).await;
    assert_eq!(
        told["deploymentConfiguration"]["lifecycleHooks"], hooks,
        "that of its time"
    );
}

#[tokio::test]
async fn bg20_bg21_hooks_that_cannot_work_are_refused() {
    let api = server().await;
    let eleven: Vec<Value> = (0..11).map(|_| pause("PRE_SCALE_UP")).collect();
    let with = |member: &str, value: Value| {
        let mut hook = pause("PRE_SCALE_UP");
        hook[member] = value;
        json!([hook])
    };
    let shift =
        |stage| format!("The lifecycle stage {stage} does not support lifecycle hooks of type PAUSE.");
    let lambda = "hookTargetArn and roleArn are not valid for lifecycle hooks of type PAUSE.";
    let role = json!("arn:aws:iam::000000000000:role/hook");
    let table = [
        (
            json!(eleven),
            "A service can have at most 10 lifecycle hooks of type PAUSE.".to_owned(),
        ),
        (json!([pause("TEST_TRAFFIC_SHIFT")]), shift("TEST_TRAFFIC_SHIFT")),
        (
            json!([pause("PRODUCTION_TRAFFIC_SHIFT")]),
            shift("PRODUCTION_TRAFFIC_SHIFT"),
        ),
        (
            with("lifecycleStages", json!([])),
            "lifecycleStages is required for lifecycle hooks.".to_owned(),
        ),
        (
            json!([{"targetType": "PAUSE"}]),
            "lifecycleStages is required for lifecycle hooks.".to_owned(),
        ),
        (
            with("hookTargetArn", json!("arn:aws:lambda:us-east-1:0:function:f")),
            lambda.to_owned(),
        ),
        (with("roleArn", role), lambda.to_owned()),
        (
            with("hookDetails", json!({"a": ["\u{0}"]})),
            "hookDetails must not contain the character U+0000.".to_owned(),
        ),
    ];
    for (hooks, message) in table {
        let refusal = api.refused("CreateService", body(blue_green(hooks))).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message),
            ("InvalidParameterException", message)
        );
    }
    // What the model rules out.
    for hooks in [
        json!([pause("SCALE_UP")]),
        json!([pause("BAKE_TIME")]),
        json!([pause("CLEAN_UP")]),
        with("timeoutConfiguration", json!({"timeoutInMinutes": 0})),
        with("timeoutConfiguration", json!({"timeoutInMinutes": 20161})),
        with("timeoutConfiguration", json!({"action": "STOP"})),
        with("targetType", json!("HTTP")),
    ] {
        let refusal = api
            .refused("CreateService", body(blue_green(hooks.clone())))
            .await;
        assert!(!refusal.is_fault(), "{hooks}: {}", refusal.message);
    }
    let refusal = api
        .refused(
            "CreateService",
            body(json!({"deploymentConfiguration": {"lifecycleHooks": [pause("PRE_SCALE_UP")]}})),
        )
        .await;
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        (
            "InvalidParameterException",
            "lifecycleHooks is only valid with the BLUE_GREEN, LINEAR and CANARY deployment strategies."
        )
    );
    let hooks =
        json!([{"targetType": "AWS_LAMBDA", "hookTargetArn": "x", "lifecycleStages": ["PRE_SCALE_UP"]}]);
    let refusal = api.refused("CreateService", body(blue_green(hooks))).await;
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        (
            "UnsupportedFeatureException",
            "deploymentConfiguration.lifecycleHooks of targetType AWS_LAMBDA is not supported by this version of Berth yet."
        )
    );
}

#[tokio::test]
async fn bg21_a_wait_ends_once_and_in_time() {
    let api = server().await;
    created(&api, blue_green(json!([pause("PRE_SCALE_UP")]))).await;
    let arn = deployment(&api).await;
    for id in ["ecs-pause-a", "ecs-pause-b", "ecs-pause-c"] {
        waiting(&api, id).await;
    }
    let expires = api.clock().now() + TimeDelta::minutes(10);
    let told = described(&api, &arn).await["lifecycleHookDetails"].clone();
    assert_eq!(told.as_array().unwrap().len(), 3);
    assert_eq!(
        told[0],
        json!({
            "hookId": "ecs-pause-a", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK",
            "expiresAt": told[0]["expiresAt"]
        })
    );
    let at = told[0]["expiresAt"].as_f64().unwrap();
    assert!((at - expires.timestamp_millis() as f64 / 1000.0).abs() < 1.0);

    let answer = |id: &str| json!({"serviceDeploymentArn": arn, "hookId": id});
    let rollback = json!({"serviceDeploymentArn": arn, "hookId": "ecs-pause-b", "action": "ROLLBACK"});
    let answered = api.ok("ContinueServiceDeployment", answer("ecs-pause-a")).await;
    assert_eq!(answered, json!({"serviceDeploymentArn": arn}));
    api.ok("ContinueServiceDeployment", rollback.clone()).await;
    api.clock().advance(TimeDelta::minutes(10));
    // Twice, otherwise than before, and too late.
    for body in [
        answer("ecs-pause-a"),
        rollback,
        answer("ecs-pause-b"),
        answer("ecs-pause-c"),
    ] {
        let message = format!(
            "The lifecycle hook {} is not awaiting an action.",
            body["hookId"].as_str().unwrap()
        );
        let refusal = api.refused("ContinueServiceDeployment", body).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message),
            ("InvalidParameterException", message)
        );
    }
    let told = described(&api, &arn).await["lifecycleHookDetails"].clone();
    let statuses: Vec<&Value> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|hook| &hook["status"])
        .collect();
    assert_eq!(statuses, ["SUCCEEDED", "FAILED", "AWAITING_ACTION"]);
}

#[tokio::test]
async fn bg21_what_does_not_wait_cannot_be_continued() {
    let api = server().await;
    created(&api, blue_green(json!([pause("PRE_SCALE_UP")]))).await;
    let first = deployment(&api).await;
    waiting(&api, "ecs-pause-a").await;
    let unknown = first.as_str().unwrap().replace("/web/", "/other/");
    let elsewhere = first.as_str().unwrap().replace("us-east-1", "eu-west-1");
    let another = format!("{}x", first.as_str().unwrap());
    let answer = |arn: &Value, id: &str| json!({"serviceDeploymentArn": arn, "hookId": id});
    let table = [
        (
            answer(&json!(unknown), "ecs-pause-a"),
            "ServiceDeploymentNotFoundException",
        ),
        (
            answer(&json!(elsewhere), "ecs-pause-a"),
            "ServiceDeploymentNotFoundException",
        ),
        (
            answer(&json!(another), "ecs-pause-a"),
            "ServiceDeploymentNotFoundException",
        ),
        (answer(&json!("web"), "ecs-pause-a"), "InvalidParameterException"),
        (answer(&first, "ecs-pause-b"), "InvalidParameterException"),
        (answer(&first, ""), "InvalidParameterException"),
    ];
    for (body, code) in table {
        let refusal = api.refused("ContinueServiceDeployment", body.clone()).await;
        assert_eq!(refusal.code, code, "{body}: {}", refusal.message);
    }
    // A newer deployment has taken its place.
    api.ok(
        "UpdateService",
        json!({"service": "web", "forceNewDeployment": true}),
    )
    .await;
    let refusal = api
        .refused("ContinueServiceDeployment", answer(&first, "ecs-pause-a"))
        .await;
    assert_eq!(
        refusal.message,
        "The lifecycle hook ecs-pause-a is not awaiting an action."
    );
    // One that is told to stop, and one whose service goes.
    let second = deployment(&api).await;
    waiting(&api, "ecs-pause-c").await;
    let foreign = api
        .refused("ContinueServiceDeployment", answer(&second, "ecs-pause-a"))
        .await;
    assert_eq!(
        foreign.message,
        "The lifecycle hook ecs-pause-a does not belong to this service deployment."
    );
    api.ok("StopServiceDeployment", json!({"serviceDeploymentArn": second}))
        .await;
    let refusal = api
        .refused("ContinueServiceDeployment", answer(&second, "ecs-pause-c"))
        .await;
    assert_eq!(refusal.code, "InvalidParameterException");
    api.ok(
        "UpdateService",
        json!({"service": "web", "forceNewDeployment": true}),
    )
    .await;
    let third = deployment(&api).await;
    waiting(&api, "ecs-pause-d").await;
    api.ok("DeleteService", json!({"service": "web", "force": true}))
        .await;
    let refusal = api
        .refused("ContinueServiceDeployment", answer(&third, "ecs-pause-d"))
        .await;
    assert_eq!(refusal.code, "InvalidParameterException");
}
