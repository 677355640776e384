//! Listeners (LB-11 to LB-14, LB-39, LB-41).

use serde_json::{Value, json};

use crate::world::{World, fixed, forward, text};

#[tokio::test]
async fn lb10_a_listener_reads_back_with_its_defaults_filled_in() {
    let world = World::new().await;
    let group = world.group("blue").await;
    let input = json!({
        "LoadBalancerArn": world.balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(&group)],
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    let made = world.api.ok("CreateListener", input).await["Listeners"][0].clone();
    let arn = text(&made["ListenerArn"]);
    assert!(
        arn.starts_with(&world.balancer.replace(":loadbalancer/", ":listener/")),
        "{arn}"
    );
    let expected = json!({
        "ListenerArn": arn, "LoadBalancerArn": world.balancer, "Port": 80, "Protocol": "HTTP",
        "DefaultActions": [{
            "Type": "forward", "TargetGroupArn": group, "Order": 1,
            "ForwardConfig": {
                "TargetGroups": [{ "TargetGroupArn": group, "Weight": 1 }],
                "TargetGroupStickinessConfig": { "Enabled": false },
            },
        }],
    });
    assert_eq!(made, expected);
    let described = world
        .api
        .ok("DescribeListeners", json!({ "LoadBalancerArn": world.balancer }))
        .await;
    assert_eq!(described, json!({ "Listeners": [expected] }));
    let tags = world
        .api
        .ok("DescribeTags", json!({ "ResourceArns": [arn] }))
        .await;
    assert_eq!(
        tags["TagDescriptions"][0]["Tags"],
        json!([{ "Key": "k", "Value": "v" }])
    );
}

#[tokio::test]
async fn lb11_the_same_listener_again_is_returned_and_another_on_its_port_is_a_duplicate() {
    let world = World::new().await;
    let input = |status: &str| json!({ "LoadBalancerArn": world.balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [fixed(status)] });
    let first = world.create_listener(input("200")).await;
    assert_eq!(world.create_listener(input("200")).await, first);
    let text = world
        .refused("CreateListener", input("404"), "DuplicateListener")
        .await;
    assert_eq!(
        text,
        format!(
            "A listener already exists on this port for this load balancer '{}'",
            world.balancer
        )
    );
    let other = world.listener(81).await;
    world
        .refused(
            "ModifyListener",
            json!({ "ListenerArn": other, "Port": 80 }),
            "DuplicateListener",
        )
        .await;
}

#[tokio::test]
async fn lb12_deleting_a_listener_takes_its_rules_and_tags_but_not_its_groups() {
    let world = World::new().await;
    let group = world.group("blue").await;
    let listener = world.listener(80).await;
    let input = json!({
        "ListenerArn": listener, "Priority": 1, "Conditions": [crate::world::path_is("/")], "Actions": [forward(&group)],
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    let rule = text(&world.api.ok("CreateRule", input).await["Rules"][0]["RuleArn"]);
    world
        .refused(
            "DeleteTargetGroup",
            json!({ "TargetGroupArn": group }),
            "ResourceInUse",
        )
        .await;
    let before = world.revision().await;
    world
        .api
        .ok("DeleteListener", json!({ "ListenerArn": listener }))
        .await;
    assert!(world.revision().await > before);
    let gone = world
        .refused(
            "DescribeListeners",
            json!({ "ListenerArns": [listener] }),
            "ListenerNotFound",
        )
        .await;
    assert_eq!(gone, "One or more listeners not found");
    world
        .refused("DescribeRules", json!({ "RuleArns": [rule] }), "RuleNotFound")
        .await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM tags WHERE arn = $1")
        .bind(&rule)
        .fetch_one(world.api.db().pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    world
        .refused(
            "DeleteListener",
            json!({ "ListenerArn": listener }),
            "ListenerNotFound",
        )
        .await;
    world
        .api
        .ok("DeleteTargetGroup", json!({ "TargetGroupArn": group }))
        .await;
}

#[tokio::test]
async fn lb13_listeners_come_in_pages_and_unknown_ones_are_an_error() {
    let world = World::new().await;
    for port in [83, 81, 82] {
        world.listener(port).await;
    }
    let mut ports = Vec::new();
    let mut marker = Value::Null;
    loop {
        let mut input = json!({ "LoadBalancerArn": world.balancer, "PageSize": 2 });
        if marker.is_string() {
            input["Marker"] = marker;
        }
        let page = world.api.ok("DescribeListeners", input).await;
        ports.extend(
            page["Listeners"]
                .as_array()
                .unwrap()
                .iter()
                .map(|listener| listener["Port"].clone()),
        );
        marker = page["NextMarker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(ports, [81, 82, 83]);
    world
        .refused("DescribeListeners", json!({}), "ValidationError")
        .await;
    world
        .refused(
            "DescribeListeners",
            json!({ "ListenerArns": ["x"] }),
            "ValidationError",
        )
        .await;
    let absent = world.balancer.replace("/web/", "/other/");
    world
        .refused(
            "DescribeListeners",
            json!({ "LoadBalancerArn": absent }),
            "LoadBalancerNotFound",
        )
        .await;
    let elsewhere = world.api.elsewhere("111111111111", "us-east-1").elbv2();
    let refusal = elsewhere
        .refused("DescribeListeners", json!({ "LoadBalancerArn": world.balancer }))
        .await;
    assert_eq!(refusal.code, "LoadBalancerNotFound");
}

#[tokio::test]
async fn lb14_a_group_sits_on_one_balancer_only_and_speaks_its_listeners_protocol() {
    let world = World::new().await;
    let (group, tcp) = (
        world.group("blue").await,
        world.group_of("tcp", json!({ "Protocol": "TCP" })).await,
    );
    let grpc = world
        .group_of("grpc", json!({ "Protocol": "HTTP", "ProtocolVersion": "GRPC" }))
        .await;
    let other = world.balancer("other", "application").await;
    let listener = |balancer: &str, action: Value| json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [action] });
    world
        .create_listener(listener(&world.balancer, forward(&group)))
        .await;
    let text = world
        .refused(
            "CreateListener",
            listener(&other, forward(&group)),
            "TargetGroupAssociationLimit",
        )
        .await;
    assert_eq!(
        text,
        format!("The following target groups cannot be associated with more than one load balancer: {group}")
    );
    world
        .refused(
            "CreateListener",
            listener(&other, forward(&tcp)),
            "IncompatibleProtocols",
        )
        .await;
    world
        .refused(
            "CreateListener",
            listener(&other, forward(&grpc)),
            "IncompatibleProtocols",
        )
        .await;
    let absent = group.replace("/blue/", "/red/");
    let text = world
        .refused(
            "CreateListener",
            listener(&other, forward(&absent)),
            "TargetGroupNotFound",
        )
        .await;
    assert_eq!(text, format!("Target groups '{absent}' not found"));
}

#[tokio::test]
async fn lb14_network_balancers_have_listeners_of_their_own_protocols() {
    let world = World::new().await;
    let network = world.balancer("net", "network").await;
    let group = world.group_of("tcp", json!({ "Protocol": "TCP" })).await;
    let input = |protocol: &str, action: Value| json!({ "LoadBalancerArn": network, "Protocol": protocol, "Port": 80, "DefaultActions": [action] });
    world
        .refused(
            "CreateListener",
            input("HTTP", forward(&group)),
            "UnsupportedProtocol",
        )
        .await;
    world
        .refused(
            "CreateListener",
            input("TCP", fixed("200")),
            "InvalidLoadBalancerAction",
        )
        .await;
    world
        .refused(
            "CreateListener",
            input("UDP", forward(&group)),
            "IncompatibleProtocols",
        )
        .await;
    let listener = world.create_listener(input("TCP", forward(&group))).await;
    let application = json!({ "LoadBalancerArn": world.balancer, "Protocol": "TCP", "Port": 80, "DefaultActions": [fixed("200")] });
    world
        .refused("CreateListener", application, "UnsupportedProtocol")
        .await;
    let rule = json!({
        "ListenerArn": listener, "Priority": 1, "Conditions": [crate::world::path_is("/")], "Actions": [fixed("200")],
    });
    world.refused("CreateRule", rule, "UnsupportedProtocol").await;
    let rules = world
        .api
        .ok("DescribeRules", json!({ "ListenerArn": listener }))
        .await;
    assert_eq!(rules["Rules"][0]["IsDefault"], true);
    assert_eq!(rules["Rules"][0]["Actions"][0]["TargetGroupArn"], json!(group));
}

#[tokio::test]
async fn modify_listener_changes_what_is_given_and_the_default_rule() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let group = world.group("blue").await;
    let changed = json!({ "ListenerArn": listener, "Port": 8080, "DefaultActions": [forward(&group)] });
    let after = world.api.ok("ModifyListener", changed).await["Listeners"][0].clone();
    assert_eq!(
        (&after["Port"], &after["Protocol"]),
        (&json!(8080), &json!("HTTP"))
    );
    assert_eq!(after["DefaultActions"][0]["TargetGroupArn"], json!(group));
    let rules = world
        .api
        .ok("DescribeRules", json!({ "ListenerArn": listener }))
        .await;
    let default = &rules["Rules"][0];
    assert_eq!(default["Priority"], "default");
    assert_eq!(
        (&default["Conditions"], &default["IsDefault"]),
        (&json!([]), &json!(true))
    );
    assert_eq!(default["Actions"], after["DefaultActions"]);
    let kept = world
        .api
        .ok("ModifyListener", json!({ "ListenerArn": listener, "Port": 80 }))
        .await;
    assert_eq!(kept["Listeners"][0]["DefaultActions"], after["DefaultActions"]);
}

#[tokio::test]
async fn a_listeners_attributes_are_those_of_its_protocol() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let describe = json!({ "ListenerArn": listener });
    let value = |attributes: &Value, key: &str| {
        let list = attributes["Attributes"].as_array().unwrap();
        list.iter()
            .find(|attribute| attribute["Key"] == key)
            .map(|attribute| attribute["Value"].clone())
    };
    let before = world.api.ok("DescribeListenerAttributes", describe.clone()).await;
    assert_eq!(
        value(&before, "routing.http.response.server.enabled"),
        Some(json!("true"))
    );
    assert_eq!(value(&before, "tcp.idle_timeout.seconds"), None);
    let set =
        |key: &str, to: &str| json!({ "ListenerArn": listener, "Attributes": [{ "Key": key, "Value": to }] });
    let hsts = "routing.http.response.strict_transport_security.header_value";
    let after = world
        .api
        .ok("ModifyListenerAttributes", set(hsts, "max-age=60"))
        .await;
    assert_eq!(value(&after, hsts), Some(json!("max-age=60")));
    assert_eq!(world.api.ok("DescribeListenerAttributes", describe).await, after);
    world
        .refused("ModifyListenerAttributes", set("nothing", "1"), "ValidationError")
        .await;
    world
        .refused(
            "ModifyListenerAttributes",
            set("tcp.idle_timeout.seconds", "60"),
            "InvalidConfigurationRequest",
        )
        .await;
    let max_age = "routing.http.response.access_control_max_age.header_value";
    world
        .refused(
            "ModifyListenerAttributes",
            set(max_age, "long"),
            "InvalidConfigurationRequest",
        )
        .await;
}

#[tokio::test]
async fn lb41_a_balancer_has_at_most_fifty_listeners() {
    let world = World::new().await;
    for port in 1..=50 {
        world.listener(port).await;
    }
    let input = json!({ "LoadBalancerArn": world.balancer, "Protocol": "HTTP", "Port": 51, "DefaultActions": [fixed("200")] });
    world.refused("CreateListener", input, "TooManyListeners").await;
}
