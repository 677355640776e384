//! Target groups: LB-11, LB-13 to LB-15, LB-34.

use serde_json::{Value, json};

use crate::lab::{arn, attributes, balancer, default_vpc, elb, group, listener, refused};

#[tokio::test]
async fn lb15_target_groups_have_the_defaults_of_their_protocol_and_read_back() {
    let api = elb().await;
    let vpc = default_vpc(&api).await;
    let common = json!({
        "Port": 80, "VpcId": vpc, "HealthCheckPort": "traffic-port", "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": 30,
        "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2, "LoadBalancerArns": [], "TargetType": "ip", "IpAddressType": "ipv4",
    });
    let http = json!({"HealthCheckProtocol": "HTTP", "HealthCheckTimeoutSeconds": 5, "HealthCheckPath": "/",
        "Matcher": {"HttpCode": "200"}, "ProtocolVersion": "HTTP1", "Protocol": "HTTP"});
    let grpc = json!({"HealthCheckProtocol": "HTTP", "HealthCheckTimeoutSeconds": 5, "HealthCheckPath": "/AWS.ALB/healthcheck",
        "Matcher": {"GrpcCode": "12"}, "ProtocolVersion": "GRPC", "Protocol": "HTTP"});
    let tcp = |protocol: &str| json!({"HealthCheckProtocol": "TCP", "HealthCheckTimeoutSeconds": 10, "Protocol": protocol});
    for (name, more, expected) in [
        ("http", json!({}), http),
        ("grpc", json!({"ProtocolVersion": "GRPC"}), grpc),
        ("tcp", json!({"Protocol": "TCP"}), tcp("TCP")),
        ("udp", json!({"Protocol": "UDP"}), tcp("UDP")),
        ("tls", json!({"Protocol": "TLS"}), tcp("TLS")),
        ("both", json!({"Protocol": "TCP_UDP"}), tcp("TCP_UDP")),
    ] {
        let made = group(&api, name, more).await;
        let id = arn(&made, "TargetGroupArn");
        assert!(id.contains(&format!(":targetgroup/{name}/")), "{id}");
        let shown = api.ok("DescribeTargetGroups", json!({"Names": [name]})).await["TargetGroups"][0].clone();
        assert_eq!(made, shown);
        let mut whole = common.clone();
        whole["TargetGroupName"] = json!(name);
        whole["TargetGroupArn"] = json!(id);
        whole
            .as_object_mut()
            .unwrap()
            .extend(expected.as_object().unwrap().clone());
        assert_eq!(shown, whole);
    }
}

#[tokio::test]
async fn lb14_what_is_missing_or_not_there_is_said_in_the_words_of_aws() {
    let api = elb().await;
    let vpc = default_vpc(&api).await;
    let good = json!({"Name": "web", "Protocol": "HTTP", "Port": 80, "VpcId": vpc});
    let long = "a".repeat(33);
    for (member, value, code, text) in [
        ("Protocol", Value::Null, "ValidationError", "A protocol must be specified".to_owned()),
        ("Port", Value::Null, "ValidationError", "A port must be specified".to_owned()),
        ("VpcId", Value::Null, "ValidationError", "A VPC ID must be specified".to_owned()),
        (
            "Name",
            json!(long),
            "ValidationError",
            format!("Target group name '{long}' cannot be longer than '32' characters"),
        ),
        (
            "Name",
            json!("a.b"),
            "ValidationError",
            "Target group name 'a.b' can only contain characters that are alphanumeric characters or hyphens(-)".to_owned(),
        ),
        (
            "TargetType",
            json!("lambda"),
            "InvalidConfigurationRequest",
            "Target type 'lambda' is not supported by Berth; supported are 'instance' and 'ip'".to_owned(),
        ),
        (
            "Protocol",
            json!("GENEVE"),
            "InvalidConfigurationRequest",
            "Target groups with the GENEVE protocol are not supported by Berth".to_owned(),
        ),
        (
            "ProtocolVersion",
            json!("HTTP3"),
            "ValidationError",
            "Protocol version 'HTTP3' must be one of 'HTTP1, HTTP2, GRPC'".to_owned(),
        ),
        (
            "HealthCheckIntervalSeconds",
            json!(4),
            "ValidationError",
            "1 validation error detected: Value '4' at 'healthCheckIntervalSeconds' failed to satisfy constraint: Member must have \
             value between 5 and 300"
                .to_owned(),
        ),
    ] {
        let mut request = good.clone();
        match value {
            Value::Null => request.as_object_mut().unwrap().remove(member),
            value => request.as_object_mut().unwrap().insert(member.to_owned(), value),
        };
        let refusal = api.refused("CreateTargetGroup", request).await;
        assert_eq!(refusal.code, code, "{member}: {refusal:?}");
        if member != "HealthCheckIntervalSeconds" {
            assert_eq!(refusal.message, text);
        }
    }
}

#[tokio::test]
async fn lb11_a_repeated_creation_returns_the_group_and_another_one_is_refused() {
    let api = elb().await;
    let made = group(&api, "web", json!({})).await;
    assert_eq!(group(&api, "web", json!({})).await, made);
    let text = "A target group with the same name 'web' exists, but with different settings";
    for more in [
        json!({"Port": 81}),
        json!({"TargetType": "instance"}),
        json!({"HealthCheckPath": "/ping"}),
    ] {
        let mut request = json!({
            "Name": "web", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": default_vpc(&api).await,
        });
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        refused(
            &api,
            "CreateTargetGroup",
            request,
            "DuplicateTargetGroupName",
            text,
        )
        .await;
    }
}

#[tokio::test]
async fn lb11_a_group_in_use_shows_its_load_balancer_and_cannot_be_deleted() {
    let api = elb().await;
    let balancer = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let used = arn(&group(&api, "used", json!({})).await, "TargetGroupArn");
    let free = arn(&group(&api, "free", json!({})).await, "TargetGroupArn");
    listener(&api, &balancer, 80, &used).await;
    let of_balancer = api
        .ok("DescribeTargetGroups", json!({"LoadBalancerArn": balancer}))
        .await;
    assert_eq!(of_balancer["TargetGroups"].as_array().unwrap().len(), 1);
    assert_eq!(
        of_balancer["TargetGroups"][0]["LoadBalancerArns"],
        json!([balancer])
    );
    refused(
        &api,
        "DeleteTargetGroup",
        json!({"TargetGroupArn": used}),
        "ResourceInUse",
        &format!("Target group '{used}' is currently in use by a listener or a rule"),
    )
    .await;
    assert_eq!(
        api.ok("DeleteTargetGroup", json!({"TargetGroupArn": free})).await,
        json!({})
    );
    for (operation, body) in [
        ("DeleteTargetGroup", json!({"TargetGroupArn": free})),
        ("DescribeTargetGroups", json!({"TargetGroupArns": [used, free]})),
        ("DescribeTargetGroups", json!({"Names": ["used", "free"]})),
        ("DescribeTargetHealth", json!({"TargetGroupArn": free})),
        ("DescribeTargetGroupAttributes", json!({"TargetGroupArn": free})),
        ("ModifyTargetGroup", json!({"TargetGroupArn": free})),
    ] {
        refused(
            &api,
            operation,
            body,
            "TargetGroupNotFound",
            "One or more target groups not found",
        )
        .await;
    }
}

#[tokio::test]
async fn lb15_a_changed_health_check_reads_back() {
    let api = elb().await;
    let made = group(&api, "web", json!({})).await;
    let id = arn(&made, "TargetGroupArn");
    let changes = json!({
        "HealthCheckProtocol": "HTTPS", "HealthCheckPort": "8080", "HealthCheckPath": "/ping?deep=1", "HealthCheckIntervalSeconds": 10,
        "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 10, "Matcher": {"HttpCode": "200-299,301"},
    });
    let mut request = changes.clone();
    request["TargetGroupArn"] = json!(id);
    let reply = api.ok("ModifyTargetGroup", request).await["TargetGroups"][0].clone();
    let mut expected = made.clone();
    expected
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    assert_eq!(reply, expected);
    let shown = api
        .ok("DescribeTargetGroups", json!({"TargetGroupArns": [id]}))
        .await;
    assert_eq!(shown["TargetGroups"][0], expected);
    refused(
        &api,
        "ModifyTargetGroup",
        json!({"TargetGroupArn": id, "HealthCheckTimeoutSeconds": 10}),
        "ValidationError",
        "Health check timeout '10' must be smaller than the interval '10'",
    )
    .await;
}

#[tokio::test]
async fn lb34_attributes_read_back_as_they_were_set() {
    let api = elb().await;
    for (name, more, pairs) in [
        (
            "http",
            json!({}),
            json!({
                "deregistration_delay.timeout_seconds": "0", "stickiness.enabled": "true", "stickiness.type": "app_cookie",
                "stickiness.app_cookie.cookie_name": "SESSION", "slow_start.duration_seconds": "30",
            }),
        ),
        (
            "tcp",
            json!({"Protocol": "TCP"}),
            json!({"proxy_protocol_v2.enabled": "true", "stickiness.enabled": "true", "stickiness.type": "source_ip"}),
        ),
        (
            "udp",
            json!({"Protocol": "UDP"}),
            json!({"deregistration_delay.connection_termination.enabled": "false"}),
        ),
    ] {
        let id = arn(&group(&api, name, more).await, "TargetGroupArn");
        let describe = json!({"TargetGroupArn": id});
        let before = attributes(&api.ok("DescribeTargetGroupAttributes", describe.clone()).await);
        let list: Vec<Value> = pairs
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        let reply = api
            .ok(
                "ModifyTargetGroupAttributes",
                json!({"TargetGroupArn": id, "Attributes": list}),
            )
            .await;
        let after = attributes(&api.ok("DescribeTargetGroupAttributes", describe).await);
        assert_eq!(attributes(&reply), after);
        let mut expected = before;
        expected
            .as_object_mut()
            .unwrap()
            .extend(pairs.as_object().unwrap().clone());
        assert_eq!(after, expected, "{name}");
    }
}
