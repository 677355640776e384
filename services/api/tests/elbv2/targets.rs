//! Targets: LB-12, LB-16, LB-17, LB-19, LB-41.

use chrono::TimeDelta;
use kit::Clock;
use serde_json::{Value, json};
use test_support::{Host, TestApi};

use crate::lab::{arn, balancer, elb, group, listener, refused};

async fn register(api: &TestApi, group: &str, targets: Value) {
    let reply = api
        .ok(
            "RegisterTargets",
            json!({"TargetGroupArn": group, "Targets": targets}),
        )
        .await;
    assert_eq!(reply, json!({}));
}

async fn deregister(api: &TestApi, group: &str, targets: Value) {
    let reply = api
        .ok(
            "DeregisterTargets",
            json!({"TargetGroupArn": group, "Targets": targets}),
        )
        .await;
    assert_eq!(reply, json!({}));
}

async fn health(api: &TestApi, group: &str) -> Vec<Value> {
    let reply = api
        .ok("DescribeTargetHealth", json!({"TargetGroupArn": group}))
        .await;
    reply["TargetHealthDescriptions"].as_array().unwrap().clone()
}

/// A group of addresses on a listener.
async fn used_group(api: &TestApi) -> String {
    let balancer = arn(&balancer(api, "web", json!({})).await, "LoadBalancerArn");
    let id = arn(&group(api, "web", json!({})).await, "TargetGroupArn");
    listener(api, &balancer, 80, &id).await;
    id
}

async fn observed_healthy(api: &TestApi) {
    sqlx::query(
        "UPDATE targets SET health_state = 'healthy', health_reason = NULL, health_description = NULL",
    )
    .execute(api.db().pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn lb17_targets_of_a_group_on_no_listener_are_unused() {
    let api = elb().await;
    let id = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    register(
        &api,
        &id,
        json!([{"Id": "10.0.0.1"}, {"Id": "10.0.0.2", "Port": 8080, "AvailabilityZone": "all"}]),
    )
    .await;
    let unused = json!({"State": "unused", "Reason": "Target.NotInUse",
        "Description": "Target group is not configured to receive traffic from the load balancer"});
    assert_eq!(
        health(&api, &id).await,
        [
            json!({"Target": {"Id": "10.0.0.1", "Port": 80}, "HealthCheckPort": "80", "TargetHealth": unused}),
            json!({"Target": {"Id": "10.0.0.2", "Port": 8080, "AvailabilityZone": "all"}, "HealthCheckPort": "8080",
                "TargetHealth": unused}),
        ]
    );
    // Nothing is on its way to them.
    deregister(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    assert_eq!(health(&api, &id).await.len(), 1);
}

#[tokio::test]
async fn lb16_a_target_is_initial_then_what_was_observed_and_one_that_is_not_registered_is_unused() {
    let api = elb().await;
    let id = used_group(&api).await;
    register(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    let state = async || health(&api, &id).await[0]["TargetHealth"].clone();
    assert_eq!(
        state().await,
        json!({"State": "initial", "Reason": "Elb.RegistrationInProgress", "Description": "Target registration is in progress"})
    );
    observed_healthy(&api).await;
    assert_eq!(state().await, json!({"State": "healthy"}));
    // Registering again changes nothing.
    register(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    assert_eq!(state().await, json!({"State": "healthy"}));
    let asked =
        json!({"TargetGroupArn": id, "Targets": [{"Id": "10.0.0.9"}, {"Id": "10.0.0.1", "Port": 80}]});
    let reply = api.ok("DescribeTargetHealth", asked).await;
    let not_registered = json!({"State": "unused", "Reason": "Target.NotRegistered",
        "Description": "Target is not registered to the target group"});
    assert_eq!(
        reply["TargetHealthDescriptions"],
        json!([
            {"Target": {"Id": "10.0.0.9", "Port": 80}, "HealthCheckPort": "80", "TargetHealth": not_registered},
            {"Target": {"Id": "10.0.0.1", "Port": 80}, "HealthCheckPort": "80", "TargetHealth": {"State": "healthy"}},
        ])
    );
}

#[tokio::test]
async fn lb19_a_deregistered_target_drains_and_is_gone_after_the_delay() {
    let api = elb().await;
    let id = used_group(&api).await;
    register(&api, &id, json!([{"Id": "10.0.0.1"}, {"Id": "10.0.0.2"}])).await;
    observed_healthy(&api).await;
    // What is not registered succeeds.
    deregister(&api, &id, json!([{"Id": "10.0.0.1"}, {"Id": "10.0.0.7"}])).await;
    let all = health(&api, &id).await;
    assert_eq!(
        all[0]["TargetHealth"],
        json!({"State": "draining", "Reason": "Target.DeregistrationInProgress",
            "Description": "Target deregistration is in progress"})
    );
    assert_eq!(all[1]["TargetHealth"], json!({"State": "healthy"}));
    let db = api.db();
    let clock = api.clock();
    assert!(
        !store::targets::remove_drained(&db, clock.now() + TimeDelta::seconds(299))
            .await
            .unwrap()
    );
    assert!(
        store::targets::remove_drained(&db, clock.now() + TimeDelta::seconds(300))
            .await
            .unwrap()
    );
    assert_eq!(health(&api, &id).await.len(), 1);
    let attributes = json!([{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]);
    api.ok(
        "ModifyTargetGroupAttributes",
        json!({"TargetGroupArn": id, "Attributes": attributes}),
    )
    .await;
    deregister(&api, &id, json!([{"Id": "10.0.0.2"}])).await;
    assert_eq!(health(&api, &id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn lb19_registering_a_draining_target_makes_it_initial() {
    let api = elb().await;
    let id = used_group(&api).await;
    register(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    observed_healthy(&api).await;
    deregister(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    register(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    assert_eq!(health(&api, &id).await[0]["TargetHealth"]["State"], "initial");
    assert!(
        !store::targets::remove_drained(&api.db(), api.clock().now() + TimeDelta::days(1))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn lb17_a_group_that_is_used_again_begins_anew() {
    let api = elb().await;
    let first = arn(&balancer(&api, "first", json!({})).await, "LoadBalancerArn");
    let second = arn(&balancer(&api, "second", json!({})).await, "LoadBalancerArn");
    let id = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    listener(&api, &first, 80, &id).await;
    register(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    observed_healthy(&api).await;
    api.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": first}))
        .await;
    assert_eq!(
        health(&api, &id).await[0]["TargetHealth"]["Reason"],
        "Target.NotInUse"
    );
    listener(&api, &second, 80, &id).await;
    assert_eq!(health(&api, &id).await[0]["TargetHealth"]["State"], "initial");
}

#[tokio::test]
async fn lb14_targets_have_to_be_of_the_groups_type() {
    let api = elb().await;
    let ip = arn(&group(&api, "ip", json!({})).await, "TargetGroupArn");
    let ipv6 = arn(
        &group(&api, "ipv6", json!({"IpAddressType": "ipv6"})).await,
        "TargetGroupArn",
    );
    let instance = arn(
        &group(&api, "instance", json!({"TargetType": "instance"})).await,
        "TargetGroupArn",
    );
    for (id, target, code, text) in [
        (
            &ip,
            "10.0.0",
            "ValidationError",
            "The IP address '10.0.0' is not a valid IPv4 address",
        ),
        (
            &ip,
            "i-0123456789abcdef0",
            "ValidationError",
            "The IP address 'i-0123456789abcdef0' is not a valid IPv4 address",
        ),
        (
            &ip,
            "::1",
            "ValidationError",
            "The IP address '::1' is not a valid IPv4 address",
        ),
        (
            &ipv6,
            "10.0.0.1",
            "ValidationError",
            "The IP address '10.0.0.1' is not a valid IPv6 address",
        ),
        (
            &instance,
            "10.0.0.1",
            "ValidationError",
            "Instance ID '10.0.0.1' is not valid",
        ),
        (
            &instance,
            "i-0123456789abcdef0",
            "InvalidTarget",
            "The following instances do not exist: 'i-0123456789abcdef0'",
        ),
    ] {
        let request = json!({"TargetGroupArn": id, "Targets": [{"Id": target}]});
        refused(&api, "RegisterTargets", request, code, text).await;
    }
    register(&api, &ipv6, json!([{"Id": "2001:DB8::0:1"}])).await;
    assert_eq!(health(&api, &ipv6).await[0]["Target"]["Id"], "2001:db8::1");
    deregister(&api, &ipv6, json!([{"Id": "2001:db8:0::1"}])).await;
    assert_eq!(health(&api, &ipv6).await, Vec::<Value>::new());
}

#[tokio::test]
async fn lb06_instances_are_hosts_and_may_be_registered_with_many_ports() {
    let test = TestApi::new().await;
    test.ok("CreateCluster", json!({"clusterName": "demo"})).await;
    let host = test.host("demo", Host::default()).await;
    sqlx::query("UPDATE container_instances SET address = '192.0.2.7', ec2_instance_id = NULL")
        .execute(test.db().pool())
        .await
        .unwrap();
    let api = test.elbv2();
    let id = arn(
        &group(&api, "web", json!({"TargetType": "instance"})).await,
        "TargetGroupArn",
    );
    let name = format!("i-{}", &host.to_string()[..17]);
    register(
        &api,
        &id,
        json!([{"Id": name, "Port": 32768}, {"Id": name, "Port": 32769}]),
    )
    .await;
    let targets = store::targets::of_group(&api.db(), api.scope(), &id)
        .await
        .unwrap();
    let address = Some("192.0.2.7".parse().unwrap());
    assert!(
        targets
            .iter()
            .all(|target| target.address == address && target.id == name)
    );
    assert_eq!(
        targets.iter().map(|target| target.port).collect::<Vec<_>>(),
        [32768, 32769]
    );
    // Another account's hosts are none.
    let other = api.elsewhere("111111111111", "us-east-1");
    let foreign = arn(
        &group(&other, "web", json!({"TargetType": "instance"})).await,
        "TargetGroupArn",
    );
    let request = json!({"TargetGroupArn": foreign, "Targets": [{"Id": name}]});
    assert_eq!(
        other.refused("RegisterTargets", request).await.code,
        "InvalidTarget"
    );
}

#[tokio::test]
async fn lb41_a_group_has_at_most_a_thousand_targets_and_a_target_a_hundred_registrations() {
    let api = elb().await;
    let id = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    let targets = |from: u32, count: u32| -> Value {
        (from..from + count)
            .map(|n| json!({"Id": format!("10.1.{}.{}", n / 250, n % 250)}))
            .collect()
    };
    register(&api, &id, targets(0, 1000)).await;
    let one_more = json!({"TargetGroupArn": id, "Targets": targets(1000, 1)});
    assert_eq!(
        api.refused("RegisterTargets", one_more).await.code,
        "TooManyTargets"
    );
    let ports: Vec<Value> = (1..=101)
        .map(|port| json!({"Id": "10.9.9.9", "Port": port}))
        .collect();
    let other = arn(&group(&api, "other", json!({})).await, "TargetGroupArn");
    let request = json!({"TargetGroupArn": other, "Targets": ports});
    assert_eq!(
        api.refused("RegisterTargets", request).await.code,
        "TooManyRegistrationsForTargetId"
    );
    assert_eq!(health(&api, &other).await, Vec::<Value>::new(), "all or none");
}

#[tokio::test]
async fn lb16_an_instance_is_used_where_its_address_is_known_and_follows_it() {
    let test = TestApi::new().await;
    test.ok("CreateCluster", json!({"clusterName": "demo"})).await;
    let host = test.host("demo", Host::default()).await;
    let moves = async |address: Option<&str>| {
        sqlx::query("UPDATE container_instances SET address = $1::inet")
            .bind(address)
            .execute(test.db().pool())
            .await
            .unwrap();
        store::targets::follow_host(&test.db(), host.uuid())
            .await
            .unwrap();
    };
    moves(None).await;
    let api = test.elbv2();
    let balancer = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let id = arn(
        &group(&api, "web", json!({"TargetType": "instance"})).await,
        "TargetGroupArn",
    );
    listener(&api, &balancer, 80, &id).await;
    let name = format!("i-{}", &host.to_string()[..17]);
    register(&api, &id, json!([{"Id": name}])).await;
    let state = async || health(&api, &id).await[0]["TargetHealth"].clone();
    let invalid = json!({"State": "unused", "Reason": "Target.InvalidState", "Description": "Target is in the stopped state"});
    assert_eq!(state().await, invalid);
    moves(Some("192.0.2.7")).await;
    assert_eq!(state().await["State"], "initial");
    observed_healthy(&api).await;
    moves(Some("192.0.2.7")).await;
    assert_eq!(state().await["State"], "healthy");
    moves(Some("192.0.2.8")).await;
    assert_eq!(state().await["State"], "initial");
    test.ok(
        "DeregisterContainerInstance",
        json!({"cluster": "demo", "containerInstance": host.to_string(), "force": true}),
    )
    .await;
    assert_eq!(state().await, invalid);
}

#[tokio::test]
async fn a_reset_leaves_nothing_of_load_balancing() {
    let api = elb().await;
    let id = used_group(&api).await;
    register(&api, &id, json!([{"Id": "10.0.0.1"}])).await;
    store::reset::reset(&api.db(), api.clock().now()).await.unwrap();
    assert_eq!(
        api.ok("DescribeLoadBalancers", json!({})).await["LoadBalancers"],
        json!([])
    );
    assert_eq!(
        api.ok("DescribeTargetGroups", json!({})).await["TargetGroups"],
        json!([])
    );
}
