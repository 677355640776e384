//! Ids, filters and pages of Describe operations.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{assert_refused, ec2, filtered, refused, subnet, text, vpc};

const DESCRIBES: [(&str, &str); 9] = [
    ("DescribeVpcs", "Vpcs"),
    ("DescribeSubnets", "Subnets"),
    ("DescribeSecurityGroups", "SecurityGroups"),
    ("DescribeSecurityGroupRules", "SecurityGroupRules"),
    ("DescribeRouteTables", "RouteTables"),
    ("DescribeInternetGateways", "InternetGateways"),
    ("DescribeNetworkAcls", "NetworkAcls"),
    ("DescribeNetworkInterfaces", "NetworkInterfaces"),
    ("DescribeTags", "Tags"),
];

#[tokio::test]
async fn unknown_filters_are_refused_everywhere_also_where_there_is_nothing() {
    let api = ec2().await;
    let others = [
        "DescribeAvailabilityZones",
        "DescribeRegions",
        "DescribeAddresses",
        "DescribeVpcClassicLink",
    ];
    for operation in DESCRIBES.iter().map(|(operation, _)| *operation).chain(others) {
        let input = json!({"Filters": [{"Name": "colour", "Values": ["red"]}]});
        assert_refused(
            &api,
            operation,
            input,
            "InvalidParameterValue",
            "The filter 'colour' is invalid",
        )
        .await;
        let none = json!({"Filters": [{"Values": ["red"]}]});
        assert_eq!(
            refused(&api, operation, none).await.0,
            "MissingParameter",
            "{operation}"
        );
        let values: Vec<String> = (0..201).map(|n| n.to_string()).collect();
        let name = if operation == "DescribeTags" {
            "key"
        } else {
            "tag-key"
        };
        if !matches!(operation, "DescribeAvailabilityZones" | "DescribeRegions") {
            let many = json!({"Filters": [{"Name": name, "Values": values}]});
            assert_eq!(
                refused(&api, operation, many).await.0,
                "FilterLimitExceeded",
                "{operation}"
            );
        }
    }
}

#[tokio::test]
async fn all_filters_have_to_match_and_of_a_filters_values_one() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    for block in ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/25"] {
        subnet(&api, &id, block).await;
    }
    let count = async |filters: Value| {
        api.ok("DescribeSubnets", json!({"Filters": filters})).await["Subnets"]
            .as_array()
            .unwrap()
            .len()
    };
    let of_vpc = json!({"Name": "vpc-id", "Values": [id]});
    assert_eq!(count(json!([of_vpc])).await, 3);
    assert_eq!(
        count(json!([of_vpc, {"Name": "cidr-block", "Values": ["10.0.0.0/24", "10.0.2.*"]}])).await,
        2
    );
    assert_eq!(
        count(json!([of_vpc, {"Name": "available-ip-address-count", "Values": ["251"]}])).await,
        2
    );
    assert_eq!(
        count(json!([of_vpc, {"Name": "default-for-az", "Values": ["true"]}])).await,
        0
    );
    assert_eq!(
        count(json!([{"Name": "defaultForAz", "Values": ["true"]}])).await,
        3
    );
    assert_eq!(
        filtered(&api, "DescribeVpcs", "Vpcs", "isDefault", "true")
            .await
            .len(),
        1
    );
    assert_eq!(
        filtered(
            &api,
            "DescribeSecurityGroups",
            "SecurityGroups",
            "egress.ip-permission.cidr",
            "0.0.0.0/0"
        )
        .await
        .len(),
        2
    );
    let first =
        text(&api.ok("DescribeSubnets", json!({"Filters": [of_vpc]})).await["Subnets"][0]["SubnetId"]);
    let both = json!({"SubnetIds": [first], "Filters": [{"Name": "vpc-id", "Values": ["vpc-0"]}]});
    assert_eq!(api.ok("DescribeSubnets", both).await["Subnets"], json!([]));
}

#[tokio::test]
async fn pages_show_everything_once() {
    let api = ec2().await;
    let id = vpc(&api, "10.0.0.0/16").await;
    for n in 0..14 {
        subnet(&api, &id, &format!("10.0.{n}.0/24")).await;
    }
    let (mut seen, mut pages, mut token) = (BTreeSet::new(), 0, Value::Null);
    loop {
        let mut input = json!({"MaxResults": 5, "Filters": [{"Name": "vpc-id", "Values": [id]}]});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let page = api.ok("DescribeSubnets", input).await;
        for subnet in page["Subnets"].as_array().unwrap() {
            assert!(seen.insert(text(&subnet["SubnetId"])));
        }
        pages += 1;
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (14, 3));
    for size in [0, 4, 1001] {
        let (code, _) = refused(&api, "DescribeSubnets", json!({"MaxResults": size})).await;
        assert_eq!(code, "InvalidParameterValue", "{size}");
    }
    assert_eq!(
        refused(&api, "DescribeTags", json!({"MaxResults": 4})).await.0,
        "InvalidParameterValue"
    );
    assert_eq!(
        refused(&api, "DescribeSubnets", json!({"NextToken": "!"}))
            .await
            .0,
        "InvalidNextToken"
    );
}

#[tokio::test]
async fn a_dry_run_says_that_it_would_work_and_does_nothing() {
    let api = ec2().await;
    let input = json!({"CidrBlock": "10.0.0.0/16", "DryRun": true});
    assert_eq!(refused(&api, "CreateVpc", input).await.0, "DryRunOperation");
    assert_eq!(
        api.ok("DescribeVpcs", json!({})).await["Vpcs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
