//! What tests of load balancing share.

use serde_json::{Value, json};
use test_support::TestApi;

/// Operations of Elastic Load Balancing on an account with its default networks.
pub async fn elb() -> TestApi {
    TestApi::new().await.elbv2()
}

/// Subnets of the default VPC, one a zone, in the order of zones.
pub async fn subnets(api: &TestApi) -> Vec<String> {
    let mut rows = store::networks::subnets::list(&api.db(), api.scope())
        .await
        .unwrap();
    rows.sort_by(|a, b| a.availability_zone.cmp(&b.availability_zone));
    rows.into_iter().map(|row| row.id).collect()
}

pub async fn default_vpc(api: &TestApi) -> String {
    let vpc = store::networks::default_vpc(&api.db(), api.scope())
        .await
        .unwrap();
    vpc.unwrap().id
}

/// A request for an application load balancer in two zones.
pub async fn balancer_request(api: &TestApi, name: &str) -> Value {
    let subnets = subnets(api).await;
    json!({"Name": name, "Subnets": [subnets[0], subnets[1]]})
}

/// Makes a load balancer; `more` goes into the request. Gives it as the reply shows it.
pub async fn balancer(api: &TestApi, name: &str, more: Value) -> Value {
    let mut request = balancer_request(api, name).await;
    merge(&mut request, more);
    api.ok("CreateLoadBalancer", request).await["LoadBalancers"][0].clone()
}

/// Makes a target group of addresses; `more` goes into the request. Gives it as the reply shows it.
pub async fn group(api: &TestApi, name: &str, more: Value) -> Value {
    let mut request = json!({
        "Name": name, "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": default_vpc(api).await,
    });
    merge(&mut request, more);
    api.ok("CreateTargetGroup", request).await["TargetGroups"][0].clone()
}

/// Makes a listener that forwards to a group.
pub async fn listener(api: &TestApi, balancer: &str, port: u16, group: &str) -> String {
    let request = json!({
        "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
    });
    arn(
        &api.ok("CreateListener", request).await["Listeners"][0],
        "ListenerArn",
    )
}

pub fn arn(of: &Value, member: &str) -> String {
    of[member].as_str().unwrap().to_owned()
}

/// Attributes of a reply as an object.
pub fn attributes(reply: &Value) -> Value {
    let pairs = reply["Attributes"].as_array().unwrap().iter();
    Value::Object(
        pairs
            .map(|pair| (pair["Key"].as_str().unwrap().to_owned(), pair["Value"].clone()))
            .collect(),
    )
}

fn merge(request: &mut Value, more: Value) {
    if let (Value::Object(request), Value::Object(more)) = (request, more) {
        request.extend(more);
    }
}

/// Asserts that an operation is refused in these words.
pub async fn refused(api: &TestApi, operation: &str, body: Value, code: &str, message: &str) {
    let refusal = api.refused(operation, body).await;
    assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, message));
}
