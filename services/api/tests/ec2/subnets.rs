//! Subnets: blocks, zones, attributes, and who is in them.

use serde_json::json;

use super::{assert_refused, ec2, refused, subnet, text, vpc};

#[tokio::test]
async fn blocks_are_within_the_vpcs_and_do_not_meet_others() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    subnet(&api, &id, "10.0.1.0/24").await;
    subnet(&api, &id, "10.0.2.0/23").await;
    for block in [
        "10.0.1.0/24",
        "10.0.1.128/25",
        "10.0.0.0/23",
        "10.0.3.0/28",
        "10.0.0.0/16",
    ] {
        let message = format!("The CIDR '{block}' conflicts with another subnet");
        let input = json!({"VpcId": id, "CidrBlock": block});
        assert_refused(&api, "CreateSubnet", input, "InvalidSubnet.Conflict", &message).await;
    }
    for block in ["10.1.0.0/24", "10.0.0.0/15", "10.0.9.0/29", "192.168.0.0/24"] {
        let message = format!("The CIDR '{block}' is invalid.");
        let input = json!({"VpcId": id, "CidrBlock": block});
        assert_refused(&api, "CreateSubnet", input, "InvalidSubnet.Range", &message).await;
    }
    let message = "Value (10.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block.";
    let input = json!({"VpcId": id, "CidrBlock": "10.0.0"});
    assert_refused(&api, "CreateSubnet", input, "InvalidParameterValue", message).await;
    let other = vpc(&api, "10.0.0.0/16").await;
    subnet(&api, &other, "10.0.1.0/24").await;
}

#[tokio::test]
async fn a_subnet_is_in_the_zone_that_is_asked_for_by_name_or_id() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    for (block, member, zone, name, zone_id) in [
        (
            "10.0.0.0/24",
            "AvailabilityZone",
            json!("us-east-1b"),
            "us-east-1b",
            "use1-az2",
        ),
        (
            "10.0.1.0/24",
            "AvailabilityZoneId",
            json!("use1-az3"),
            "us-east-1c",
            "use1-az3",
        ),
        (
            "10.0.2.0/24",
            "AvailabilityZone",
            json!(null),
            "us-east-1a",
            "use1-az1",
        ),
    ] {
        let mut input = json!({"VpcId": id, "CidrBlock": block});
        if !zone.is_null() {
            input[member] = zone;
        }
        let made = api.ok("CreateSubnet", input).await["Subnet"].clone();
        assert_eq!(
            (
                made["AvailabilityZone"].as_str(),
                made["AvailabilityZoneId"].as_str()
            ),
            (Some(name), Some(zone_id))
        );
        assert_eq!(
            (&made["AvailableIpAddressCount"], &made["MapPublicIpOnLaunch"]),
            (&json!(251), &json!(false))
        );
    }
    let input = json!({"VpcId": id, "CidrBlock": "10.0.3.0/24", "AvailabilityZone": "eu-west-1a"});
    let message = "Value (eu-west-1a) for parameter availabilityZone is invalid. Subnets can currently only be created in the following \
                   availability zones: us-east-1a, us-east-1b, us-east-1c.";
    assert_refused(&api, "CreateSubnet", input, "InvalidParameterValue", message).await;
}

#[tokio::test]
async fn attributes_show_what_was_set_and_those_of_ipv6_stay_off() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    let id = subnet(&api, &id, "10.0.0.0/24").await;
    api.ok(
        "ModifySubnetAttribute",
        json!({"SubnetId": id, "MapPublicIpOnLaunch": {"Value": true}}),
    )
    .await;
    let hostnames = json!({"SubnetId": id, "PrivateDnsHostnameTypeOnLaunch": "resource-name"});
    api.ok("ModifySubnetAttribute", hostnames).await;
    let records = json!({"SubnetId": id, "EnableResourceNameDnsARecordOnLaunch": {"Value": true}});
    api.ok("ModifySubnetAttribute", records).await;
    let shown = api.ok("DescribeSubnets", json!({"SubnetIds": [id]})).await["Subnets"][0].clone();
    assert_eq!(shown["MapPublicIpOnLaunch"], true);
    let names = &shown["PrivateDnsNameOptionsOnLaunch"];
    assert_eq!(
        (&names["HostnameType"], &names["EnableResourceNameDnsARecord"]),
        (&json!("resource-name"), &json!(true))
    );

    for parameter in [
        "AssignIpv6AddressOnCreation",
        "EnableDns64",
        "MapCustomerOwnedIpOnLaunch",
    ] {
        let mut input = json!({"SubnetId": id});
        input[parameter] = json!({"Value": true});
        let message = format!("The parameter {parameter} is not supported by this version of Berth yet.");
        assert_refused(
            &api,
            "ModifySubnetAttribute",
            input.clone(),
            "UnsupportedOperation",
            &message,
        )
        .await;
        input[parameter] = json!({"Value": false});
        api.ok("ModifySubnetAttribute", input).await;
    }
    let ipv6 = json!({"VpcId": shown["VpcId"], "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": "2001:db8::/64"});
    assert_eq!(
        refused(&api, "CreateSubnet", ipv6).await.0,
        "UnsupportedOperation"
    );
}

#[tokio::test]
async fn a_network_interface_keeps_its_subnet_and_groups_and_is_found_by_filters() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    let inside = subnet(&api, &id, "10.0.0.0/24").await;
    let group = super::group(&api, &id, "web").await;
    sqlx::query(
        "INSERT INTO network_interfaces (id, account, region, vpc_id, subnet_id, private_ip_address, mac_address, description, \
         attachment_id, attached_at) VALUES ('eni-0a1b2c3d4e5f60718', '000000000000', 'us-east-1', $1, $2, '10.0.0.4', \
         '02:00:00:00:00:01', 'of a task', 'eni-attach-0a1b2c3d4e5f60718', now())",
    )
    .bind(&id)
    .bind(&inside)
    .execute(api.db().pool())
    .await
    .unwrap();
    sqlx::query("INSERT INTO network_interface_groups VALUES ('eni-0a1b2c3d4e5f60718', $1)")
        .bind(&group)
        .execute(api.db().pool())
        .await
        .unwrap();
    for (name, value) in [
        ("group-id", group.as_str()),
        ("subnet-id", &inside),
        ("vpc-id", &id),
        ("status", "in-use"),
        ("private-dns-name", "ip-10-0-0-4.ec2.internal"),
        ("description", "of a *"),
        ("attachment.status", "attached"),
    ] {
        let found = super::filtered(
            &api,
            "DescribeNetworkInterfaces",
            "NetworkInterfaces",
            name,
            value,
        )
        .await;
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(
            found[0]["Groups"],
            json!([{"GroupId": group, "GroupName": "web"}])
        );
    }
    let shown = api.ok("DescribeSubnets", json!({"SubnetIds": [inside]})).await["Subnets"][0].clone();
    assert_eq!(shown["AvailableIpAddressCount"], 250);
    let message = format!("The subnet '{inside}' has dependencies and cannot be deleted.");
    assert_refused(
        &api,
        "DeleteSubnet",
        json!({"SubnetId": inside}),
        "DependencyViolation",
        &message,
    )
    .await;
    let message = format!("resource {group} has a dependent object");
    assert_refused(
        &api,
        "DeleteSecurityGroup",
        json!({"GroupId": group}),
        "DependencyViolation",
        &message,
    )
    .await;
    let none = text(&json!("eni-00000000000000000"));
    let message = format!("The networkInterface ID '{none}' does not exist");
    let input = json!({"NetworkInterfaceIds": [none]});
    assert_refused(
        &api,
        "DescribeNetworkInterfaces",
        input,
        "InvalidNetworkInterfaceID.NotFound",
        &message,
    )
    .await;
}
