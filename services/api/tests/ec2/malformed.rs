//! Malformed requests: always the client's fault, and nothing changes.

use aws_model::Operation;
use aws_model::ec2::ops as model;
use serde_json::{Value, json};
use test_support::TestApi;

use super::{ec2, group, subnet, text, vpc};

async fn all_are_the_clients_fault<Op: Operation>(api: &TestApi, valid: &Value) {
    for (name, body) in aws_model::malformed::cases(Op::INPUT, valid) {
        match api.call_raw(Op::NAME, &body).await {
            // Longer than anything of that name, and yet nothing else than a name that nothing has.
            Ok(_) if Op::NAME.starts_with("Describe") && name.ends_with("huge string") => {}
            Ok(reply) => panic!("{} {name}: answered {reply}", Op::NAME),
            Err(refusal) => assert!(!refusal.is_fault(), "{} {name}: {}", Op::NAME, refusal.message),
        }
    }
}

async fn rows(api: &TestApi) -> Vec<String> {
    let tables = [
        "vpcs",
        "subnets",
        "security_groups",
        "security_group_rules",
        "internet_gateways",
        "route_tables",
        "routes",
        "route_table_associations",
        "tags",
    ];
    let sql: Vec<String> = tables
        .map(|table| format!("SELECT to_jsonb(t)::text FROM {table} t"))
        .into();
    let sql = format!("{} ORDER BY 1", sql.join(" UNION ALL "));
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_all(api.db().pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn malformed_requests_about_networks_are_refused_and_nothing_changes() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let (inside, group) = (
        subnet(&api, &vpc, "10.0.0.0/24").await,
        group(&api, &vpc, "web").await,
    );
    let gateway =
        text(&api.ok("CreateInternetGateway", json!({})).await["InternetGateway"]["InternetGatewayId"]);
    let table = text(&api.ok("CreateRouteTable", json!({"VpcId": vpc})).await["RouteTable"]["RouteTableId"]);
    let before = rows(&api).await;
    let permissions = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "x"}]}]);
    let tags = |kind: &str| json!([{"ResourceType": kind, "Tags": [{"Key": "a", "Value": "b"}]}]);
    let filters = json!([{"Name": "vpc-id", "Values": [vpc]}]);
    all_are_the_clients_fault::<model::CreateVpc>(
        &api,
        &json!({"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "default",
        "TagSpecifications": tags("vpc")}),
    )
    .await;
    all_are_the_clients_fault::<model::CreateSubnet>(
        &api,
        &json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24",
        "AvailabilityZone": "us-east-1a", "TagSpecifications": tags("subnet")}),
    )
    .await;
    all_are_the_clients_fault::<model::CreateSecurityGroup>(
        &api,
        &json!({"VpcId": vpc, "GroupName": "db", "Description": "db"}),
    )
    .await;
    all_are_the_clients_fault::<model::AuthorizeSecurityGroupIngress>(
        &api,
        &json!({"GroupId": group, "IpPermissions": permissions}),
    )
    .await;
    all_are_the_clients_fault::<model::RevokeSecurityGroupEgress>(
        &api,
        &json!({"GroupId": group, "IpPermissions": permissions}),
    )
    .await;
    all_are_the_clients_fault::<model::ModifyVpcAttribute>(
        &api,
        &json!({"VpcId": vpc, "EnableDnsSupport": {"Value": false}}),
    )
    .await;
    all_are_the_clients_fault::<model::ModifySubnetAttribute>(
        &api,
        &json!({"SubnetId": inside, "MapPublicIpOnLaunch": {"Value": true}}),
    )
    .await;
    all_are_the_clients_fault::<model::AttachInternetGateway>(
        &api,
        &json!({"VpcId": vpc, "InternetGatewayId": gateway}),
    )
    .await;
    all_are_the_clients_fault::<model::CreateRoute>(
        &api,
        &json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0",
        "GatewayId": gateway}),
    )
    .await;
    all_are_the_clients_fault::<model::AssociateRouteTable>(
        &api,
        &json!({"RouteTableId": table, "SubnetId": inside}),
    )
    .await;
    all_are_the_clients_fault::<model::CreateTags>(
        &api,
        &json!({"Resources": [vpc], "Tags": [{"Key": "a", "Value": "b"}]}),
    )
    .await;
    all_are_the_clients_fault::<model::DeleteVpc>(&api, &json!({"VpcId": vpc})).await;
    all_are_the_clients_fault::<model::DescribeSubnets>(
        &api,
        &json!({"SubnetIds": [inside], "Filters": filters, "MaxResults": 5}),
    )
    .await;
    all_are_the_clients_fault::<model::DescribeSecurityGroups>(
        &api,
        &json!({"GroupNames": ["default"], "Filters": filters}),
    )
    .await;
    assert_eq!(rows(&api).await, before);
}
