//! TagResource, UntagResource and ListTagsForResource: TG-01, TG-02, TG-04, TG-06.
#![allow(clippy::unwrap_used)]

use aws_model::Operation;
use aws_model::ecs::ops as model;
use domain::TaskStatus;
use serde_json::{Value, json};
use test_support::{Host, TestApi};

const DEFINITION: &str = "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1";

async fn with_definition() -> TestApi {
    let api = TestApi::new().await;
    let container = json!({"name": "app", "image": "nginx", "memory": 64});
    api.ok(
        "RegisterTaskDefinition",
        json!({"family": "web", "containerDefinitions": [container]}),
    )
    .await;
    api
}

fn tags(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

async fn tag(api: &TestApi, arn: &str, pairs: &[(&str, &str)]) {
    let reply = api
        .ok("TagResource", json!({"resourceArn": arn, "tags": tags(pairs)}))
        .await;
    assert_eq!(reply, json!({}));
}

async fn listed(api: &TestApi, arn: &str) -> Value {
    api.ok("ListTagsForResource", json!({"resourceArn": arn})).await["tags"].clone()
}

#[tokio::test]
async fn tg01_tags_are_set_overwritten_and_taken_away() {
    let api = with_definition().await;
    assert_eq!(listed(&api, DEFINITION).await, json!([]));
    tag(
        &api,
        DEFINITION,
        &[
            ("team", "web"),
            ("Team", ""),
            ("cost/center", "a b+c=d.e_f:g/h@i-1"),
        ],
    )
    .await;
    tag(&api, DEFINITION, &[("team", "api")]).await;
    let expected = tags(&[
        ("Team", ""),
        ("cost/center", "a b+c=d.e_f:g/h@i-1"),
        ("team", "api"),
    ]);
    let mut shown = listed(&api, DEFINITION).await;
    shown
        .as_array_mut()
        .unwrap()
        .sort_by_key(|tag| tag["key"].as_str().unwrap().to_owned());
    assert_eq!(shown, expected);
    let keys = json!({"resourceArn": DEFINITION, "tagKeys": ["Team", "cost/center", "never-there"]});
    assert_eq!(api.ok("UntagResource", keys).await, json!({}));
    assert_eq!(listed(&api, DEFINITION).await, tags(&[("team", "api")]));
}

#[tokio::test]
async fn tg01_bad_tags_are_refused_and_nothing_changes() {
    let api = with_definition().await;
    let long_key = "k".repeat(129);
    let long_value = "v".repeat(257);
    let bad: Vec<Value> = vec![
        tags(&[("", "x")]),
        tags(&[("aws:x", "x")]),
        tags(&[("AWS:x", "x")]),
        tags(&[("a*", "x")]),
        tags(&[("a", "*")]),
        tags(&[(&long_key, "x")]),
        tags(&[("a", &long_value)]),
        tags(&[("a", "1"), ("a", "2")]),
        (0..51)
            .map(|n| json!({"key": format!("k{n}"), "value": ""}))
            .collect(),
    ];
    for tags in bad {
        let refusal = api
            .refused("TagResource", json!({"resourceArn": DEFINITION, "tags": tags}))
            .await;
        assert_eq!(refusal.code, "InvalidParameterException", "{tags}");
    }
    for key in ["", "aws:x", "a*", &long_key] {
        let refusal = api
            .refused(
                "UntagResource",
                json!({"resourceArn": DEFINITION, "tagKeys": [key]}),
            )
            .await;
        assert_eq!(refusal.code, "InvalidParameterException", "{key}");
    }
    assert_eq!(listed(&api, DEFINITION).await, json!([]));
}

#[tokio::test]
async fn tg01_a_resource_has_at_most_fifty_tags_also_when_many_set_them_at_once() {
    let api = with_definition().await;
    let calls = (0..30).map(|n| {
        let pairs: Vec<Value> = (0..5)
            .map(|m| json!({"key": format!("k{n}-{m}"), "value": ""}))
            .collect();
        api.call("TagResource", json!({"resourceArn": DEFINITION, "tags": pairs}))
    });
    let results = futures::future::join_all(calls).await;
    let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 20);
    assert!(
        refused
            .iter()
            .all(|refusal| refusal.code == "LimitExceededException")
    );
    assert_eq!(listed(&api, DEFINITION).await.as_array().unwrap().len(), 50);
    let known = listed(&api, DEFINITION).await[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    tag(&api, DEFINITION, &[(&known, "overwriting is no further tag")]).await;
}

#[tokio::test]
async fn tg02_every_kind_of_resource_can_have_tags() {
    let api = with_definition().await;
    let cluster = api.ok("CreateCluster", json!({})).await["cluster"]["clusterArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let instance = api.host("default", Host::default()).await;
    let service = json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 0});
    let service = api.ok("CreateService", service).await["service"]["serviceArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let task = api.ok("RunTask", json!({"taskDefinition": "web"})).await["tasks"][0]["taskArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let instance = api.scope().container_instance_arn("default", instance);
    for arn in [&cluster, &instance, &service, &task, &DEFINITION.to_owned()] {
        tag(&api, arn, &[("a", "1"), ("b", "2")]).await;
        api.ok("UntagResource", json!({"resourceArn": arn, "tagKeys": ["b"]}))
            .await;
        assert_eq!(listed(&api, arn).await, tags(&[("a", "1")]), "{arn}");
    }
    let shown = api
        .ok("DescribeTasks", json!({"tasks": [task], "include": ["TAGS"]}))
        .await;
    assert_eq!(shown["tasks"][0]["tags"], tags(&[("a", "1")]));
    let shown = api.ok("DescribeClusters", json!({"include": ["TAGS"]})).await;
    assert_eq!(shown["clusters"][0]["tags"], tags(&[("a", "1")]));
}

#[tokio::test]
async fn tg06_a_stopped_task_has_no_tags_and_gets_none() {
    let api = with_definition().await;
    api.ok("CreateCluster", json!({})).await;
    api.host("default", Host::default()).await;
    let run = json!({"taskDefinition": "web", "tags": tags(&[("a", "1")])});
    let task = api.ok("RunTask", run).await["tasks"][0]["taskArn"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(listed(&api, &task).await, tags(&[("a", "1")]));
    api.report("default", &task, TaskStatus::Stopped, Some(0)).await;
    assert_eq!(listed(&api, &task).await, json!([]));
    let refusal = api
        .refused(
            "TagResource",
            json!({"resourceArn": task, "tags": tags(&[("b", "1")])}),
        )
        .await;
    assert_eq!(refusal.code, "InvalidParameterException");
    assert_eq!(
        refusal.message,
        "The specified task is stopped. Specify a running task and try again."
    );
}

#[tokio::test]
async fn tg02_what_is_not_there_has_no_tags() {
    let api = with_definition().await;
    api.ok("CreateCluster", json!({})).await;
    let id = "0123456789abcdef0123456789abcdef";
    let arn = |rest: &str| format!("arn:aws:ecs:us-east-1:000000000000:{rest}");
    let (absent, no_cluster, invalid) = (
        "ResourceNotFoundException",
        "ClusterNotFoundException",
        "InvalidParameterException",
    );
    let cases = [
        (arn("cluster/none"), no_cluster),
        (arn("service/none/web"), no_cluster),
        (arn("service/default/web"), absent),
        (arn(&format!("task/default/{id}")), absent),
        (arn(&format!("task/none/{id}")), no_cluster),
        (arn(&format!("container-instance/default/{id}")), absent),
        (arn("task-definition/web:2"), absent),
        (arn("task-definition/web"), invalid),
        (arn("capacity-provider/x"), absent),
        (arn("daemon/default/x"), absent),
        (arn("task-set/default/web/ecs-svc/1"), absent),
        (arn("namespace/x"), invalid),
        (arn("cluster/a b"), invalid),
        (arn("task/default/x"), invalid),
        (
            "arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1".to_owned(),
            absent,
        ),
        (
            "arn:aws:ecs:us-east-1:111111111111:cluster/default".to_owned(),
            no_cluster,
        ),
        ("arn:aws:s3:::bucket".to_owned(), invalid),
        ("default".to_owned(), invalid),
        (String::new(), invalid),
    ];
    for (arn, code) in cases {
        let tagging = api
            .refused(
                "TagResource",
                json!({"resourceArn": arn, "tags": tags(&[("a", "b")])}),
            )
            .await;
        assert_eq!(tagging.code, code, "{arn}");
        let untagging = api
            .refused("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a"]}))
            .await;
        assert_eq!(untagging.code, code, "{arn}");
        let listing = api
            .refused("ListTagsForResource", json!({"resourceArn": arn}))
            .await;
        // It has no ResourceNotFoundException.
        assert_eq!(listing.code, if code == absent { invalid } else { code }, "{arn}");
    }
}

/// More calls than there are connections to the database: none of them may wait for a second one.
#[tokio::test]
async fn tg02_many_who_ask_for_what_is_not_there_do_not_wait_for_each_other() {
    let api = with_definition().await;
    let service = "arn:aws:ecs:us-east-1:000000000000:service/none/web";
    let calls = (0..100).map(|_| {
        let body = json!({"resourceArn": service, "tags": tags(&[("a", "b")])});
        api.refused("TagResource", body)
    });
    for refusal in futures::future::join_all(calls).await {
        assert_eq!(refusal.code, "ClusterNotFoundException", "{}", refusal.message);
    }
}

#[tokio::test]
async fn tg02_old_arns_without_a_cluster_cannot_be_tagged() {
    let api = with_definition().await;
    for rest in [
        "service/web",
        "task/0123456789abcdef0123456789abcdef",
        "container-instance/0123456789abcdef0123456789abcdef",
    ] {
        let arn = format!("arn:aws:ecs:us-east-1:000000000000:{rest}");
        let refusal = api
            .refused("TagResource", json!({"resourceArn": arn, "tags": []}))
            .await;
        assert_eq!(refusal.code, "InvalidParameterException");
        assert_eq!(
            refusal.message,
            "Long arn format must be used for tagging operations"
        );
    }
}

#[tokio::test]
async fn malformed_requests_about_tags_are_refused_and_nothing_changes() {
    let api = with_definition().await;
    tag(&api, DEFINITION, &[("a", "b")]).await;
    let cases = [
        (
            model::TagResource::NAME,
            model::TagResource::INPUT,
            json!({"resourceArn": DEFINITION, "tags": tags(&[("c", "d")])}),
        ),
        (
            model::UntagResource::NAME,
            model::UntagResource::INPUT,
            json!({"resourceArn": DEFINITION, "tagKeys": ["a"]}),
        ),
        (
            model::ListTagsForResource::NAME,
            model::ListTagsForResource::INPUT,
            json!({"resourceArn": DEFINITION}),
        ),
    ];
    for (operation, shape, valid) in cases {
        for (name, body) in aws_model::malformed::cases(shape, &valid) {
            match api.call_raw(operation, &body).await {
                Ok(reply) => panic!("{operation} {name}: answered {reply}"),
                Err(refusal) => assert!(!refusal.is_fault(), "{operation} {name}: {}", refusal.message),
            }
        }
    }
    assert_eq!(listed(&api, DEFINITION).await, tags(&[("a", "b")]));
}
