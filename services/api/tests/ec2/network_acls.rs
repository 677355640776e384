//! Network ACLs, as Terraform takes over a VPC's default one and makes others.

use serde_json::{Value, json};
use test_support::TestApi;

use super::{assert_refused, ec2, filtered, refused, subnet, text, vpc};

async fn shown(api: &TestApi, acl: &str) -> Value {
    api.ok("DescribeNetworkAcls", json!({"NetworkAclIds": [acl]}))
        .await["NetworkAcls"][0]
        .clone()
}

fn numbers(acl: &Value, egress: bool) -> Vec<i64> {
    let entries = acl["Entries"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["Egress"] == egress)
        .map(|entry| entry["RuleNumber"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn entries_of_the_default_one_are_taken_away_and_set_anew() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let acl = filtered(&api, "DescribeNetworkAcls", "NetworkAcls", "vpc-id", &vpc).await[0].clone();
    let id = text(&acl["NetworkAclId"]);
    assert_eq!(
        (numbers(&acl, true), numbers(&acl, false)),
        (vec![100, 32767], vec![100, 32767])
    );
    for egress in [true, false] {
        let entry = json!({"NetworkAclId": id, "RuleNumber": 100, "Egress": egress});
        api.ok("DeleteNetworkAclEntry", entry.clone()).await;
        let message = "The network acl entry identified by 100 does not exist.";
        assert_refused(
            &api,
            "DeleteNetworkAclEntry",
            entry,
            "InvalidNetworkAclEntry.NotFound",
            message,
        )
        .await;
    }
    let entry = |number: i32, more: Value| {
        let mut entry = json!({"NetworkAclId": id, "RuleNumber": number, "Protocol": "-1", "RuleAction": "allow", "Egress": false});
        entry
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        entry
    };
    // Ports of all protocols say nothing.
    let all = entry(
        101,
        json!({"Ipv6CidrBlock": "::/0", "PortRange": {"From": 0, "To": 0}}),
    );
    api.ok("CreateNetworkAclEntry", all.clone()).await;
    let http = json!({"Protocol": "tcp", "CidrBlock": "10.1.2.3/8", "PortRange": {"From": 80, "To": 81}});
    api.ok("CreateNetworkAclEntry", entry(90, http)).await;
    let ping = json!({"Protocol": "1", "CidrBlock": "0.0.0.0/0", "IcmpTypeCode": {"Type": 8, "Code": -1}, "RuleAction": "deny"});
    api.ok("CreateNetworkAclEntry", entry(200, ping)).await;
    let now = shown(&api, &id).await;
    assert_eq!(
        (numbers(&now, true), numbers(&now, false)),
        (vec![32767], vec![90, 101, 200, 32767])
    );
    let expected = json!([
        {"RuleNumber": 90, "Egress": false, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "10.0.0.0/8", "PortRange": {"From": 80, "To": 81}},
        {"RuleNumber": 101, "Egress": false, "Protocol": "-1", "RuleAction": "allow", "Ipv6CidrBlock": "::/0"},
        {"RuleNumber": 200, "Egress": false, "Protocol": "1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0",
         "IcmpTypeCode": {"Type": 8, "Code": -1}},
    ]);
    assert_eq!(
        now["Entries"].as_array().unwrap()[1..4],
        *expected.as_array().unwrap()
    );
    let message = "The network acl entry identified by 101 already exists.";
    assert_refused(
        &api,
        "CreateNetworkAclEntry",
        all,
        "NetworkAclEntryAlreadyExists",
        message,
    )
    .await;
    api.ok(
        "ReplaceNetworkAclEntry",
        entry(101, json!({"CidrBlock": "10.0.0.0/8"})),
    )
    .await;
    assert_eq!(
        filtered(
            &api,
            "DescribeNetworkAcls",
            "NetworkAcls",
            "entry.ipv6-cidr",
            "::/0"
        )
        .await
        .len(),
        0
    );
    let none = entry(102, json!({"CidrBlock": "10.0.0.0/8"}));
    assert_eq!(
        refused(&api, "ReplaceNetworkAclEntry", none).await.0,
        "InvalidNetworkAclEntry.NotFound"
    );
    for (number, more, code) in [
        (0, json!({"CidrBlock": "0.0.0.0/0"}), "InvalidParameterValue"),
        (32767, json!({"CidrBlock": "0.0.0.0/0"}), "InvalidParameterValue"),
        (1, json!({}), "MissingParameter"),
        (
            1,
            json!({"CidrBlock": "0.0.0.0/0", "Ipv6CidrBlock": "::/0"}),
            "InvalidParameterCombination",
        ),
        (1, json!({"CidrBlock": "0.0.0.0"}), "InvalidParameterValue"),
        (
            1,
            json!({"CidrBlock": "0.0.0.0/0", "Protocol": "6"}),
            "MissingParameter",
        ),
        (
            1,
            json!({"CidrBlock": "0.0.0.0/0", "Protocol": "1"}),
            "MissingParameter",
        ),
        (
            1,
            json!({"CidrBlock": "0.0.0.0/0", "Protocol": "quic"}),
            "InvalidParameterValue",
        ),
    ] {
        let input = entry(number, more.clone());
        assert_eq!(
            refused(&api, "CreateNetworkAclEntry", input).await.0,
            code,
            "{number} {more}"
        );
    }
    for number in 1000..1037 {
        api.ok(
            "CreateNetworkAclEntry",
            entry(number, json!({"CidrBlock": "0.0.0.0/0"})),
        )
        .await;
    }
    let one_more = entry(2000, json!({"CidrBlock": "0.0.0.0/0"}));
    assert_eq!(
        refused(&api, "CreateNetworkAclEntry", one_more).await.0,
        "NetworkAclEntryLimitExceeded"
    );
}

#[tokio::test]
async fn a_subnet_uses_one_and_those_in_use_stay() {
    let api = ec2().await;
    let (a, b) = (vpc(&api, "10.0.0.0/16").await, vpc(&api, "10.1.0.0/16").await);
    let inside = subnet(&api, &a, "10.0.0.0/24").await;
    let create = json!({"VpcId": a, "ClientToken": "once"});
    let made = api.ok("CreateNetworkAcl", create.clone()).await["NetworkAcl"].clone();
    assert_eq!(api.ok("CreateNetworkAcl", create).await["NetworkAcl"], made);
    let id = text(&made["NetworkAclId"]);
    assert_eq!(
        (&made["IsDefault"], numbers(&made, true)),
        (&json!(false), vec![32767])
    );
    let elsewhere =
        text(&api.ok("CreateNetworkAcl", json!({"VpcId": b})).await["NetworkAcl"]["NetworkAclId"]);
    let of_subnet = filtered(
        &api,
        "DescribeNetworkAcls",
        "NetworkAcls",
        "association.subnet-id",
        &inside,
    )
    .await[0]
        .clone();
    let default = text(&of_subnet["NetworkAclId"]);
    let association = of_subnet["Associations"][0]["NetworkAclAssociationId"].clone();
    let replace = |acl: &str| json!({"AssociationId": association, "NetworkAclId": acl});
    let message = format!("network ACL {elsewhere} and subnet {inside} belong to different networks");
    assert_refused(
        &api,
        "ReplaceNetworkAclAssociation",
        replace(&elsewhere),
        "InvalidParameterValue",
        &message,
    )
    .await;
    let new = api.ok("ReplaceNetworkAclAssociation", replace(&id)).await["NewAssociationId"].clone();
    assert_eq!(
        shown(&api, &id).await["Associations"][0]["NetworkAclAssociationId"],
        new
    );
    assert_eq!(
        refused(&api, "ReplaceNetworkAclAssociation", replace(&id))
            .await
            .0,
        "InvalidAssociationID.NotFound"
    );

    let delete = |acl: &str| json!({"NetworkAclId": acl});
    let message = format!("The networkAcl '{id}' has dependencies and cannot be deleted.");
    assert_refused(
        &api,
        "DeleteNetworkAcl",
        delete(&id),
        "DependencyViolation",
        &message,
    )
    .await;
    let message = format!("cannot delete default network ACL {default}");
    assert_refused(
        &api,
        "DeleteNetworkAcl",
        delete(&default),
        "InvalidParameterValue",
        &message,
    )
    .await;
    api.ok("DeleteSubnet", json!({"SubnetId": inside})).await;
    assert_eq!(
        refused(&api, "DeleteVpc", json!({"VpcId": a})).await.0,
        "DependencyViolation"
    );
    api.ok("DeleteNetworkAcl", delete(&id)).await;
    api.ok("DeleteVpc", json!({"VpcId": a})).await;
}
