//! CreateService, UpdateService, DeleteService, DescribeServices and ListServices on a database of their own. What the scheduler
//! makes of them is tested with it, in `reconcilers`.

#![allow(clippy::unwrap_used)]

#[path = "services/hooks.rs"]
mod hooks;
#[path = "services/load_balancers.rs"]
mod load_balancers;

use futures::future::join_all;
use serde_json::{Value, json};
use test_support::TestApi;

async fn server() -> TestApi {
    let api = TestApi::new().await;
    api.ok("CreateCluster", json!({})).await;
    for _ in 0..2 {
        let container = json!({"name": "app", "image": "app", "memory": 64});
        api.ok(
            "RegisterTaskDefinition",
            json!({"family": "web", "containerDefinitions": [container]}),
        )
        .await;
    }
    api
}

fn body(more: Value) -> Value {
    let mut body = json!({"serviceName": "web", "taskDefinition": "web:1", "desiredCount": 2});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

async fn created(api: &TestApi, more: Value) -> Value {
    api.ok("CreateService", body(more)).await["service"].clone()
}

#[tokio::test]
async fn s01_a_new_service_has_all_its_defaults() {
    let api = server().await;
    let mut service = created(&api, json!({})).await;
    let deployment = service["deployments"][0].take();
    let at = service["createdAt"].take();
    assert!(at.is_number(), "w05");
    let arn = |rest: &str| format!("arn:aws:ecs:us-east-1:000000000000:{rest}");
    assert_eq!(
        service,
        json!({
            "serviceArn": arn("service/default/web"),
            "serviceName": "web",
            "clusterArn": arn("cluster/default"),
            "loadBalancers": [],
            "serviceRegistries": [],
            "status": "ACTIVE",
            "desiredCount": 2,
            "runningCount": 0,
            "pendingCount": 0,
            "launchType": "EC2",
            "taskDefinition": arn("task-definition/web:1"),
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": false, "rollback": false},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                "strategy": "ROLLING",
                "bakeTimeInMinutes": 0
            },
            "deployments": [null],
            "events": [],
            "createdAt": null,
            "placementConstraints": [],
            "placementStrategy": [],
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"},
            "tags": [],
            "createdBy": "arn:aws:iam::000000000000:root",
            "enableECSManagedTags": false,
            "propagateTags": "NONE",
            "enableExecuteCommand": false,
            "availabilityZoneRebalancing": "DISABLED"
        })
    );
    let id = deployment["id"].as_str().unwrap();
    assert!(id.starts_with("ecs-svc/") && id.len() == 27, "a02: {id}");
    let expected = json!({
        "id": id, "status": "PRIMARY", "taskDefinition": arn("task-definition/web:1"), "desiredCount": 2,
        "pendingCount": 0, "runningCount": 0, "failedTasks": 0, "createdAt": at, "updatedAt": at, "launchType": "EC2",
        "rolloutState": "IN_PROGRESS", "rolloutStateReason": format!("ECS deployment {id} in progress.")
    });
    assert_eq!(deployment, expected);
}

#[tokio::test]
async fn s02_what_a_service_needs_is_asked_for() {
    let api = server().await;
    let table = [
        (json!({"desiredCount": null}), "InvalidParameterException"),
        (json!({"desiredCount": -1}), "InvalidParameterException"),
        (json!({"desiredCount": 5001}), "InvalidParameterException"),
        (json!({"taskDefinition": null}), "InvalidParameterException"),
        (json!({"taskDefinition": ""}), "InvalidParameterException"),
        (json!({"taskDefinition": "nothing"}), "ClientException"),
        (json!({"taskDefinition": "web:9"}), "ClientException"),
        (json!({"serviceName": "a b"}), "InvalidParameterException"),
        (json!({"cluster": "other"}), "ClusterNotFoundException"),
        (
            json!({"clientToken": "x".repeat(37)}),
            "InvalidParameterException",
        ),
        (
            json!({"tags": [{"key": "aws:x", "value": ""}]}),
            "InvalidParameterException",
        ),
    ];
    for (more, code) in table {
        let refusal = api.refused("CreateService", body(more.clone())).await;
        assert_eq!(refusal.code, code, "{more}: {}", refusal.message);
    }
    assert_eq!(
        api.ok("ListServices", json!({})).await["serviceArns"],
        json!([]),
        "nothing was made"
    );
    created(&api, json!({"desiredCount": 0})).await;
}

#[tokio::test]
async fn td03_an_inactive_definition_makes_no_service_and_no_update() {
    let api = server().await;
    created(&api, json!({})).await;
    api.ok("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}))
        .await;
    let refusal = api
        .refused("CreateService", body(json!({"serviceName": "other"})))
        .await;
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("ClientException", "TaskDefinition is inactive")
    );
    let refusal = api
        .refused(
            "UpdateService",
            json!({"service": "web", "taskDefinition": "web:1"}),
        )
        .await;
    assert_eq!(refusal.message, "TaskDefinition is inactive");
    api.ok("UpdateService", json!({"service": "web", "desiredCount": 3}))
        .await;
}

#[tokio::test]
async fn what_this_version_does_not_carry_out_is_refused_by_name() {
    let api = server().await;
    let table = [
        (json!({"launchType": "FARGATE"}), "launchType FARGATE"),
        (
            json!({"launchType": "MANAGED_INSTANCES"}),
            "launchType MANAGED_INSTANCES",
        ),
        (
            json!({"serviceRegistries": [{"registryArn": "x"}]}),
            "serviceRegistries",
        ),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "x"}]}),
            "capacityProviderStrategy",
        ),
        (
            json!({"volumeConfigurations": [{"name": "x"}]}),
            "volumeConfigurations",
        ),
        (
            json!({"serviceConnectConfiguration": {"enabled": true}}),
            "serviceConnectConfiguration",
        ),
        (
            json!({"vpcLatticeConfigurations": [{"roleArn": "a", "targetGroupArn": "b", "portName": "c"}]}),
            "vpcLatticeConfigurations",
        ),
        (
            json!({"deploymentController": {"type": "CODE_DEPLOY"}}),
            "deploymentController CODE_DEPLOY",
        ),
        (
            json!({"deploymentController": {"type": "EXTERNAL"}}),
            "deploymentController EXTERNAL",
        ),
        (json!({"enableExecuteCommand": true}), "enableExecuteCommand"),
        (
            json!({"availabilityZoneRebalancing": "ENABLED"}),
            "availabilityZoneRebalancing ENABLED",
        ),
        (
            json!({"deploymentConfiguration": {"alarms": {"alarmNames": ["a"], "enable": true, "rollback": true}}}),
            "deploymentConfiguration.alarms",
        ),
        (
            json!({"deploymentConfiguration": {"lifecycleHooks": [{"hookTargetArn": "x"}]}}),
            "deploymentConfiguration.lifecycleHooks of targetType AWS_LAMBDA",
        ),
    ];
    for (more, what) in table {
        let refusal = api.refused("CreateService", body(more)).await;
        assert_eq!(
            refusal.code, "UnsupportedFeatureException",
            "{what}: {}",
            refusal.message
        );
        assert_eq!(
            refusal.message,
            format!("{what} is not supported by this version of Berth yet.")
        );
    }
    let invalid = [
        (
            json!({"platformVersion": "LATEST"}),
            "The platform version must be null when specifying an EC2 launch type.",
        ),
        (
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}}),
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        (
            json!({"healthCheckGracePeriodSeconds": 10}),
            "Health check grace period is only valid for services configured to use load balancers",
        ),
    ];
    for (more, message) in invalid {
        let refusal = api.refused("CreateService", body(more)).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("InvalidParameterException", message)
        );
    }
    // What asks for nothing is accepted.
    created(&api, json!({
        "loadBalancers": [], "serviceRegistries": [], "capacityProviderStrategy": [], "volumeConfigurations": [],
        "vpcLatticeConfigurations": [], "serviceConnectConfiguration": {"enabled": false}, "enableExecuteCommand": false,
        "deploymentController": {"type": "ECS"}, "availabilityZoneRebalancing": "DISABLED", "launchType": "EXTERNAL",
        "deploymentConfiguration": {"strategy": "ROLLING", "alarms": {"alarmNames": [], "enable": false, "rollback": false}}
    }))
    .await;
}

#[tokio::test]
async fn s03_r09_the_same_call_gives_the_same_service_and_another_is_refused() {
    let api = server().await;
    let first = created(&api, json!({"clientToken": "t1"})).await;
    assert_eq!(created(&api, json!({"clientToken": "t1"})).await, first);
    assert_eq!(created(&api, json!({})).await, first);
    let not_idempotent = "Creation of service was not idempotent.";
    let table = [
        json!({"desiredCount": 3}),
        json!({"clientToken": "t1", "desiredCount": 3}),
        json!({"clientToken": "t1", "serviceName": "b"}),
    ];
    for more in table {
        let refusal = api.refused("CreateService", body(more)).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("InvalidParameterException", not_idempotent)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r09_a_token_replayed_in_parallel_makes_one_service() {
    let api = server().await;
    let replies = join_all((0..16).map(|_| created(&api, json!({"clientToken": "t1"})))).await;
    assert!(
        replies
            .iter()
            .all(|reply| reply["deployments"][0]["id"] == replies[0]["deployments"][0]["id"])
    );
    let described = api.ok("DescribeServices", json!({"services": ["web"]})).await;
    assert_eq!(
        described["services"][0]["deployments"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn s05_s61_daemons_take_no_count_no_strategy_and_no_other_maximum() {
    let api = server().await;
    let daemon = |more: Value| {
        let mut body = json!({"serviceName": "web", "taskDefinition": "web", "schedulingStrategy": "DAEMON"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    for more in [
        json!({"desiredCount": 1}),
        json!({"placementStrategy": [{"type": "random"}]}),
        json!({"deploymentConfiguration": {"maximumPercent": 200}}),
    ] {
        assert_eq!(
            api.refused("CreateService", daemon(more)).await.code,
            "InvalidParameterException"
        );
    }
    let service = api.ok("CreateService", daemon(json!({}))).await["service"].clone();
    assert_eq!(service["schedulingStrategy"], "DAEMON");
    let configuration = &service["deploymentConfiguration"];
    assert_eq!(
        (
            &configuration["minimumHealthyPercent"],
            &configuration["maximumPercent"]
        ),
        (&json!(0), &json!(100))
    );
    assert_eq!(
        api.refused("UpdateService", json!({"service": "web", "desiredCount": 1}))
            .await
            .code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn p02_td31_a_service_and_its_definition_have_at_most_ten_constraints_together() {
    let api = server().await;
    let member_of =
        |count: usize| vec![json!({"type": "memberOf", "expression": "attribute:a exists"}); count];
    let definition = json!({
        "family": "bound",
        "containerDefinitions": [{"name": "app", "image": "app", "memory": 64}],
        "placementConstraints": member_of(6),
    });
    api.ok("RegisterTaskDefinition", definition).await;
    let text = "There can be at most 10 placement constraints.";
    let five = json!({"taskDefinition": "bound", "placementConstraints": member_of(5)});
    assert_eq!(api.refused("CreateService", body(five)).await.message, text);
    created(&api, json!({"placementConstraints": member_of(5)})).await;
    let update = async |more: Value| {
        let mut body = json!({"service": "web"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        api.refused("UpdateService", body).await.message
    };
    assert_eq!(update(json!({"taskDefinition": "bound"})).await, text);
    let four = json!({"service": "web", "taskDefinition": "bound", "placementConstraints": member_of(4)});
    api.ok("UpdateService", four).await;
    assert_eq!(update(json!({"placementConstraints": member_of(5)})).await, text);
}

#[tokio::test]
async fn s06_what_an_update_leaves_out_stays_and_empty_lists_clear() {
    let api = server().await;
    created(&api, json!({
        "placementConstraints": [{"type": "distinctInstance"}], "placementStrategy": [{"type": "binpack", "field": "cpu"}],
        "deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        "propagateTags": "SERVICE", "enableECSManagedTags": true
    }))
    .await;
    let update = async |more: Value| {
        let mut body = json!({"service": "web"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        api.ok("UpdateService", body).await["service"].clone()
    };
    let service = update(json!({"desiredCount": 5})).await;
    assert_eq!(service["desiredCount"], 5);
    assert_eq!(service["deployments"][0]["desiredCount"], 5, "d14");
    assert_eq!(
        service["placementConstraints"],
        json!([{"type": "distinctInstance"}])
    );
    assert_eq!(
        service["placementStrategy"],
        json!([{"type": "binpack", "field": "cpu"}])
    );
    assert_eq!(service["deploymentConfiguration"]["maximumPercent"], 150);
    assert_eq!(
        service["deploymentConfiguration"]["deploymentCircuitBreaker"],
        json!({"enable": true, "rollback": true})
    );
    let service = update(json!({
        "placementConstraints": [], "placementStrategy": [], "propagateTags": "NONE", "enableECSManagedTags": false,
        "deploymentConfiguration": {"minimumHealthyPercent": 0}
    }))
    .await;
    assert_eq!(
        (&service["placementConstraints"], &service["placementStrategy"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        (&service["propagateTags"], &service["enableECSManagedTags"]),
        (&json!("NONE"), &json!(false))
    );
    assert_eq!(service["deploymentConfiguration"]["minimumHealthyPercent"], 0);
    assert_eq!(service["deploymentConfiguration"]["maximumPercent"], 150);
}

#[tokio::test]
async fn s07_s08_only_a_changed_definition_or_force_begins_a_deployment() {
    let api = server().await;
    created(&api, json!({})).await;
    let deployments = async |more: Value| {
        let mut body = json!({"service": "web"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let service = api.ok("UpdateService", body).await["service"].clone();
        service["deployments"].as_array().unwrap().len()
    };
    for more in [
        json!({}),
        json!({"taskDefinition": "web:1"}),
        json!({"desiredCount": 9}),
        json!({"deploymentConfiguration": {"maximumPercent": 150}}),
        json!({"placementConstraints": [{"type": "distinctInstance"}]}),
        json!({"placementStrategy": [{"type": "random"}]}),
        json!({"enableECSManagedTags": true, "propagateTags": "SERVICE"}),
        json!({"availabilityZoneRebalancing": "DISABLED", "enableExecuteCommand": false}),
    ] {
        assert_eq!(deployments(more.clone()).await, 1, "{more}");
    }
    assert_eq!(
        deployments(json!({"taskDefinition": "web"})).await,
        2,
        "the family's latest moved"
    );
    assert_eq!(deployments(json!({"taskDefinition": "web"})).await, 2);
    assert_eq!(deployments(json!({"forceNewDeployment": true})).await, 3);
}

#[tokio::test]
async fn s06_s10_s12_unknown_deleted_and_too_many() {
    let api = server().await;
    assert_eq!(
        api.refused("UpdateService", json!({"service": "web"})).await.code,
        "ServiceNotFoundException"
    );
    assert_eq!(
        api.refused("DeleteService", json!({"service": "web"})).await.code,
        "ServiceNotFoundException"
    );
    let names: Vec<String> = (0..11).map(|n| format!("s{n}")).collect();
    assert_eq!(
        api.refused("DescribeServices", json!({"services": names}))
            .await
            .code,
        "InvalidParameterException"
    );
    assert_eq!(
        api.refused("DescribeServices", json!({"services": []}))
            .await
            .code,
        "InvalidParameterException"
    );

    created(&api, json!({"desiredCount": 0})).await;
    let deleted = api.ok("DeleteService", json!({"service": "web"})).await;
    assert_eq!(deleted["service"]["status"], "DRAINING");
    assert_eq!(
        api.ok("DeleteService", json!({"service": "web"})).await["service"]["status"],
        "DRAINING"
    );
    let refusal = api
        .refused("UpdateService", json!({"service": "web", "desiredCount": 1}))
        .await;
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("ServiceNotActiveException", "Service was not ACTIVE.")
    );
}

#[tokio::test]
async fn w10_w12_describe_takes_names_and_arns_and_reports_what_is_missing() {
    let api = server().await;
    created(&api, json!({"tags": [{"key": "team", "value": "a"}]})).await;
    let arn = "arn:aws:ecs:us-east-1:000000000000:service/default/web";
    let old = "arn:aws:ecs:us-east-1:000000000000:service/web";
    let foreign = "arn:aws:ecs:us-east-1:111111111111:service/default/web";
    let reply = api
        .ok(
            "DescribeServices",
            json!({"services": [arn, old, "nothing", foreign], "include": ["TAGS"]}),
        )
        .await;
    assert_eq!(
        reply["services"].as_array().unwrap().len(),
        1,
        "named twice, shown once"
    );
    assert_eq!(
        reply["services"][0]["tags"],
        json!([{"key": "team", "value": "a"}])
    );
    let missing = "arn:aws:ecs:us-east-1:000000000000:service/default/nothing";
    assert_eq!(
        reply["failures"],
        json!([{"arn": missing, "reason": "MISSING"}, {"arn": foreign, "reason": "MISSING"}])
    );
    let reply = api.ok("DescribeServices", json!({"services": ["web"]})).await;
    assert_eq!(reply["services"][0]["tags"], json!([]), "tg06");
    let elsewhere = "arn:aws:ecs:us-east-1:000000000000:service/other/web";
    assert_eq!(
        api.refused("DescribeServices", json!({"services": [elsewhere]}))
            .await
            .code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn w11_list_gives_ten_a_page_in_order_and_filters() {
    let api = server().await;
    for n in 0..12 {
        created(
            &api,
            json!({"serviceName": format!("s{n:02}"), "launchType": if n < 2 { "EXTERNAL" } else { "EC2" }}),
        )
        .await;
    }
    api.ok(
        "CreateService",
        json!({"serviceName": "d", "taskDefinition": "web", "schedulingStrategy": "DAEMON"}),
    )
    .await;
    let names = |reply: &Value| -> Vec<String> {
        let arns = reply["serviceArns"].as_array().unwrap();
        arns.iter()
            .map(|arn| arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect()
    };
    let first = api.ok("ListServices", json!({})).await;
    assert_eq!(names(&first).len(), 10);
    let second = api
        .ok("ListServices", json!({"nextToken": first["nextToken"]}))
        .await;
    assert_eq!(names(&second), ["s09", "s10", "s11"]);
    assert!(second.get("nextToken").is_none());
    assert_eq!(
        names(&api.ok("ListServices", json!({"launchType": "EXTERNAL"})).await),
        ["s00", "s01"]
    );
    assert_eq!(
        names(
            &api.ok("ListServices", json!({"schedulingStrategy": "DAEMON"}))
                .await
        ),
        ["d"]
    );
    assert_eq!(
        api.refused("ListServices", json!({"nextToken": "x"})).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn another_account_and_another_region_see_nothing_of_it() {
    let api = server().await;
    created(&api, json!({})).await;
    for other in [
        api.elsewhere("111111111111", "us-east-1"),
        api.elsewhere("000000000000", "eu-central-1"),
    ] {
        other.ok("CreateCluster", json!({})).await;
        let reply = other.ok("DescribeServices", json!({"services": ["web"]})).await;
        assert_eq!(reply["services"], json!([]));
        assert_eq!(
            other.ok("ListServices", json!({})).await["serviceArns"],
            json!([])
        );
        assert_eq!(
            other
                .refused("DeleteService", json!({"service": "web"}))
                .await
                .code,
            "ServiceNotFoundException"
        );
    }
}

#[tokio::test]
async fn c04_c06_a_cluster_counts_its_services_and_is_not_deleted_with_them() {
    let api = server().await;
    created(&api, json!({})).await;
    let clusters = api.ok("DescribeClusters", json!({"clusters": ["default"]})).await;
    assert_eq!(clusters["clusters"][0]["activeServicesCount"], 1);
    assert_eq!(
        api.refused("DeleteCluster", json!({"cluster": "default"}))
            .await
            .code,
        "ClusterContainsServicesException"
    );
}
