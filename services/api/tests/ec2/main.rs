//! EC2's networks: what tools make, ask for and delete before and after load balancers and services.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod default_networks;
mod filters;
mod malformed;
mod network_acls;
mod routing;
mod security_groups;
mod subnets;
mod tags;
mod vpcs;

use serde_json::{Value, json};
use test_support::TestApi;

/// A server that is asked for operations of EC2.
async fn ec2() -> TestApi {
    TestApi::new().await.ec2()
}

/// A VPC with this block; gives its id.
async fn vpc(api: &TestApi, block: &str) -> String {
    text(&api.ok("CreateVpc", json!({"CidrBlock": block})).await["Vpc"]["VpcId"])
}

/// A subnet with this block; gives its id.
async fn subnet(api: &TestApi, vpc: &str, block: &str) -> String {
    let input = json!({"VpcId": vpc, "CidrBlock": block});
    text(&api.ok("CreateSubnet", input).await["Subnet"]["SubnetId"])
}

/// A security group; gives its id.
async fn group(api: &TestApi, vpc: &str, name: &str) -> String {
    let input = json!({"VpcId": vpc, "GroupName": name, "Description": name});
    text(&api.ok("CreateSecurityGroup", input).await["GroupId"])
}

/// What a Describe operation shows with this one filter.
async fn filtered(api: &TestApi, operation: &str, list: &str, name: &str, value: &str) -> Vec<Value> {
    let filters = json!({"Filters": [{"Name": name, "Values": [value]}]});
    api.ok(operation, filters).await[list].as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// A refusal's code and text.
async fn refused(api: &TestApi, operation: &str, input: Value) -> (String, String) {
    let refusal = api.refused(operation, input).await;
    (refusal.code, refusal.message)
}

/// Asserts a refusal's code and text.
async fn assert_refused(api: &TestApi, operation: &str, input: Value, code: &str, message: &str) {
    let expected = (code.to_owned(), message.to_owned());
    assert_eq!(
        refused(api, operation, input.clone()).await,
        expected,
        "{operation} {input}"
    );
}
