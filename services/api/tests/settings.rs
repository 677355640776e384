//! Account settings: AC-01, AC-02, W-11.
#![allow(clippy::unwrap_used)]

use aws_model::Operation;
use aws_model::ecs::ops as model;
use serde_json::{Value, json};
use test_support::TestApi;

const ROOT: &str = "arn:aws:iam::000000000000:root";
const ALICE: &str = "arn:aws:iam::000000000000:user/alice";

async fn effective(api: &TestApi, name: &str) -> (String, String) {
    let reply = api
        .ok(
            "ListAccountSettings",
            json!({"effectiveSettings": true, "name": name}),
        )
        .await;
    assert_eq!(reply["settings"].as_array().unwrap().len(), 1);
    let text = |member: &str| reply["settings"][0][member].as_str().unwrap().to_owned();
    (text("value"), text("principalArn"))
}

async fn put(api: &TestApi, value: &str) {
    api.ok(
        "PutAccountSetting",
        json!({"name": "containerInsights", "value": value}),
    )
    .await;
}

#[tokio::test]
async fn ac01_own_value_then_the_accounts_default_then_the_services() {
    let root = TestApi::new().await;
    for (api, own) in [(&root.as_principal("user/alice"), ALICE), (&root, ROOT)] {
        assert_eq!(
            effective(api, "containerInsights").await,
            ("disabled".to_owned(), ROOT.to_owned())
        );
        let default = json!({"name": "containerInsights", "value": "enabled"});
        let reply = api.ok("PutAccountSettingDefault", default).await;
        let expected =
            json!({"name": "containerInsights", "value": "enabled", "principalArn": ROOT, "type": "user"});
        assert_eq!(reply["setting"], expected);
        assert_eq!(
            effective(api, "containerInsights").await,
            ("enabled".to_owned(), ROOT.to_owned())
        );
        put(api, "enhanced").await;
        assert_eq!(
            effective(api, "containerInsights").await,
            ("enhanced".to_owned(), own.to_owned())
        );
        let reply = api
            .ok("DeleteAccountSetting", json!({"name": "containerInsights"}))
            .await;
        assert_eq!(reply["setting"]["value"], "enabled", "what holds from now on");
        assert_eq!(
            effective(api, "containerInsights").await,
            ("enabled".to_owned(), ROOT.to_owned())
        );
        root.ok(
            "DeleteAccountSetting",
            json!({"name": "containerInsights", "principalArn": ROOT}),
        )
        .await;
    }
}

#[tokio::test]
async fn ac01_only_explicit_settings_are_listed_unless_the_effective_ones_are_asked_for() {
    let root = TestApi::new().await;
    let alice = root.as_principal("user/alice");
    let listed = async |api: &TestApi| api.ok("ListAccountSettings", json!({})).await["settings"].clone();
    assert_eq!(listed(&root).await, json!([]));
    root.ok(
        "PutAccountSettingDefault",
        json!({"name": "awsvpcTrunking", "value": "enabled"}),
    )
    .await;
    put(&alice, "enabled").await;
    let of = |name: &str, principal: &str| json!([{"name": name, "value": "enabled", "principalArn": principal, "type": "user"}]);
    assert_eq!(listed(&root).await, of("awsvpcTrunking", ROOT));
    assert_eq!(listed(&alice).await, of("containerInsights", ALICE));
    assert_eq!(
        listed(&root.elsewhere("111111111111", "us-east-1")).await,
        json!([])
    );
    assert_eq!(
        listed(&root.elsewhere("000000000000", "eu-west-1")).await,
        json!([])
    );
}

#[tokio::test]
async fn ac01_only_root_works_for_other_principals() {
    let root = TestApi::new().await;
    let alice = root.as_principal("user/alice");
    let for_alice = json!({"name": "containerInsights", "value": "enabled", "principalArn": ALICE});
    let reply = root.ok("PutAccountSetting", for_alice.clone()).await;
    assert_eq!(reply["setting"]["principalArn"], ALICE);
    assert_eq!(
        effective(&alice, "containerInsights").await,
        ("enabled".to_owned(), ALICE.to_owned())
    );
    assert_eq!(effective(&root, "containerInsights").await.0, "disabled");
    alice.ok("PutAccountSetting", for_alice).await;
    let bob = "arn:aws:iam::000000000000:user/bob";
    for (operation, body) in [
        (
            "PutAccountSetting",
            json!({"name": "containerInsights", "value": "enabled", "principalArn": bob}),
        ),
        (
            "DeleteAccountSetting",
            json!({"name": "containerInsights", "principalArn": bob}),
        ),
        ("ListAccountSettings", json!({"principalArn": ROOT})),
    ] {
        assert_eq!(
            alice.refused(operation, body).await.code,
            "AccessDeniedException",
            "{operation}"
        );
    }
    for stranger in [
        "alice",
        "arn:aws:iam::111111111111:user/x",
        "arn:aws:iam::000000000000:user/",
        "arn:aws:ecs:us-east-1:000000000000:cluster/x",
    ] {
        let body = json!({"name": "containerInsights", "value": "enabled", "principalArn": stranger});
        assert_eq!(
            root.refused("PutAccountSetting", body).await.code,
            "InvalidParameterException",
            "{stranger}"
        );
    }
}

#[tokio::test]
async fn ac01_root_named_as_principal_is_the_whole_account() {
    let root = TestApi::new().await;
    root.ok(
        "PutAccountSetting",
        json!({"name": "containerInsights", "value": "enabled", "principalArn": ROOT}),
    )
    .await;
    assert_eq!(
        effective(&root.as_principal("role/deploy"), "containerInsights")
            .await
            .0,
        "enabled"
    );
}

#[tokio::test]
async fn ac02_names_have_their_values() {
    let api = TestApi::new().await;
    let values: [(&str, &[&str], &[&str]); 11] = [
        ("serviceLongArnFormat", &["enabled"], &["disabled", "on"]),
        ("taskLongArnFormat", &["enabled"], &["disabled"]),
        ("containerInstanceLongArnFormat", &["enabled"], &["disabled"]),
        ("awsvpcTrunking", &["enabled", "disabled"], &["enhanced"]),
        (
            "containerInsights",
            &["enabled", "disabled", "enhanced"],
            &["on", ""],
        ),
        ("fargateFIPSMode", &["enabled", "disabled"], &["on"]),
        ("tagResourceAuthorization", &["on", "off"], &["enabled"]),
        (
            "fargateTaskRetirementWaitPeriod",
            &["0", "7", "14"],
            &["1", "enabled"],
        ),
        ("fargateEventWindows", &["enabled", "disabled"], &["on"]),
        ("guardDutyActivate", &[], &["on", "off"]),
        ("defaultLogDriverMode", &["blocking", "non-blocking"], &["fast"]),
    ];
    for (name, good, bad) in values {
        for operation in ["PutAccountSetting", "PutAccountSettingDefault"] {
            for value in good {
                let reply = api.ok(operation, json!({"name": name, "value": value})).await;
                assert_eq!(
                    (&reply["setting"]["name"], &reply["setting"]["value"]),
                    (&json!(name), &json!(value))
                );
            }
            for value in bad {
                let refusal = api
                    .refused(operation, json!({"name": name, "value": value}))
                    .await;
                assert_eq!(refusal.code, "InvalidParameterException", "{name} {value}");
            }
        }
    }
    let alice = api.as_principal("user/alice");
    let waiting = json!({"name": "fargateTaskRetirementWaitPeriod", "value": "0"});
    assert_eq!(
        alice.refused("PutAccountSetting", waiting).await.code,
        "InvalidParameterException",
        "root only"
    );
    let guard_duty = api
        .ok(
            "ListAccountSettings",
            json!({"effectiveSettings": true, "name": "guardDutyActivate"}),
        )
        .await;
    assert_eq!(guard_duty["settings"][0]["type"], "aws_managed");
    assert_eq!(
        api.refused("DeleteAccountSetting", json!({"name": "guardDutyActivate"}))
            .await
            .code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn w11_settings_come_ten_at_a_time() {
    let api = TestApi::new().await;
    let names = |reply: &Value| -> Vec<String> {
        reply["settings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = api
        .ok("ListAccountSettings", json!({"effectiveSettings": true}))
        .await;
    let mut seen = names(&first);
    assert_eq!(seen.len(), 10);
    let rest = json!({"effectiveSettings": true, "nextToken": first["nextToken"]});
    let second = api.ok("ListAccountSettings", rest).await;
    assert!(second.get("nextToken").is_none());
    seen.extend(names(&second));
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (11, &sorted));
    for (body, count) in [
        (json!({"effectiveSettings": true, "maxResults": 100}), 11),
        (
            json!({"effectiveSettings": true, "name": "containerInsights", "value": "disabled"}),
            1,
        ),
        (
            json!({"effectiveSettings": true, "name": "containerInsights", "value": "enabled"}),
            0,
        ),
        (json!({"name": "containerInsights"}), 0),
    ] {
        assert_eq!(
            names(&api.ok("ListAccountSettings", body.clone()).await).len(),
            count,
            "{body}"
        );
    }
    for body in [
        json!({"value": "enabled"}),
        json!({"name": "containerInsights", "value": "on"}),
        json!({"maxResults": 0}),
        json!({"nextToken": "x"}),
    ] {
        assert_eq!(
            api.refused("ListAccountSettings", body).await.code,
            "InvalidParameterException"
        );
    }
}

#[tokio::test]
async fn malformed_requests_about_settings_are_refused_and_nothing_changes() {
    let api = TestApi::new().await;
    put(&api, "enhanced").await;
    let one = json!({"name": "containerInsights", "value": "enabled", "principalArn": ROOT});
    let list = json!({"name": "containerInsights", "value": "enhanced", "principalArn": ROOT, "effectiveSettings": true, "maxResults": 5});
    let cases = [
        (
            model::PutAccountSetting::NAME,
            model::PutAccountSetting::INPUT,
            &one,
        ),
        (
            model::PutAccountSettingDefault::NAME,
            model::PutAccountSettingDefault::INPUT,
            &one,
        ),
        (
            model::DeleteAccountSetting::NAME,
            model::DeleteAccountSetting::INPUT,
            &one,
        ),
        (
            model::ListAccountSettings::NAME,
            model::ListAccountSettings::INPUT,
            &list,
        ),
    ];
    for (operation, shape, valid) in cases {
        for (name, body) in aws_model::malformed::cases(shape, valid) {
            match api.call_raw(operation, &body).await {
                Ok(reply) => panic!("{operation} {name}: answered {reply}"),
                Err(refusal) => assert!(!refusal.is_fault(), "{operation} {name}: {}", refusal.message),
            }
        }
    }
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT principal, name, value FROM account_settings")
            .fetch_all(api.db().pool())
            .await
            .unwrap();
    assert_eq!(
        rows,
        [(
            ROOT.to_owned(),
            "containerInsights".to_owned(),
            "enhanced".to_owned()
        )]
    );
}
