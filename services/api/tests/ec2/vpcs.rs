//! VPCs: blocks, attributes, deletion in order.

use serde_json::json;

use super::{assert_refused, ec2, group, refused, subnet, text, vpc};

#[tokio::test]
async fn a_vpc_comes_with_its_parts_and_goes_with_them() {
    let api = ec2().await;
    let tags = json!([{"Key": "Name", "Value": "main"}]);
    let input =
        json!({"CidrBlock": "100.68.0.18/18", "TagSpecifications": [{"ResourceType": "vpc", "Tags": tags}]});
    let made = api.ok("CreateVpc", input).await["Vpc"].clone();
    let id = text(&made["VpcId"]);
    assert_eq!(
        (&made["CidrBlock"], &made["Tags"]),
        (&json!("100.68.0.0/18"), &tags)
    );
    assert_eq!(
        (&made["IsDefault"], &made["InstanceTenancy"]),
        (&json!(false), &json!("default"))
    );
    let shown = api.ok("DescribeVpcs", json!({"VpcIds": [id]})).await["Vpcs"][0].clone();
    assert_eq!(shown, made);
    let of_vpc = json!({"Filters": [{"Name": "vpc-id", "Values": [id]}]});
    let parts = [
        ("DescribeRouteTables", "RouteTables"),
        ("DescribeSecurityGroups", "SecurityGroups"),
        ("DescribeNetworkAcls", "NetworkAcls"),
    ];
    for (operation, list) in parts {
        assert_eq!(
            api.ok(operation, of_vpc.clone()).await[list]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    api.ok("DeleteVpc", json!({"VpcId": id})).await;
    for (operation, list) in parts {
        assert_eq!(api.ok(operation, of_vpc.clone()).await[list], json!([]));
    }
    assert_eq!(api.ok("DescribeTags", json!({})).await["Tags"], json!([]));
    let message = format!("The vpc ID '{id}' does not exist");
    assert_refused(
        &api,
        "DeleteVpc",
        json!({"VpcId": id}),
        "InvalidVpcID.NotFound",
        &message,
    )
    .await;
}

#[tokio::test]
async fn blocks_that_a_vpc_cannot_have_are_refused() {
    let api = ec2().await;
    for block in ["10.0.0.0/15", "10.0.0.0/29", "0.0.0.0/0"] {
        let message = format!(
            "The CIDR '{}' is invalid.",
            if block == "10.0.0.0/15" {
                "10.0.0.0/15"
            } else {
                block
            }
        );
        assert_refused(
            &api,
            "CreateVpc",
            json!({"CidrBlock": block}),
            "InvalidVpc.Range",
            &message,
        )
        .await;
    }
    for block in ["10.0.0.0", "10.0.0/16", "::/16", "", "10.0.0.0/016"] {
        let message =
            format!("Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
        assert_refused(
            &api,
            "CreateVpc",
            json!({"CidrBlock": block}),
            "InvalidParameterValue",
            &message,
        )
        .await;
    }
    let (code, _) = refused(&api, "CreateVpc", json!({})).await;
    assert_eq!(code, "MissingParameter");
}

#[tokio::test]
async fn what_is_not_carried_out_is_refused_by_its_name() {
    let api = ec2().await;
    for (parameter, value) in [
        ("AmazonProvidedIpv6CidrBlock", json!(true)),
        ("Ipv6CidrBlock", json!("2001:db8::/56")),
        ("Ipv4IpamPoolId", json!("ipam-pool-0a1b2c3d4e5f60718")),
        ("Ipv4NetmaskLength", json!(20)),
        ("VpcEncryptionControl", json!({"Mode": "monitor"})),
    ] {
        let mut input = json!({"CidrBlock": "10.0.0.0/16"});
        input[parameter] = value;
        let message = format!("The parameter {parameter} is not supported by this version of Berth yet.");
        assert_refused(&api, "CreateVpc", input, "UnsupportedOperation", &message).await;
    }
    api.ok(
        "CreateVpc",
        json!({"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": false}),
    )
    .await;
}

#[tokio::test]
async fn attributes_are_set_one_at_a_time() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    let shown = async |attribute: &str, member: &str| {
        let input = json!({"VpcId": id, "Attribute": attribute});
        api.ok("DescribeVpcAttribute", input).await[member]["Value"]
            .as_bool()
            .unwrap()
    };
    for (attribute, member, before) in [
        ("enableDnsSupport", "EnableDnsSupport", true),
        ("enableDnsHostnames", "EnableDnsHostnames", false),
        (
            "enableNetworkAddressUsageMetrics",
            "EnableNetworkAddressUsageMetrics",
            false,
        ),
    ] {
        assert_eq!(shown(attribute, member).await, before, "{attribute}");
        let mut input = json!({"VpcId": id});
        input[member] = json!({"Value": !before});
        api.ok("ModifyVpcAttribute", input).await;
        assert_eq!(shown(attribute, member).await, !before, "{attribute}");
    }
    let both =
        json!({"VpcId": id, "EnableDnsSupport": {"Value": true}, "EnableDnsHostnames": {"Value": true}});
    for input in [both, json!({"VpcId": id})] {
        assert_eq!(
            refused(&api, "ModifyVpcAttribute", input).await.0,
            "InvalidParameterCombination"
        );
    }
}

#[tokio::test]
async fn a_vpc_with_something_in_it_is_not_deleted() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    let message = format!("The vpc '{id}' has dependencies and cannot be deleted.");
    let delete = json!({"VpcId": id});

    let inside = subnet(&api, &id, "10.0.0.0/24").await;
    assert_refused(&api, "DeleteVpc", delete.clone(), "DependencyViolation", &message).await;
    api.ok("DeleteSubnet", json!({"SubnetId": inside})).await;

    let inside = group(&api, &id, "web").await;
    assert_refused(&api, "DeleteVpc", delete.clone(), "DependencyViolation", &message).await;
    api.ok("DeleteSecurityGroup", json!({"GroupId": inside})).await;

    let inside = api.ok("CreateRouteTable", json!({"VpcId": id})).await["RouteTable"]["RouteTableId"].clone();
    assert_refused(&api, "DeleteVpc", delete.clone(), "DependencyViolation", &message).await;
    api.ok("DeleteRouteTable", json!({"RouteTableId": inside})).await;

    let gateway =
        api.ok("CreateInternetGateway", json!({})).await["InternetGateway"]["InternetGatewayId"].clone();
    let attachment = json!({"InternetGatewayId": gateway, "VpcId": id});
    api.ok("AttachInternetGateway", attachment.clone()).await;
    assert_refused(&api, "DeleteVpc", delete.clone(), "DependencyViolation", &message).await;
    api.ok("DetachInternetGateway", attachment).await;
    api.ok("DeleteVpc", delete).await;
}

#[tokio::test]
async fn texts_that_are_no_ids_are_told_from_ids_of_nothing() {
    let api = ec2().await;
    let message = "Invalid id: \"main\" (expecting \"vpc-...\")";
    for operation in ["DeleteVpc", "CreateRouteTable"] {
        assert_refused(
            &api,
            operation,
            json!({"VpcId": "main"}),
            "InvalidVpcID.Malformed",
            message,
        )
        .await;
    }
    assert_refused(
        &api,
        "DescribeVpcs",
        json!({"VpcIds": ["main"]}),
        "InvalidVpcID.Malformed",
        message,
    )
    .await;
    for (operation, member, code) in [
        ("DescribeSubnets", "SubnetIds", "InvalidSubnetID"),
        ("DescribeSecurityGroups", "GroupIds", "InvalidGroupId"),
        (
            "DescribeSecurityGroupRules",
            "SecurityGroupRuleIds",
            "InvalidSecurityGroupRuleId",
        ),
        ("DescribeRouteTables", "RouteTableIds", "InvalidRouteTableId"),
        (
            "DescribeInternetGateways",
            "InternetGatewayIds",
            "InvalidInternetGatewayId",
        ),
        ("DescribeNetworkAcls", "NetworkAclIds", "InvalidNetworkAclId"),
        (
            "DescribeNetworkInterfaces",
            "NetworkInterfaceIds",
            "InvalidNetworkInterfaceId",
        ),
    ] {
        let mut input = json!({});
        input[member] = json!(["vpc-0a1b2c3d4e5f60718"]);
        assert_eq!(
            refused(&api, operation, input).await.0,
            format!("{code}.Malformed")
        );
    }
}
