//! Revisions, references and states (TD-01 to TD-07).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{register, web};

async fn family(api: &TestApi, name: &str) -> Value {
    register(api, web(json!({"family": name}), json!({}))).await
}

fn arn(rest: &str) -> String {
    format!("arn:aws:ecs:us-east-1:000000000000:task-definition/{rest}")
}

#[tokio::test]
async fn td01_each_registration_makes_the_next_revision_and_numbers_are_never_reused() {
    let api = TestApi::new().await;
    for revision in 1..=3 {
        assert_eq!(family(&api, "web").await["revision"], revision);
    }
    assert_eq!(family(&api, "other").await["revision"], 1);
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:3"}))
        .await;
    api.ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:3"]}))
        .await;
    assert_eq!(store::task_definitions::purge(&api.db(), 10).await.unwrap(), 1);
    assert_eq!(family(&api, "web").await["revision"], 4);
    assert_eq!(
        family(&api.elsewhere("111111111111", "us-east-1"), "web").await["revision"],
        1
    );
    assert_eq!(
        family(&api.elsewhere("000000000000", "eu-west-1"), "web").await["revision"],
        1
    );
}

#[tokio::test]
async fn td01_a_family_has_at_most_a_million_revisions() {
    let api = TestApi::new().await;
    family(&api, "web").await;
    sqlx::query("UPDATE task_definition_families SET last_revision = 999999")
        .execute(api.db().pool())
        .await
        .unwrap();
    assert_eq!(family(&api, "web").await["revision"], 1_000_000);
    let refusal = api
        .refused("RegisterTaskDefinition", web(json!({}), json!({})))
        .await;
    assert_eq!(refusal.code, "LimitExceededException");
}

#[tokio::test]
async fn td02_a_family_alone_means_its_latest_active_revision() {
    let api = TestApi::new().await;
    for _ in 0..3 {
        family(&api, "web").await;
    }
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:3"}))
        .await;
    for (reference, revision) in [
        ("web".to_owned(), 2),
        ("web:1".to_owned(), 1),
        ("web:3".to_owned(), 3),
        (arn("web:1"), 1),
        (arn("web"), 2),
    ] {
        let shown = api
            .ok("DescribeTaskDefinition", json!({"taskDefinition": reference}))
            .await;
        assert_eq!(shown["taskDefinition"]["revision"], revision, "{reference}");
    }
}

#[tokio::test]
async fn td02_launches_find_active_revisions_only() {
    let api = TestApi::new().await;
    family(&api, "web").await;
    family(&api, "web").await;
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:2"}))
        .await;
    let cx = api.context();
    let find = async |text: &str| api::ecs::task_definition::find_active(&cx, text).await;
    assert_eq!(find("web").await.unwrap().revision, 1);
    assert_eq!(find(&arn("web:1")).await.unwrap().revision, 1);
    let elsewhere = "arn:aws:ecs:us-east-1:111111111111:task-definition/web:1";
    for (text, message) in [
        ("web:2", "TaskDefinition is inactive"),
        ("web:3", "TaskDefinition not found."),
        ("none", "TaskDefinition not found."),
        ("web:x", "TaskDefinition not found."),
        (elsewhere, "TaskDefinition not found."),
    ] {
        let error = find(text).await.unwrap_err();
        assert_eq!(
            (error.code.name(), error.message.as_str()),
            ("ClientException", message),
            "{text}"
        );
    }
}

#[tokio::test]
async fn td03_deregistering_makes_inactive_and_again_changes_nothing() {
    let api = TestApi::new().await;
    family(&api, "web").await;
    let first = api
        .ok(
            "DeregisterTaskDefinition",
            json!({"taskDefinition": arn("web:1")}),
        )
        .await;
    assert_eq!(first["taskDefinition"]["status"], "INACTIVE");
    assert!(first["taskDefinition"]["deregisteredAt"].is_number());
    api.clock().advance(chrono::TimeDelta::hours(1));
    let second = api
        .ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn td04_deleting_tells_what_cannot_be_deleted() {
    let api = TestApi::new().await;
    family(&api, "web").await;
    family(&api, "web").await;
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    let elsewhere = "arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1";
    let asked = json!({"taskDefinitions": ["web:1", "web:2", "web", "no name", "web:9", elsewhere]});
    let reply = api.ok("DeleteTaskDefinitions", asked).await;
    assert_eq!(reply["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert!(reply["taskDefinitions"][0]["deleteRequestedAt"].is_number());
    assert_eq!(reply["taskDefinitions"].as_array().unwrap().len(), 1);
    let active = "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
    let invalid =
        "The specified task definition identifier is invalid. Specify a valid name or ARN and try again.";
    let absent = "The specified task definition does not exist. Specify a valid account, family, revision and try again.";
    let expected = json!([
        {"arn": "web:2", "reason": active, "detail": active},
        {"arn": "web", "reason": invalid, "detail": invalid},
        {"arn": "no name", "reason": invalid, "detail": invalid},
        {"arn": "web:9", "reason": "MISSING", "detail": absent},
        {"arn": elsewhere, "reason": "MISSING", "detail": absent},
    ]);
    assert_eq!(reply["failures"], expected);
}

#[tokio::test]
async fn td04_a_deleted_definition_is_described_by_its_full_id_until_it_is_gone() {
    let api = TestApi::new().await;
    let tagged = web(json!({"tags": [{"key": "team", "value": "web"}]}), json!({}));
    register(&api, tagged).await;
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    api.ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1"]}))
        .await;
    let again = api
        .ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1"]}))
        .await;
    assert_eq!(again["failures"], json!([]));
    let shown = api
        .ok("DescribeTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    assert_eq!(shown["taskDefinition"]["status"], "DELETE_IN_PROGRESS");
    store::task_definitions::purge(&api.db(), 10).await.unwrap();
    for text in ["web:1", "web", "none:1", "web:x", "no name"] {
        let refusal = api
            .refused("DescribeTaskDefinition", json!({"taskDefinition": text}))
            .await;
        let expected = ("ClientException", "Unable to describe task definition.");
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            expected,
            "{text}"
        );
    }
    let tags: i64 = sqlx::query_scalar("SELECT count(*) FROM tags")
        .fetch_one(api.db().pool())
        .await
        .unwrap();
    assert_eq!(tags, 0, "tags go with their resource");
}

#[tokio::test]
async fn td03_at_most_ten_definitions_are_deleted_in_one_call() {
    let api = TestApi::new().await;
    let eleven: Vec<String> = (1..=11).map(|n| format!("web:{n}")).collect();
    for list in [json!([]), json!(eleven)] {
        let refusal = api
            .refused("DeleteTaskDefinitions", json!({"taskDefinitions": list}))
            .await;
        assert_eq!(refusal.code, "InvalidParameterException");
    }
}

#[tokio::test]
async fn td05_deregistering_needs_a_revision() {
    let api = TestApi::new().await;
    family(&api, "web").await;
    for (text, code, message) in [
        ("web", "ClientException", "Revision is missing."),
        (
            "web:foo",
            "InvalidParameterException",
            "Invalid revision number. Number: foo",
        ),
        (
            "web:2",
            "ClientException",
            "The specified task definition does not exist.",
        ),
        (
            "no name",
            "ClientException",
            "Invalid task definition identifier.",
        ),
    ] {
        let refusal = api
            .refused("DeregisterTaskDefinition", json!({"taskDefinition": text}))
            .await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            (code, message),
            "{text}"
        );
    }
}

#[tokio::test]
async fn td06_definitions_are_listed_by_family_then_number() {
    let api = TestApi::new().await;
    for (name, count) in [("web", 11), ("web-b", 1), ("Web", 1)] {
        for _ in 0..count {
            family(&api, name).await;
        }
    }
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    let list = async |body: Value| -> Vec<String> {
        let reply = api.ok("ListTaskDefinitions", body).await;
        let arns: Vec<String> = serde_json::from_value(reply["taskDefinitionArns"].clone()).unwrap();
        arns.iter()
            .map(|arn| arn.rsplit('/').next().unwrap().to_owned())
            .collect()
    };
    let mut expected: Vec<String> = vec!["Web:1".to_owned()];
    expected.extend((2..=11).map(|n| format!("web:{n}")));
    expected.push("web-b:1".to_owned());
    assert_eq!(list(json!({})).await, expected);
    expected.reverse();
    assert_eq!(list(json!({"sort": "DESC"})).await, expected);
    assert_eq!(
        list(json!({"familyPrefix": "web", "status": "INACTIVE"})).await,
        ["web:1"]
    );
    assert_eq!(
        list(json!({"familyPrefix": "web"})).await.len(),
        10,
        "familyPrefix is a whole family"
    );
    assert_eq!(list(json!({"familyPrefix": "we"})).await, Vec::<String>::new());
}

#[tokio::test]
async fn w11_lists_of_definitions_come_in_pages_both_ways() {
    let api = TestApi::new().await;
    for name in ["a", "b", "a", "c", "a"] {
        family(&api, name).await;
    }
    for (sort, expected) in [
        ("ASC", ["a:1", "a:2", "a:3", "b:1", "c:1"]),
        ("DESC", ["c:1", "b:1", "a:3", "a:2", "a:1"]),
    ] {
        let (mut seen, mut body) = (Vec::new(), json!({"maxResults": 2, "sort": sort}));
        loop {
            let reply = api.ok("ListTaskDefinitions", body.clone()).await;
            seen.extend(
                reply["taskDefinitionArns"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|arn| arn.as_str().unwrap().to_owned()),
            );
            match reply.get("nextToken") {
                Some(token) => body["nextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(seen, expected.map(arn));
    }
    let refusal = api
        .refused("ListTaskDefinitions", json!({"nextToken": "forged"}))
        .await;
    assert_eq!(refusal.code, "InvalidParameterException");
}

#[tokio::test]
async fn td06_families_are_listed_by_prefix_and_by_having_active_revisions() {
    let api = TestApi::new().await;
    for name in ["web", "web", "web-old", "worker", "gone"] {
        family(&api, name).await;
    }
    for id in ["web:1", "web-old:1", "gone:1"] {
        api.ok("DeregisterTaskDefinition", json!({"taskDefinition": id}))
            .await;
    }
    api.ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["gone:1"]}))
        .await;
    for (body, expected) in [
        (json!({}), json!(["web", "web-old", "worker"])),
        (json!({"status": "ALL"}), json!(["web", "web-old", "worker"])),
        (json!({"status": "ACTIVE"}), json!(["web", "worker"])),
        (json!({"status": "INACTIVE"}), json!(["web-old"])),
        (json!({"familyPrefix": "web"}), json!(["web", "web-old"])),
        (json!({"familyPrefix": "none"}), json!([])),
    ] {
        assert_eq!(
            api.ok("ListTaskDefinitionFamilies", body.clone()).await["families"],
            expected,
            "{body}"
        );
    }
    let first = api
        .ok("ListTaskDefinitionFamilies", json!({"maxResults": 2}))
        .await;
    let rest = json!({"maxResults": 2, "nextToken": first["nextToken"]});
    assert_eq!(
        api.ok("ListTaskDefinitionFamilies", rest).await,
        json!({"families": ["worker"]})
    );
}

#[tokio::test]
async fn td07_an_inactive_definition_is_described_with_the_time_of_its_end() {
    let api = TestApi::new().await;
    family(&api, "web").await;
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    let shown = api
        .ok("DescribeTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    assert_eq!(shown["taskDefinition"]["status"], "INACTIVE");
    assert_eq!(shown["taskDefinition"]["deregisteredAt"], 1_767_225_600);
}
