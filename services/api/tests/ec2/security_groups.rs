//! Security groups and their rules, as Terraform's two kinds of resources and the command line write them.

use serde_json::{Value, json};
use test_support::TestApi;

use super::{assert_refused, ec2, group, refused, text, vpc};

fn tcp(port: i32, block: &str) -> Value {
    json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": block}]})
}

async fn shown(api: &TestApi, id: &str) -> Value {
    api.ok("DescribeSecurityGroups", json!({"GroupIds": [id]})).await["SecurityGroups"][0].clone()
}

#[tokio::test]
async fn a_new_group_lets_everything_out_and_nothing_in() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let tags = json!([{"Key": "Name", "Value": "web"}]);
    let input = json!({"VpcId": vpc, "GroupName": "web", "Description": "of the web",
        "TagSpecifications": [{"ResourceType": "security-group", "Tags": tags}]});
    let made = api.ok("CreateSecurityGroup", input.clone()).await;
    let id = text(&made["GroupId"]);
    assert_eq!(
        made["SecurityGroupArn"],
        format!("arn:aws:ec2:us-east-1:000000000000:security-group/{id}")
    );
    let group = shown(&api, &id).await;
    assert_eq!((&group["IpPermissions"], &group["Tags"]), (&json!([]), &tags));
    let everything = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [],
        "UserIdGroupPairs": []}]);
    assert_eq!(group["IpPermissionsEgress"], everything);

    let message = format!("The security group 'web' already exists for VPC '{vpc}'");
    assert_refused(
        &api,
        "CreateSecurityGroup",
        input,
        "InvalidGroup.Duplicate",
        &message,
    )
    .await;
    // Names are not told apart by the case of their letters.
    for (name, code) in [
        ("WEB", "InvalidGroup.Duplicate"),
        ("Default", "InvalidParameterValue"),
    ] {
        let other = json!({"VpcId": vpc, "GroupName": name, "Description": "of the web"});
        assert_eq!(
            refused(&api, "CreateSecurityGroup", other).await.0,
            code,
            "{name}"
        );
    }
    // As Terraform does, which wants no rule that it does not know.
    let egress = json!({"GroupId": id, "IpPermissions": everything});
    api.ok("RevokeSecurityGroupEgress", egress).await;
    assert_eq!(shown(&api, &id).await["IpPermissionsEgress"], json!([]));
    api.ok("DeleteSecurityGroup", json!({"GroupId": id})).await;
    let message = format!("The security group '{id}' does not exist");
    assert_refused(
        &api,
        "DescribeSecurityGroups",
        json!({"GroupIds": [id]}),
        "InvalidGroup.NotFound",
        &message,
    )
    .await;
}

#[tokio::test]
async fn rules_of_the_same_ports_are_shown_together_and_each_has_an_id() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let (web, db) = (group(&api, &vpc, "web").await, group(&api, &vpc, "db").await);
    let permission = json!({"IpProtocol": "6", "FromPort": 5432, "ToPort": 5432,
        "IpRanges": [{"CidrIp": "10.0.0.7/24", "Description": "office"}, {"CidrIp": "10.1.0.0/16"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:DB8::/32"}], "UserIdGroupPairs": [{"GroupId": web, "Description": "web"}]});
    let tags = json!([{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}]);
    let input = json!({"GroupId": db, "IpPermissions": [permission], "TagSpecifications": tags});
    let made = api.ok("AuthorizeSecurityGroupIngress", input).await;
    let rules = made["SecurityGroupRules"].as_array().unwrap();
    assert_eq!((rules.len(), &made["Return"]), (4, &json!(true)));
    assert_eq!(
        (&rules[0]["IpProtocol"], &rules[0]["CidrIpv4"]),
        (&json!("tcp"), &json!("10.0.0.0/24"))
    );
    assert_eq!(rules[2]["CidrIpv6"], "2001:db8::/32");
    assert_eq!(rules[3]["ReferencedGroupInfo"]["GroupId"], web);
    assert_eq!(rules[3]["Tags"], json!([{"Key": "a", "Value": "b"}]));
    let expected = json!([{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "PrefixListIds": [],
        "IpRanges": [{"CidrIp": "10.0.0.0/24", "Description": "office"}, {"CidrIp": "10.1.0.0/16"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
        "UserIdGroupPairs": [{"GroupId": web, "UserId": "000000000000", "Description": "web"}]}]);
    assert_eq!(shown(&api, &db).await["IpPermissions"], expected);
    let listed = super::filtered(
        &api,
        "DescribeSecurityGroupRules",
        "SecurityGroupRules",
        "group-id",
        &db,
    )
    .await;
    assert_eq!(listed.len(), 5);
    let tagged = super::filtered(
        &api,
        "DescribeSecurityGroupRules",
        "SecurityGroupRules",
        "tag:a",
        "b",
    )
    .await;
    assert_eq!(tagged.len(), 4);

    // A group that another one's rule names stays.
    let message = format!("resource {web} has a dependent object");
    assert_refused(
        &api,
        "DeleteSecurityGroup",
        json!({"GroupId": web}),
        "DependencyViolation",
        &message,
    )
    .await;
    // What is shown takes away what it shows.
    let revoke = json!({"GroupId": db, "IpPermissions": expected});
    let revoked = api.ok("RevokeSecurityGroupIngress", revoke).await;
    assert_eq!(revoked["RevokedSecurityGroupRules"].as_array().unwrap().len(), 4);
    api.ok("DeleteSecurityGroup", json!({"GroupId": web})).await;
    assert_eq!(api.ok("DescribeTags", json!({})).await["Tags"], json!([]));
}

#[tokio::test]
async fn a_rule_is_there_once_and_what_is_not_there_cannot_be_taken_away() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let id = group(&api, &vpc, "web").await;
    let http = json!({"GroupId": id, "IpPermissions": [tcp(80, "0.0.0.0/0")]});
    api.ok("AuthorizeSecurityGroupIngress", http.clone()).await;
    let message =
        "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW\" already exists";
    assert_refused(
        &api,
        "AuthorizeSecurityGroupIngress",
        http.clone(),
        "InvalidPermission.Duplicate",
        message,
    )
    .await;
    let everything = json!({"GroupId": id, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]});
    let message = "the specified rule \"peer: 0.0.0.0/0, ALL, ALLOW\" already exists";
    assert_refused(
        &api,
        "AuthorizeSecurityGroupEgress",
        everything,
        "InvalidPermission.Duplicate",
        message,
    )
    .await;
    // All or none.
    let both = json!({"GroupId": id, "IpPermissions": [tcp(443, "0.0.0.0/0"), tcp(80, "0.0.0.0/0")]});
    assert_eq!(
        refused(&api, "AuthorizeSecurityGroupIngress", both.clone())
            .await
            .0,
        "InvalidPermission.Duplicate"
    );
    assert_eq!(
        shown(&api, &id).await["IpPermissions"].as_array().unwrap().len(),
        1
    );
    let message = "The specified rule does not exist in this security group.";
    assert_refused(
        &api,
        "RevokeSecurityGroupIngress",
        both,
        "InvalidPermission.NotFound",
        message,
    )
    .await;
    assert_refused(
        &api,
        "RevokeSecurityGroupEgress",
        http,
        "InvalidPermission.NotFound",
        message,
    )
    .await;
    let twice = json!({"GroupId": id, "IpPermissions": [tcp(443, "0.0.0.0/0"), tcp(443, "0.0.0.0/0")]});
    let message = "The same permission must not appear multiple times";
    assert_refused(
        &api,
        "AuthorizeSecurityGroupIngress",
        twice,
        "InvalidParameterValue",
        message,
    )
    .await;

    // In the default VPC the answer tells.
    let default = text(
        &api.ok("DescribeSecurityGroups", json!({"GroupNames": ["default"]}))
            .await["SecurityGroups"][0]["GroupId"],
    );
    let revoke = json!({"GroupId": default, "IpPermissions": [tcp(22, "0.0.0.0/0")]});
    let answer = api.ok("RevokeSecurityGroupIngress", revoke).await;
    assert_eq!(answer["UnknownIpPermissions"][0]["FromPort"], 22);
    assert_eq!(answer["RevokedSecurityGroupRules"], json!([]));
}

#[tokio::test]
async fn rules_are_changed_described_and_revoked_by_their_ids() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let id = group(&api, &vpc, "web").await;
    let http = json!({"GroupId": id, "IpPermissions": [tcp(80, "0.0.0.0/0")]});
    let made = api.ok("AuthorizeSecurityGroupIngress", http.clone()).await;
    let rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"].clone();
    let change = |request: Value| {
        json!({"GroupId": id,
        "SecurityGroupRules": [{"SecurityGroupRuleId": rule, "SecurityGroupRule": request}]})
    };
    let https = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/8", "Description": "tls"});
    api.ok("ModifySecurityGroupRules", change(https)).await;
    let of_rule = json!({"SecurityGroupRuleIds": [rule]});
    let now = api.ok("DescribeSecurityGroupRules", of_rule.clone()).await["SecurityGroupRules"][0].clone();
    assert_eq!(
        (&now["FromPort"], &now["CidrIpv4"], &now["Description"]),
        (&json!(443), &json!("10.0.0.0/8"), &json!("tls"))
    );
    let other_kind = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv6": "::/0"});
    assert_eq!(
        refused(&api, "ModifySecurityGroupRules", change(other_kind))
            .await
            .0,
        "InvalidParameterValue"
    );

    let by_id = json!({"GroupId": id, "SecurityGroupRuleDescriptions": [{"SecurityGroupRuleId": rule, "Description": "office"}]});
    api.ok("UpdateSecurityGroupRuleDescriptionsIngress", by_id.clone())
        .await;
    assert_eq!(
        refused(&api, "UpdateSecurityGroupRuleDescriptionsEgress", by_id)
            .await
            .0,
        "InvalidSecurityGroupRuleId.NotFound"
    );
    let like = json!({"GroupId": id, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]});
    let now = api.ok("DescribeSecurityGroupRules", of_rule.clone()).await["SecurityGroupRules"][0].clone();
    assert_eq!(now["Description"], "office");
    api.ok("UpdateSecurityGroupRuleDescriptionsIngress", like).await;
    let now = api.ok("DescribeSecurityGroupRules", of_rule.clone()).await["SecurityGroupRules"][0].clone();
    assert_eq!(now.get("Description"), None);

    let revoke = json!({"GroupId": id, "SecurityGroupRuleIds": [rule]});
    assert_eq!(
        refused(&api, "RevokeSecurityGroupEgress", revoke.clone()).await.0,
        "InvalidSecurityGroupRuleId.NotFound"
    );
    api.ok("RevokeSecurityGroupIngress", revoke).await;
    let message = format!("The security group rule ID '{}' does not exist", text(&rule));
    assert_refused(
        &api,
        "DescribeSecurityGroupRules",
        of_rule,
        "InvalidSecurityGroupRuleId.NotFound",
        &message,
    )
    .await;
}

#[tokio::test]
async fn a_single_rule_may_stand_in_parameters_of_its_own() {
    let api = ec2().await;
    let made = api
        .ok(
            "CreateSecurityGroup",
            json!({"GroupName": "web", "Description": "web"}),
        )
        .await;
    let id = text(&made["GroupId"]);
    let single = json!({"GroupName": "web", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "192.0.2.1/32"});
    api.ok("AuthorizeSecurityGroupIngress", single.clone()).await;
    let from_group = json!({"GroupId": id, "SourceSecurityGroupName": "default"});
    let rules = api.ok("AuthorizeSecurityGroupIngress", from_group).await["SecurityGroupRules"].clone();
    let protocols: Vec<&str> = rules
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["IpProtocol"].as_str())
        .collect();
    assert_eq!(protocols, ["tcp", "udp", "icmp"]);
    let egress =
        json!({"GroupId": id, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "192.0.2.1/32"});
    assert_eq!(
        refused(&api, "AuthorizeSecurityGroupEgress", egress).await.0,
        "UnsupportedOperation"
    );
    api.ok("RevokeSecurityGroupIngress", single).await;
    api.ok("DeleteSecurityGroup", json!({"GroupName": "web"})).await;
}

#[tokio::test]
async fn what_is_no_rule_is_refused_and_nothing_changes() {
    let api = ec2().await;
    let (a, b) = (vpc(&api, "10.0.0.0/16").await, vpc(&api, "10.0.0.0/16").await);
    let (id, elsewhere) = (group(&api, &a, "web").await, group(&api, &b, "web").await);
    let before = shown(&api, &id).await;
    let cases = [
        (
            json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}),
            "MissingParameter",
        ),
        (
            json!({"FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
            "MissingParameter",
        ),
        (
            json!({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
            "InvalidParameterValue",
        ),
        (
            json!({"IpProtocol": "tcp", "FromPort": 81, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
            "InvalidParameterValue",
        ),
        (tcp(80, "0.0.0.0"), "InvalidParameterValue"),
        (tcp(70000, "0.0.0.0/0"), "InvalidParameterValue"),
        (
            json!({"IpProtocol": "quic", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
            "InvalidParameterValue",
        ),
        (
            json!({"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}),
            "UnsupportedOperation",
        ),
        (
            json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-00000000000000000"}]}),
            "InvalidGroup.NotFound",
        ),
        (
            json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "web"}]}),
            "InvalidGroupId.Malformed",
        ),
        (
            json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": elsewhere}]}),
            "InvalidGroup.NotFound",
        ),
        (
            json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": id, "UserId": "111111111111"}]}),
            "UnsupportedOperation",
        ),
        (
            json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "a\nb"}]}),
            "InvalidParameterValue",
        ),
    ];
    for (permission, code) in cases {
        let input = json!({"GroupId": id, "IpPermissions": [permission]});
        assert_eq!(
            refused(&api, "AuthorizeSecurityGroupIngress", input).await.0,
            code,
            "{permission}"
        );
    }
    assert_eq!(
        refused(&api, "AuthorizeSecurityGroupIngress", json!({"GroupId": id}))
            .await
            .0,
        "MissingParameter"
    );
    assert_eq!(shown(&api, &id).await, before);
}

#[tokio::test]
async fn names_that_a_group_cannot_have_are_refused_and_the_default_one_stays() {
    let api = ec2().await;
    let too_long = "x".repeat(256);
    for (name, description) in [
        ("default", "x"),
        ("sg-web", "x"),
        ("grün", "x"),
        (too_long.as_str(), "x"),
        ("web", "grün"),
        ("web", too_long.as_str()),
    ] {
        let input = json!({"GroupName": name, "Description": description});
        assert_eq!(
            refused(&api, "CreateSecurityGroup", input).await.0,
            "InvalidParameterValue",
            "{name} {description}"
        );
    }
    let default = text(&api.ok("DescribeSecurityGroups", json!({})).await["SecurityGroups"][0]["GroupId"]);
    let message = format!("the specified group: \"{default}\" name: \"default\" cannot be deleted by a user");
    assert_refused(
        &api,
        "DeleteSecurityGroup",
        json!({"GroupId": default}),
        "CannotDelete",
        &message,
    )
    .await;
    let vpc = text(&api.ok("DescribeVpcs", json!({})).await["Vpcs"][0]["VpcId"]);
    let message = format!("The security group 'none' does not exist in default VPC '{vpc}'");
    let input = json!({"GroupNames": ["none"]});
    assert_refused(
        &api,
        "DescribeSecurityGroups",
        input,
        "InvalidGroup.NotFound",
        &message,
    )
    .await;
}

#[tokio::test]
async fn a_group_has_at_most_a_thousand_rules_in_each_direction() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let id = group(&api, &vpc, "web").await;
    let ranges: Vec<Value> = (0..1000)
        .map(|n| json!({"CidrIp": format!("10.{}.{}.0/24", n / 256, n % 256)}))
        .collect();
    let permission = |ranges: &[Value]| json!({"GroupId": id, "IpPermissions": [{"IpProtocol": "50", "IpRanges": ranges}]});
    assert_eq!(
        refused(&api, "AuthorizeSecurityGroupEgress", permission(&ranges))
            .await
            .0,
        "RulesPerSecurityGroupLimitExceeded"
    );
    api.ok("AuthorizeSecurityGroupIngress", permission(&ranges)).await;
    let shown = shown(&api, &id).await;
    assert_eq!(
        shown["IpPermissions"][0]["IpRanges"].as_array().unwrap().len(),
        1000
    );
    assert_eq!(shown["IpPermissions"][0].get("FromPort"), None);
    let one_more = permission(&[json!({"CidrIp": "192.0.2.0/24"})]);
    assert_eq!(
        refused(&api, "AuthorizeSecurityGroupIngress", one_more).await.0,
        "RulesPerSecurityGroupLimitExceeded"
    );
}
