//! Tags of load balancing: TG-01.

use serde_json::{Value, json};

use crate::lab::{arn, balancer, elb, group, listener, refused};

#[tokio::test]
async fn tg01_tags_of_all_kinds_of_things_are_set_shown_and_taken_away() {
    let api = elb().await;
    let balancer = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let group = arn(
        &group(&api, "web", json!({"Tags": [{"Key": "b", "Value": "0"}]})).await,
        "TargetGroupArn",
    );
    let listener = listener(&api, &balancer, 80, &group).await;
    let rules = api.ok("DescribeRules", json!({"ListenerArn": listener})).await;
    let rule = arn(&rules["Rules"][0], "RuleArn");
    let arns = json!([balancer, group, listener, rule]);
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]);
    assert_eq!(
        api.ok("AddTags", json!({"ResourceArns": arns, "Tags": tags}))
            .await,
        json!({})
    );
    let described = |tags: Value| -> Value {
        let of = |arn: &Value| json!({"ResourceArn": arn, "Tags": tags});
        arns.as_array().unwrap().iter().map(of).collect()
    };
    let shown = api.ok("DescribeTags", json!({"ResourceArns": arns})).await;
    assert_eq!(shown["TagDescriptions"], described(tags));
    let keys = json!({"ResourceArns": arns, "TagKeys": ["a", "never-there"]});
    assert_eq!(api.ok("RemoveTags", keys).await, json!({}));
    let shown = api.ok("DescribeTags", json!({"ResourceArns": arns})).await;
    assert_eq!(
        shown["TagDescriptions"],
        described(json!([{"Key": "b", "Value": ""}]))
    );
}

#[tokio::test]
async fn tg01_bad_tags_and_things_that_are_not_there_are_refused_and_nothing_changes() {
    let api = elb().await;
    let id = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    let missing = format!("{}0123456789abcdef", &id[..id.len() - 16]);
    let pairs = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"Key": format!("k{n}"), "Value": ""}))
            .collect()
    };
    for (arns, tags, code) in [
        (
            json!([id]),
            json!([{"Key": "aws:x", "Value": ""}]),
            "ValidationError",
        ),
        (
            json!([id]),
            json!([{"Key": "a*", "Value": ""}]),
            "ValidationError",
        ),
        (
            json!([id]),
            json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
            "DuplicateTagKeys",
        ),
        (json!([id]), pairs(51), "TooManyTags"),
        (json!([id, missing]), pairs(1), "TargetGroupNotFound"),
        (json!(["web"]), pairs(1), "ValidationError"),
        (json!([]), pairs(1), "ValidationError"),
        (json!(vec![&id; 21]), pairs(1), "ValidationError"),
    ] {
        let refusal = api
            .refused("AddTags", json!({"ResourceArns": arns, "Tags": tags}))
            .await;
        assert_eq!(refusal.code, code, "{arns} {tags}");
    }
    let shown = api.ok("DescribeTags", json!({"ResourceArns": [id]})).await;
    assert_eq!(shown["TagDescriptions"][0]["Tags"], json!([]));
    api.ok("AddTags", json!({"ResourceArns": [id], "Tags": pairs(50)}))
        .await;
    let one_more = json!({"ResourceArns": [id], "Tags": [{"Key": "one-more"}]});
    refused(
        &api,
        "AddTags",
        one_more,
        "TooManyTags",
        "The maximum number of tags that can be assigned to a resource is 50",
    )
    .await;
    let bad =
        json!({"Name": "bad", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", "Tags": [{"Key": "aws:x"}]});
    assert_eq!(
        api.refused("CreateTargetGroup", bad).await.code,
        "ValidationError"
    );
}

#[tokio::test]
async fn lb39_ssl_policies_are_described_by_name_and_in_pages() {
    let api = elb().await;
    let name = "ELBSecurityPolicy-TLS13-1-2-2021-06";
    let one = api.ok("DescribeSSLPolicies", json!({"Names": [name]})).await;
    let policy = &one["SslPolicies"][0];
    assert_eq!(policy["SslProtocols"], json!(["TLSv1.3", "TLSv1.2"]));
    assert_eq!(
        policy["Ciphers"][0],
        json!({"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1})
    );
    assert_eq!(
        policy["SupportedLoadBalancerTypes"],
        json!(["application", "network"])
    );
    refused(
        &api,
        "DescribeSSLPolicies",
        json!({"Names": ["mine"]}),
        "SSLPolicyNotFound",
        "One or more SSL policies not found",
    )
    .await;
    let all = api.ok("DescribeSSLPolicies", json!({})).await["SslPolicies"].clone();
    let first = api.ok("DescribeSSLPolicies", json!({"PageSize": 5})).await;
    let rest = api
        .ok("DescribeSSLPolicies", json!({"Marker": first["NextMarker"]}))
        .await;
    let mut paged = first["SslPolicies"].as_array().unwrap().clone();
    paged.extend(rest["SslPolicies"].as_array().unwrap().clone());
    assert_eq!(Value::Array(paged), all);
}
