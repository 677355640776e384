//! Tags of networks.

use serde_json::{Value, json};

use super::{assert_refused, ec2, filtered, group, refused, subnet, vpc};

#[tokio::test]
async fn tags_are_set_shown_filtered_and_taken_away() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let (inside, group) = (
        subnet(&api, &vpc, "10.0.0.0/24").await,
        group(&api, &vpc, "web").await,
    );
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let input = json!({"Resources": [vpc, inside, group], "Tags": [tag("Name", "main"), tag("team", "")]});
    api.ok("CreateTags", input).await;
    api.ok(
        "CreateTags",
        json!({"Resources": [inside], "Tags": [tag("Name", "private")]}),
    )
    .await;
    let shown = api.ok("DescribeSubnets", json!({"SubnetIds": [inside]})).await["Subnets"][0]["Tags"].clone();
    assert_eq!(shown, json!([tag("Name", "private"), tag("team", "")]));
    assert_eq!(
        filtered(&api, "DescribeVpcs", "Vpcs", "tag:Name", "ma?n")
            .await
            .len(),
        1
    );
    assert_eq!(
        filtered(&api, "DescribeSecurityGroups", "SecurityGroups", "tag-key", "te*")
            .await
            .len(),
        1
    );
    assert_eq!(
        filtered(&api, "DescribeVpcs", "Vpcs", "tag-value", "main")
            .await
            .len(),
        1
    );
    assert_eq!(
        filtered(&api, "DescribeTags", "Tags", "key", "Name").await.len(),
        3
    );
    let of_subnet = filtered(&api, "DescribeTags", "Tags", "resource-type", "subnet").await;
    let expected = json!({"ResourceId": inside, "ResourceType": "subnet", "Key": "Name", "Value": "private"});
    assert_eq!((of_subnet.len(), &of_subnet[0]), (2, &expected));
    assert_eq!(
        filtered(&api, "DescribeTags", "Tags", "tag:Name", "main")
            .await
            .len(),
        2
    );

    let wrong_value = json!({"Resources": [inside], "Tags": [tag("Name", "main"), {"Key": "team"}]});
    api.ok("DeleteTags", wrong_value).await;
    assert_eq!(
        filtered(&api, "DescribeTags", "Tags", "resource-id", &inside).await,
        [expected]
    );
    api.ok("DeleteTags", json!({"Resources": [inside, vpc]})).await;
    assert_eq!(
        api.ok("DescribeTags", json!({})).await["Tags"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn tags_that_nothing_can_have_are_refused_and_nothing_changes() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let (key, value) = ("k".repeat(129), "v".repeat(257));
    let many: Vec<Value> = (0..51)
        .map(|n| json!({"Key": format!("k{n}"), "Value": ""}))
        .collect();
    let cases = [
        (json!([{"Key": "aws:x", "Value": ""}]), "InvalidParameterValue"),
        (json!([{"Key": "AWS:x", "Value": ""}]), "InvalidParameterValue"),
        (json!([{"Key": "", "Value": ""}]), "InvalidParameterValue"),
        (json!([{"Key": key, "Value": ""}]), "InvalidParameterValue"),
        (json!([{"Key": "a", "Value": value}]), "InvalidParameterValue"),
        (json!([{"Key": "a"}]), "InvalidParameterValue"),
        (
            json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
            "InvalidParameterValue",
        ),
        (json!(many), "TagLimitExceeded"),
        (json!([]), "MissingParameter"),
    ];
    for (tags, code) in cases {
        let input = json!({"Resources": [vpc], "Tags": tags});
        assert_eq!(refused(&api, "CreateTags", input).await.0, code, "{tags}");
    }
    api.ok("CreateTags", json!({"Resources": [vpc], "Tags": many[..50]}))
        .await;
    let one_more = json!({"Resources": [vpc], "Tags": [{"Key": "x", "Value": ""}]});
    assert_eq!(refused(&api, "CreateTags", one_more).await.0, "TagLimitExceeded");
    let message = "The ID 'web' is not valid";
    let input = json!({"Resources": ["web"], "Tags": [{"Key": "a", "Value": "b"}]});
    assert_refused(&api, "CreateTags", input, "InvalidID", message).await;
    // All or none.
    let input =
        json!({"Resources": [vpc, "subnet-00000000000000000"], "Tags": [{"Key": "k0", "Value": "new"}]});
    assert_eq!(
        refused(&api, "CreateTags", input).await.0,
        "InvalidSubnetID.NotFound"
    );
    assert_eq!(
        filtered(&api, "DescribeTags", "Tags", "value", "new").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn specifications_are_for_what_is_made_and_for_nothing_else() {
    let api = ec2().await;
    let tags = json!([{"Key": "a", "Value": "b"}]);
    let make =
        |specification: Value| json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": [specification]});
    let message = "'subnet' is not a valid taggable resource type for this operation.";
    let other = make(json!({"ResourceType": "subnet", "Tags": tags}));
    assert_refused(&api, "CreateVpc", other, "InvalidParameterValue", message).await;
    let message = "Tag specification must have at least one tag";
    assert_refused(
        &api,
        "CreateVpc",
        make(json!({"ResourceType": "vpc"})),
        "InvalidParameterValue",
        message,
    )
    .await;
    let message = "Tag specification resource type must have a value";
    assert_refused(
        &api,
        "CreateVpc",
        make(json!({"Tags": tags})),
        "InvalidParameterValue",
        message,
    )
    .await;
}
