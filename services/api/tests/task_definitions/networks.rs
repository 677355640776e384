//! Network modes and ports (TD-26 to TD-28).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{all_accepted, all_refused, register, web};

fn ports(mode: Value, mappings: Value) -> Value {
    web(json!({"networkMode": mode}), json!({"portMappings": mappings}))
}

#[tokio::test]
async fn td26_each_network_mode_refuses_what_it_cannot_do() {
    let api = TestApi::new().await;
    let differ = json!([{"containerPort": 80, "hostPort": 8080}]);
    let linked = |mode: &str| {
        let mut body = web(json!({"networkMode": mode}), json!({"links": ["db"]}));
        let db = json!({"name": "db", "image": "postgres", "memory": 64});
        body["containerDefinitions"].as_array_mut().unwrap().push(db);
        body
    };
    let awsvpc = |container: Value| web(json!({"networkMode": "awsvpc"}), container);
    let proxy = |mode: &str, name: &str| {
        web(
            json!({"networkMode": mode, "proxyConfiguration": {"containerName": name}}),
            json!({}),
        )
    };
    all_refused(
        &api,
        vec![
            (
                ports(json!("awsvpc"), differ.clone()),
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ),
            (
                ports(json!("host"), differ.clone()),
                "When networkMode=host, the host ports and container ports in port mappings must match.",
            ),
            (
                ports(json!("none"), json!([{"containerPort": 80}])),
                "networkMode=none",
            ),
            (
                linked("awsvpc"),
                "Links are not supported when networkMode=awsvpc.",
            ),
            (linked("host"), "Links are not supported when networkMode=host."),
            (linked("none"), "Links are not supported when networkMode=none."),
            (
                web(json!({}), json!({"links": ["db"]})),
                "Unknown container: 'db'",
            ),
            (
                awsvpc(json!({"hostname": "x"})),
                "hostname is not supported on container when networkMode=awsvpc",
            ),
            (
                awsvpc(json!({"extraHosts": [{"hostname": "x", "ipAddress": "10.0.0.1"}]})),
                "Extra hosts are not supported on container when networkMode=awsvpc",
            ),
            (
                awsvpc(json!({"dnsServers": ["10.0.0.2"]})),
                "DNS servers are not supported on container when networkMode=awsvpc",
            ),
            (
                proxy("bridge", "app"),
                "APPMESH proxy configuration is only supported in networkMode=awsvpc",
            ),
            (proxy("awsvpc", "envoy"), "Proxy container [envoy] does not exist"),
        ],
    )
    .await;
    all_accepted(
        &api,
        vec![
            ports(json!("bridge"), differ),
            ports(json!("none"), json!([])),
            ports(json!("host"), json!([{"containerPort": 80, "hostPort": 80}])),
            linked("bridge"),
            web(json!({"networkMode": "host"}), json!({"hostname": "x"})),
            proxy("awsvpc", "app"),
        ],
    )
    .await;
}

#[tokio::test]
async fn td27_ports_are_mapped_once_and_ranges_stand_alone() {
    let api = TestApi::new().await;
    let bridge = |mappings: Value| ports(json!("bridge"), mappings);
    let range = |text: &str| json!({"containerPortRange": text});
    let many: Vec<Value> = (0..101)
        .map(|n| range(&format!("{}-{}", 10 * n + 1, 10 * n + 2)))
        .collect();
    let twice = "A container port is used multiple times in task";
    let mut refused = vec![
        (bridge(json!([{}])), "containerPort"),
        (bridge(json!([{"containerPort": 0}])), "'containerPort'"),
        (bridge(json!([{"containerPort": 65_536}])), "'containerPort'"),
        (
            bridge(json!([{"containerPort": 80, "hostPort": -1}])),
            "'hostPort'",
        ),
        (
            bridge(json!([{"containerPort": 80, "hostPort": 65_536}])),
            "'hostPort'",
        ),
        (
            bridge(json!([{"containerPort": 80}, {"containerPort": 80}])),
            twice,
        ),
        (
            bridge(json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 80}])),
            twice,
        ),
        (bridge(json!([range("80-90"), {"containerPort": 85}])), twice),
        (bridge(json!([range("80-90"), range("90-95")])), twice),
        (
            bridge(json!([{"containerPortRange": "80-90", "hostPort": 0}])),
            "both single port and port range",
        ),
        (
            bridge(json!([{"containerPortRange": "80-90", "containerPort": 80}])),
            "both single port and port range",
        ),
        (ports(json!("host"), json!([range("80-90")])), "networkMode=host"),
        (bridge(json!(many)), "at most 100"),
    ];
    for text in [
        "90-80", "80-80", "80", "0-5", "80-65536", "a-b", "+80-90", "80-90-95", "",
    ] {
        refused.push((
            bridge(json!([range(text)])),
            "Invalid 'containerPortRange' setting",
        ));
    }
    all_refused(&api, refused).await;
    all_accepted(
        &api,
        vec![
            bridge(json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 81}])),
            bridge(
                json!([{"containerPort": 53, "protocol": "tcp"}, {"containerPort": 53, "protocol": "udp"}]),
            ),
            bridge(json!([range("80-90"), range("91-95")])),
            bridge(json!(many[..100])),
            ports(json!("awsvpc"), json!([range("80-90")])),
        ],
    )
    .await;
}

#[tokio::test]
async fn td28_port_names_are_unique_in_the_definition() {
    let api = TestApi::new().await;
    let named = |name: &str| json!({"portMappings": [{"containerPort": 80, "name": name}]});
    let mut two = web(json!({}), named("http"));
    let second = json!({"name": "b", "image": "nginx", "memory": 64, "portMappings": [{"containerPort": 81, "name": "http"}]});
    two["containerDefinitions"].as_array_mut().unwrap().push(second);
    let mut refused = vec![
        (two, "The port mapping name 'http' is already used"),
        (
            web(
                json!({}),
                json!({"portMappings": [{"containerPort": 80, "appProtocol": "grpc"}]}),
            ),
            "needs a name",
        ),
    ];
    for name in ["", "Http", "a b", "-a", &"a".repeat(65)] {
        refused.push((web(json!({}), named(name)), "name of a port mapping"));
    }
    all_refused(&api, refused).await;
    let shown = register(&api, web(json!({}), named(&"a".repeat(64)))).await;
    assert_eq!(
        shown["containerDefinitions"][0]["portMappings"][0]["name"],
        "a".repeat(64)
    );
}
