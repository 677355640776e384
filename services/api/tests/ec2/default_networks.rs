//! What is there from the first look on.

use serde_json::json;

use super::{assert_refused, ec2, filtered, text};

#[tokio::test]
async fn a_fresh_region_has_a_default_vpc_with_everything_that_aws_puts_there() {
    let api = ec2().await;
    let vpcs = api.ok("DescribeVpcs", json!({})).await["Vpcs"].clone();
    assert_eq!(vpcs.as_array().unwrap().len(), 1);
    let vpc = &vpcs[0];
    let id = text(&vpc["VpcId"]);
    assert_eq!(
        (vpc["CidrBlock"].as_str(), vpc["IsDefault"].as_bool()),
        (Some("172.31.0.0/16"), Some(true))
    );
    assert_eq!(
        (vpc["State"].as_str(), vpc["OwnerId"].as_str()),
        (Some("available"), Some("000000000000"))
    );
    assert_eq!(
        vpc["CidrBlockAssociationSet"][0]["CidrBlockState"]["State"],
        "associated"
    );
    assert!(id.starts_with("vpc-0") && id.len() == 21, "{id}");

    let subnets = filtered(&api, "DescribeSubnets", "Subnets", "default-for-az", "true").await;
    let mut zones: Vec<String> = subnets
        .iter()
        .map(|subnet| text(&subnet["AvailabilityZone"]))
        .collect();
    zones.sort();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    for subnet in &subnets {
        assert_eq!(subnet["MapPublicIpOnLaunch"], true);
        assert_eq!(subnet["AvailableIpAddressCount"], 4091);
        assert_eq!(subnet["VpcId"], vpc["VpcId"]);
        let arn = format!(
            "arn:aws:ec2:us-east-1:000000000000:subnet/{}",
            text(&subnet["SubnetId"])
        );
        assert_eq!(subnet["SubnetArn"], arn);
    }

    let tables = filtered(
        &api,
        "DescribeRouteTables",
        "RouteTables",
        "association.main",
        "true",
    )
    .await;
    assert_eq!(tables.len(), 1);
    let gateways = filtered(
        &api,
        "DescribeInternetGateways",
        "InternetGateways",
        "attachment.vpc-id",
        &id,
    )
    .await;
    assert_eq!(gateways[0]["Attachments"][0]["State"], "available");
    let routes = &tables[0]["Routes"];
    assert_eq!(
        (&routes[0]["GatewayId"], &routes[0]["DestinationCidrBlock"]),
        (&json!("local"), &json!("172.31.0.0/16"))
    );
    assert_eq!(
        (&routes[1]["GatewayId"], &routes[1]["State"]),
        (&gateways[0]["InternetGatewayId"], &json!("active"))
    );

    let acls = filtered(&api, "DescribeNetworkAcls", "NetworkAcls", "default", "true").await;
    assert_eq!(acls[0]["Associations"].as_array().unwrap().len(), 3);
    assert_eq!(acls[0]["Entries"].as_array().unwrap().len(), 4);

    let groups = filtered(
        &api,
        "DescribeSecurityGroups",
        "SecurityGroups",
        "group-name",
        "default",
    )
    .await;
    assert_eq!(groups.len(), 1);
    let group = &groups[0];
    assert_eq!(group["Description"], "default VPC security group");
    assert_eq!(group["IpPermissions"][0]["IpProtocol"], "-1");
    assert_eq!(
        group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"],
        group["GroupId"]
    );
    assert_eq!(
        group["IpPermissionsEgress"][0]["IpRanges"][0]["CidrIp"],
        "0.0.0.0/0"
    );
    assert_eq!(group["IpPermissionsEgress"][0].get("FromPort"), None);

    let attributes = api
        .ok(
            "DescribeAccountAttributes",
            json!({"AttributeNames": ["default-vpc"]}),
        )
        .await;
    assert_eq!(
        attributes["AccountAttributes"][0]["AttributeValues"][0]["AttributeValue"],
        id
    );
    for (attribute, member) in [
        ("enableDnsSupport", "EnableDnsSupport"),
        ("enableDnsHostnames", "EnableDnsHostnames"),
    ] {
        let shown = api
            .ok(
                "DescribeVpcAttribute",
                json!({"VpcId": id, "Attribute": attribute}),
            )
            .await;
        assert_eq!(shown[member]["Value"], true);
    }
}

#[tokio::test]
async fn networks_of_another_account_or_region_are_not_there() {
    let api = ec2().await;
    let vpc = text(&api.ok("DescribeVpcs", json!({})).await["Vpcs"][0]["VpcId"]);
    for elsewhere in [
        api.elsewhere("111111111111", "us-east-1"),
        api.elsewhere("000000000000", "eu-west-1"),
    ] {
        let message = format!("The vpc ID '{vpc}' does not exist");
        for operation in ["DeleteVpc", "CreateRouteTable"] {
            assert_refused(
                &elsewhere,
                operation,
                json!({"VpcId": vpc}),
                "InvalidVpcID.NotFound",
                &message,
            )
            .await;
        }
        let input = json!({"VpcIds": [vpc]});
        assert_refused(
            &elsewhere,
            "DescribeVpcs",
            input,
            "InvalidVpcID.NotFound",
            &message,
        )
        .await;
        let tag = json!({"Resources": [vpc], "Tags": [{"Key": "a", "Value": "b"}]});
        assert_refused(&elsewhere, "CreateTags", tag, "InvalidVpcID.NotFound", &message).await;
    }
}

#[tokio::test]
async fn default_networks_can_be_deleted_piece_by_piece_and_made_again() {
    let api = ec2().await;
    let vpc = text(&api.ok("DescribeVpcs", json!({})).await["Vpcs"][0]["VpcId"]);
    let message = "A Default VPC already exists for this account in this region.";
    assert_refused(
        &api,
        "CreateDefaultVpc",
        json!({}),
        "DefaultVpcAlreadyExists",
        message,
    )
    .await;
    let zone = json!({"AvailabilityZone": "us-east-1b"});
    let (code, _) = super::refused(&api, "CreateDefaultSubnet", zone.clone()).await;
    assert_eq!(code, "DefaultSubnetAlreadyExistsInAvailabilityZone");
    let subnets = api.ok("DescribeSubnets", json!({})).await["Subnets"].clone();
    for subnet in subnets.as_array().unwrap() {
        api.ok("DeleteSubnet", json!({"SubnetId": subnet["SubnetId"]}))
            .await;
    }
    let made = api.ok("CreateDefaultSubnet", zone).await["Subnet"].clone();
    assert_eq!(
        (&made["CidrBlock"], &made["DefaultForAz"]),
        (&json!("172.31.0.0/20"), &json!(true))
    );
    api.ok("DeleteSubnet", json!({"SubnetId": made["SubnetId"]}))
        .await;

    let gateway =
        api.ok("DescribeInternetGateways", json!({})).await["InternetGateways"][0]["InternetGatewayId"]
            .clone();
    api.ok(
        "DetachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": vpc}),
    )
    .await;
    let tables = api.ok("DescribeRouteTables", json!({})).await["RouteTables"].clone();
    assert_eq!(tables[0]["Routes"][1]["State"], "blackhole");
    api.ok("DeleteVpc", json!({"VpcId": vpc})).await;
    assert_eq!(api.ok("DescribeVpcs", json!({})).await["Vpcs"], json!([]));
    for (operation, list) in [
        ("DescribeRouteTables", "RouteTables"),
        ("DescribeSecurityGroups", "SecurityGroups"),
        ("DescribeSecurityGroupRules", "SecurityGroupRules"),
        ("DescribeNetworkAcls", "NetworkAcls"),
    ] {
        assert_eq!(api.ok(operation, json!({})).await[list], json!([]), "{operation}");
    }
    let group = json!({"GroupName": "web", "Description": "web"});
    assert_refused(
        &api,
        "CreateSecurityGroup",
        group,
        "VPCIdNotSpecified",
        "No default VPC for this user",
    )
    .await;
    let attributes = api.ok("DescribeAccountAttributes", json!({})).await;
    assert_eq!(
        attributes["AccountAttributes"][1]["AttributeValues"][0]["AttributeValue"],
        "none"
    );
    let again = api.ok("CreateDefaultVpc", json!({})).await["Vpc"].clone();
    assert_ne!(again["VpcId"], vpc);
    assert_eq!(
        api.ok("DescribeSubnets", json!({})).await["Subnets"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn zones_and_regions_are_shown_with_their_ids() {
    let api = ec2().await;
    let zones = api.ok("DescribeAvailabilityZones", json!({})).await["AvailabilityZones"].clone();
    let ids: Vec<&str> = zones
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|zone| zone["ZoneId"].as_str())
        .collect();
    assert_eq!(ids, ["use1-az1", "use1-az2", "use1-az3"]);
    assert_eq!(zones[0]["ZoneType"], "availability-zone");
    let one = filtered(
        &api,
        "DescribeAvailabilityZones",
        "AvailabilityZones",
        "zone-name",
        "*c",
    )
    .await;
    assert_eq!(one[0]["ZoneName"], "us-east-1c");
    let unknown = json!({"ZoneNames": ["us-east-1x"]});
    let message = "Invalid availability zone: [us-east-1x]";
    assert_refused(
        &api,
        "DescribeAvailabilityZones",
        unknown,
        "InvalidParameterValue",
        message,
    )
    .await;

    let local = api.elsewhere("000000000000", "my-dc-1");
    let regions = filtered(&local, "DescribeRegions", "Regions", "region-name", "my-dc-?").await;
    assert_eq!(regions[0]["OptInStatus"], "opt-in-not-required");
    let named = api
        .ok("DescribeRegions", json!({"RegionNames": ["eu-west-1"]}))
        .await;
    assert_eq!(named["Regions"].as_array().unwrap().len(), 1);
    let bad = json!({"RegionNames": ["Europe"]});
    assert_refused(
        &api,
        "DescribeRegions",
        bad,
        "InvalidParameterValue",
        "Invalid region names provided: Europe",
    )
    .await;
}

#[tokio::test]
async fn nothing_is_linked_to_ec2_classic_and_there_are_no_elastic_addresses_or_vpn_gateways() {
    let api = ec2().await;
    let links = api.ok("DescribeVpcClassicLink", json!({})).await["Vpcs"].clone();
    assert_eq!(links[0]["ClassicLinkEnabled"], false);
    let links = filtered(
        &api,
        "DescribeVpcClassicLink",
        "Vpcs",
        "is-classic-link-enabled",
        "true",
    )
    .await;
    assert_eq!(links, Vec::<serde_json::Value>::new());
    let support = api.ok("DescribeVpcClassicLinkDnsSupport", json!({})).await["Vpcs"].clone();
    assert_eq!(support[0]["ClassicLinkDnsSupported"], false);
    assert_eq!(
        api.ok("DescribeAddresses", json!({})).await["Addresses"],
        json!([])
    );
    let address = json!({"PublicIps": ["1.2.3.4"]});
    assert_refused(
        &api,
        "DescribeAddresses",
        address,
        "InvalidAddress.NotFound",
        "Address '1.2.3.4' not found.",
    )
    .await;
    assert_eq!(
        api.ok("DescribeNetworkInterfaces", json!({})).await["NetworkInterfaces"],
        json!([])
    );
}
