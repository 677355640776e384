//! Reading, listing, draining and deregistering instances (I-08 to I-13).

use super::*;

#[tokio::test]
async fn w10_missing_instances_are_failures() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let id = arn.rsplit('/').next().unwrap();
    let missing = "a".repeat(32);
    let body = json!({ "cluster": "demo", "containerInstances": [missing, id, arn, "odd"] });
    let reply = api.ok("DescribeContainerInstances", body).await;
    assert_eq!(reply["containerInstances"].as_array().unwrap().len(), 1);
    let reasons: Vec<&Value> = reply["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| &failure["reason"])
        .collect();
    assert_eq!(reasons, ["MISSING", "MISSING"]);
    assert!(text(&reply["failures"][0]["arn"]).ends_with(&format!("container-instance/demo/{missing}")));
    let none = api
        .refused(
            "DescribeContainerInstances",
            json!({ "cluster": "demo", "containerInstances": [] }),
        )
        .await;
    assert_eq!(none.code, "InvalidParameterException");
    let elsewhere = arn.replace("/demo/", "/other/");
    let body = json!({ "cluster": "demo", "containerInstances": [elsewhere] });
    assert_eq!(
        api.refused("DescribeContainerInstances", body).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn tg06_tags_are_shown_when_asked_for_and_go_with_the_instance() {
    let api = world().await;
    let body = with(
        registration(),
        json!({ "tags": [{ "key": "rack", "value": "7" }] }),
    );
    let arn = text(&register(&api, body).await["containerInstanceArn"]);
    assert_eq!(
        describe(&api, &arn).await["tags"],
        json!([{ "key": "rack", "value": "7" }])
    );
    let plain = json!({ "cluster": "demo", "containerInstances": [arn] });
    let reply = api.ok("DescribeContainerInstances", plain).await;
    assert_eq!(reply["containerInstances"][0]["tags"], json!([]));
    api.ok(
        "DeregisterContainerInstance",
        json!({ "cluster": "demo", "containerInstance": arn }),
    )
    .await;
    assert_eq!(describe(&api, &arn).await["tags"], json!([]));
}

#[tokio::test]
async fn i11_lists_are_narrowed_by_status_and_filter_and_paged() {
    let api = world().await;
    let mut arns = Vec::new();
    for n in 0..5 {
        let custom = json!({ "attributes": [{ "name": "rack", "value": format!("r{}", n % 2) }] });
        arns.push(text(
            &register(&api, with(registration(), custom)).await["containerInstanceArn"],
        ));
    }
    arns.sort();
    let list = async |more: Value| {
        api.ok("ListContainerInstances", with(json!({ "cluster": "demo" }), more))
            .await
    };
    assert_eq!(list(json!({})).await["containerInstanceArns"], json!(arns));
    assert_eq!(
        list(json!({ "filter": "attribute:rack == r1" })).await["containerInstanceArns"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        list(json!({ "filter": "runningTasksCount > 0" })).await["containerInstanceArns"],
        json!([])
    );
    for (size, filter) in [
        (2, json!({})),
        (2, json!({ "filter": "not(agentConnected == true)" })),
    ] {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let mut ask = with(filter.clone(), json!({ "maxResults": size }));
            if let Some(token) = &token {
                ask["nextToken"] = json!(token);
            }
            let page = list(ask).await;
            seen.extend(page["containerInstanceArns"].as_array().unwrap().iter().map(text));
            token = page.get("nextToken").map(text);
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, arns);
    }
    let drain = json!({ "cluster": "demo", "containerInstances": [arns[0]], "status": "DRAINING" });
    api.ok("UpdateContainerInstancesState", drain).await;
    assert_eq!(
        list(json!({ "status": "DRAINING" })).await["containerInstanceArns"],
        json!([arns[0]])
    );
    for wrong in [
        json!({ "filter": "rack == " }),
        json!({ "nextToken": "x" }),
        json!({ "maxResults": 101 }),
    ] {
        let refusal = api
            .refused(
                "ListContainerInstances",
                with(json!({ "cluster": "demo" }), wrong),
            )
            .await;
        assert_eq!(refusal.code, "InvalidParameterException");
    }
}

#[tokio::test]
async fn i09_only_active_and_draining_can_be_set() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let set = |status: &str| json!({ "cluster": "demo", "containerInstances": [arn, "b".repeat(32)], "status": status });
    let reply = api.ok("UpdateContainerInstancesState", set("DRAINING")).await;
    assert_eq!(reply["containerInstances"][0]["status"], "DRAINING");
    assert_eq!(reply["failures"][0]["reason"], "MISSING");
    let version = describe(&api, &arn).await["version"].clone();
    api.ok("UpdateContainerInstancesState", set("DRAINING")).await;
    assert_eq!(describe(&api, &arn).await["version"], version);
    // An agent that registers again does not end the draining.
    register(&api, with(registration(), json!({ "containerInstanceArn": arn }))).await;
    assert_eq!(describe(&api, &arn).await["status"], "DRAINING");
    let reply = api.ok("UpdateContainerInstancesState", set("ACTIVE")).await;
    assert_eq!(reply["containerInstances"][0]["status"], "ACTIVE");
    for refused in [
        set("REGISTERING"),
        json!({ "cluster": "demo", "containerInstances": vec!["x"; 11], "status": "ACTIVE" }),
    ] {
        assert_eq!(
            api.refused("UpdateContainerInstancesState", refused).await.code,
            "InvalidParameterException"
        );
    }
}

#[tokio::test]
async fn i08_deregistration_makes_an_instance_inactive_for_a_while() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let body = json!({ "cluster": "demo", "containerInstance": arn });
    let reply = api.ok("DeregisterContainerInstance", body.clone()).await;
    assert_eq!(reply["containerInstance"]["status"], "INACTIVE");
    assert_eq!(
        api.ok("ListContainerInstances", json!({ "cluster": "demo" }))
            .await["containerInstanceArns"],
        json!([])
    );
    assert_eq!(describe(&api, &arn).await["status"], "INACTIVE");
    api.clock().advance(chrono::TimeDelta::minutes(61));
    assert_eq!(describe(&api, &arn).await, Value::Null);
    assert_eq!(
        api.refused("DeregisterContainerInstance", body).await.code,
        "InvalidParameterException"
    );
    // It may come back under its ARN.
    let back = register(&api, with(registration(), json!({ "containerInstanceArn": arn }))).await;
    assert_eq!(
        json!([back["containerInstanceArn"], back["status"]]),
        json!([arn, "ACTIVE"])
    );
}

#[tokio::test]
async fn i13_there_is_never_an_update_for_agents() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let body = json!({ "cluster": "demo", "containerInstance": arn });
    assert_eq!(
        api.refused("UpdateContainerAgent", body.clone()).await.code,
        "MissingVersionException"
    );
    connect(&api, &arn).await;
    assert_eq!(
        api.refused("UpdateContainerAgent", body).await.code,
        "NoUpdateAvailableException"
    );
    let missing = json!({ "cluster": "demo", "containerInstance": "d".repeat(32) });
    assert_eq!(
        api.refused("UpdateContainerAgent", missing).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn agents_are_sent_to_the_servers_own_address() {
    let api = world().await;
    let reply = api
        .ok(
            "DiscoverPollEndpoint",
            json!({ "containerInstance": "x", "cluster": "demo", "zoneId": "" }),
        )
        .await;
    assert_eq!(
        reply,
        json!({ "endpoint": "http://127.0.0.1:8400/agent/acs", "telemetryEndpoint": "http://127.0.0.1:8400/agent/tcs" })
    );
}
