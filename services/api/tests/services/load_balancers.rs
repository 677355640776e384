//! `loadBalancers` of services (S-01, S-04, S-06, S-07).

use serde_json::{Value, json};
use test_support::{Refusal, TestApi};

use super::body;

/// A cluster, `web:1` and `web:2` with a container `app` of port 80, `web:3` with port 81, and `web:4` with a container `other`.
async fn server() -> TestApi {
    let api = TestApi::new().await;
    api.ok("CreateCluster", json!({})).await;
    for (name, port) in [("app", 80), ("app", 80), ("app", 81), ("other", 80)] {
        let container =
            json!({"name": name, "image": "app", "memory": 64, "portMappings": [{"containerPort": port}]});
        api.ok(
            "RegisterTaskDefinition",
            json!({"family": "web", "containerDefinitions": [container]}),
        )
        .await;
    }
    api
}

fn balancer(group: &str) -> Value {
    json!({"targetGroupArn": group, "containerName": "app", "containerPort": 80})
}

async fn refused(api: &TestApi, more: Value) -> (String, String) {
    let Refusal { code, message } = api.refused("CreateService", body(more)).await;
    (code, message)
}

#[tokio::test]
async fn s01_a_service_shows_its_load_balancers_their_role_and_a_grace_period() {
    let api = server().await;
    let group = api.target_group("one", 300).await;
    let created = api
        .ok(
            "CreateService",
            body(json!({"loadBalancers": [balancer(&group)]})),
        )
        .await;
    let described = api.ok("DescribeServices", json!({"services": ["web"]})).await;
    for service in [&created["service"], &described["services"][0]] {
        assert_eq!(service["loadBalancers"], json!([balancer(&group)]));
        assert_eq!(service["healthCheckGracePeriodSeconds"], 0);
        assert_eq!(
            service["roleArn"],
            "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        );
    }
    let more = json!({
        "serviceName": "other", "loadBalancers": [balancer(&group)], "role": "ecsServiceRole", "healthCheckGracePeriodSeconds": 60
    });
    let other = &api.ok("CreateService", body(more)).await["service"];
    assert_eq!(other["roleArn"], "arn:aws:iam::000000000000:role/ecsServiceRole");
    assert_eq!(other["healthCheckGracePeriodSeconds"], 60);
}

#[tokio::test]
async fn s04_what_cannot_be_registered_is_refused() {
    let api = server().await;
    let group = api.target_group("one", 300).await;
    let (lone, addresses) = (
        api.lone_target_group("lone", "instance", 300).await,
        api.target_group("ip", 300).await,
    );
    sqlx::query("UPDATE target_groups SET target_type = 'ip' WHERE arn = $1")
        .bind(&addresses)
        .execute(api.db().pool())
        .await
        .unwrap();
    let elsewhere = group.replace("us-east-1", "eu-west-1");
    let unknown = "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role being passed \
        has the proper permissions.";
    let table = [
        (
            json!([{"targetGroupArn": group, "containerName": "no", "containerPort": 80}]),
            "The container no does not exist in the task definition.".to_owned(),
        ),
        (
            json!([{"targetGroupArn": group, "containerName": "app", "containerPort": 81}]),
            "The container app did not have a container port 81 defined.".to_owned(),
        ),
        (
            json!([balancer(&lone)]),
            format!("The target group with targetGroupArn {lone} does not have an associated load balancer."),
        ),
        (json!([balancer("x")]), unknown.to_owned()),
        (json!([balancer(&elsewhere)]), unknown.to_owned()),
        (
            json!([balancer(&addresses)]),
            format!(
                "The provided target group {addresses} has target type ip, which is incompatible with the bridge network mode specified \
                 in the task definition."
            ),
        ),
        (
            json!(vec![balancer(&group); 6]),
            "load balancers can have at most 5 items.".to_owned(),
        ),
        (
            json!([balancer(&group), balancer(&group)]),
            format!("loadBalancers names the same container and port twice for the target group {group}."),
        ),
        (
            json!([{"targetGroupArn": group, "containerPort": 80}]),
            "Container name can not be blank.".to_owned(),
        ),
        (
            json!([{"targetGroupArn": group, "containerName": "app"}]),
            "Container port can not be blank.".to_owned(),
        ),
        (
            json!([{"containerName": "app", "containerPort": 80}]),
            "targetGroupArn can not be blank.".to_owned(),
        ),
    ];
    for (load_balancers, message) in table {
        assert_eq!(
            refused(&api, json!({"loadBalancers": load_balancers})).await,
            ("InvalidParameterException".to_owned(), message)
        );
    }
    let classic = json!([{"loadBalancerName": "old", "containerName": "app", "containerPort": 80}]);
    let (code, message) = refused(&api, json!({"loadBalancers": classic})).await;
    assert_eq!(code, "UnsupportedFeatureException");
    assert!(message.contains("Classic Load Balancers"), "{message}");
    let mut shifted = balancer(&group);
    shifted["advancedConfiguration"] = json!({"alternateTargetGroupArn": group});
    let (code, message) = refused(&api, json!({"loadBalancers": [shifted]})).await;
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("advancedConfiguration"), "{message}");
}

#[tokio::test]
async fn s04_what_needs_a_load_balancer_is_refused_without_one() {
    let api = server().await;
    let groups = [
        api.target_group("one", 300).await,
        api.target_group("two", 300).await,
    ];
    let two: Vec<Value> = groups.iter().map(|group| balancer(group)).collect();
    for more in [
        json!({"healthCheckGracePeriodSeconds": 5}),
        json!({"healthCheckGracePeriodSeconds": -5, "loadBalancers": two}),
        json!({"role": "ecsServiceRole"}),
        json!({"role": "ecsServiceRole", "loadBalancers": two}),
    ] {
        let (code, message) = refused(&api, more.clone()).await;
        assert_eq!(code, "InvalidParameterException", "{more}: {message}");
    }
    api.ok(
        "CreateService",
        body(json!({"loadBalancers": two, "healthCheckGracePeriodSeconds": 5})),
    )
    .await;
}

#[tokio::test]
async fn s06_s07_other_load_balancers_begin_a_deployment_and_none_clear_them() {
    let api = server().await;
    let groups = [
        api.target_group("one", 300).await,
        api.target_group("two", 300).await,
    ];
    let first = api
        .ok(
            "CreateService",
            body(json!({"loadBalancers": [balancer(&groups[0])]})),
        )
        .await;
    let deployments = |reply: &Value| reply["service"]["deployments"].as_array().unwrap().len();
    let update = async |more: Value| {
        let mut body = json!({"service": "web"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        api.ok("UpdateService", body).await
    };
    assert_eq!(deployments(&first), 1);
    let same = update(json!({"loadBalancers": [balancer(&groups[0])], "desiredCount": 3})).await;
    assert_eq!(deployments(&same), 1, "S-08");
    let grace = update(json!({"healthCheckGracePeriodSeconds": 30})).await;
    assert_eq!(grace["service"]["healthCheckGracePeriodSeconds"], 30);
    assert_eq!(deployments(&grace), 1);
    let other = update(json!({"loadBalancers": [balancer(&groups[1])]})).await;
    assert_eq!(deployments(&other), 2);
    assert_eq!(other["service"]["loadBalancers"], json!([balancer(&groups[1])]));
    assert_eq!(other["service"]["healthCheckGracePeriodSeconds"], 30);
    let later = update(json!({"taskDefinition": "web:2"})).await;
    assert_eq!(deployments(&later), 3);
    assert_eq!(
        later["service"]["loadBalancers"],
        json!([balancer(&groups[1])]),
        "kept"
    );
    let none = update(json!({"loadBalancers": []})).await;
    assert_eq!(deployments(&none), 4);
    assert_eq!(none["service"]["loadBalancers"], json!([]));
    assert_eq!(none["service"]["roleArn"], Value::Null);
    assert_eq!(none["service"]["healthCheckGracePeriodSeconds"], Value::Null);
    let with = update(json!({"loadBalancers": [balancer(&groups[0])], "taskDefinition": "web:1"})).await;
    assert_eq!(deployments(&with), 5, "one for both");
    assert_eq!(with["service"]["healthCheckGracePeriodSeconds"], 0);
}

#[tokio::test]
async fn s04_a_later_definition_has_to_have_the_container_and_its_port() {
    let api = server().await;
    let group = api.target_group("one", 300).await;
    api.ok(
        "CreateService",
        body(json!({"loadBalancers": [balancer(&group)]})),
    )
    .await;
    for (definition, message) in [
        (
            "web:3",
            "Load balancer container name or port changed in task definition",
        ),
        (
            "web:4",
            "The container app does not exist in the task definition.",
        ),
    ] {
        let refusal = api
            .refused(
                "UpdateService",
                json!({"service": "web", "taskDefinition": definition}),
            )
            .await;
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("InvalidParameterException", message)
        );
    }
    let elsewhere = json!([{"targetGroupArn": group, "containerName": "other", "containerPort": 80}]);
    api.ok(
        "UpdateService",
        json!({"service": "web", "taskDefinition": "web:4", "loadBalancers": elsewhere}),
    )
    .await;
    let refusal = api
        .refused(
            "UpdateService",
            json!({"service": "web", "loadBalancers": [balancer(&group)]}),
        )
        .await;
    assert_eq!(
        refusal.message, "The container app does not exist in the task definition.",
        "against the definition that it has"
    );
}
