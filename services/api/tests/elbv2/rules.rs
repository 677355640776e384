//! Rules (LB-30 to LB-33, LB-41) and the weights that deployments shift.

use serde_json::{Value, json};
use store::rules::ShiftError;

use crate::world::{World, fixed, forward, path_is, text};

fn rule(listener: &str, priority: i32, conditions: Value, actions: Value) -> Value {
    json!({ "ListenerArn": listener, "Priority": priority, "Conditions": conditions, "Actions": actions })
}

async fn priorities(world: &World, listener: &str) -> Vec<(String, String)> {
    let rules = world
        .api
        .ok("DescribeRules", json!({ "ListenerArn": listener }))
        .await;
    let shown = rules["Rules"].as_array().unwrap().iter();
    shown
        .map(|rule| (text(&rule["Priority"]), text(&rule["RuleArn"])))
        .collect()
}

#[tokio::test]
async fn lb31_a_rule_reads_back_with_both_forms_of_its_conditions() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let conditions = json!([
        { "Field": "host-header", "HostHeaderConfig": { "Values": ["a.test"] } },
        { "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-A", "Values": ["1*"] } },
        { "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "k", "Value": "v" }] } },
        { "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } },
    ]);
    let made = world
        .api
        .ok(
            "CreateRule",
            rule(&listener, 5, conditions.clone(), json!([fixed("200")])),
        )
        .await;
    let made = &made["Rules"][0];
    let mut expected = conditions;
    expected[0]["Values"] = json!(["a.test"]);
    assert_eq!(made["Conditions"], expected);
    assert_eq!(
        (&made["Priority"], &made["IsDefault"], &made["Transforms"]),
        (&json!("5"), &json!(false), &json!([]))
    );
    let again = world
        .api
        .ok("DescribeRules", json!({ "RuleArns": [made["RuleArn"]] }))
        .await;
    assert_eq!(&again["Rules"][0], made);
    let listener_id = listener.replace(":listener/", ":listener-rule/");
    assert!(text(&made["RuleArn"]).starts_with(&listener_id));
}

#[tokio::test]
async fn lb30_rules_are_listed_by_priority_with_the_default_one_last() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let (b, a) = (
        world.rule(&listener, 20, "/b").await,
        world.rule(&listener, 10, "/a").await,
    );
    let listed = priorities(&world, &listener).await;
    assert_eq!(listed[..2], [("10".to_owned(), a), ("20".to_owned(), b)]);
    assert_eq!(listed[2].0, "default");
    let first = world
        .api
        .ok("DescribeRules", json!({ "ListenerArn": listener, "PageSize": 2 }))
        .await;
    assert_eq!(first["Rules"].as_array().unwrap().len(), 2);
    let rest = json!({ "ListenerArn": listener, "PageSize": 2, "Marker": first["NextMarker"] });
    let rest = world.api.ok("DescribeRules", rest).await;
    assert_eq!(
        (&rest["Rules"][0]["IsDefault"], &rest["NextMarker"]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn lb11_a_taken_priority_is_in_use() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    world.rule(&listener, 1, "/a").await;
    let input = rule(&listener, 1, json!([path_is("/b")]), json!([fixed("200")]));
    let text = world.refused("CreateRule", input, "PriorityInUse").await;
    assert_eq!(text, "The specified priority is in use.");
    for priority in [0, 50_001] {
        let input = rule(&listener, priority, json!([path_is("/b")]), json!([fixed("200")]));
        world.refused("CreateRule", input, "ValidationError").await;
    }
}

#[tokio::test]
async fn lb30_rules_change_places_in_one_step_or_not_at_all() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let (a, b, c) = (
        world.rule(&listener, 1, "/a").await,
        world.rule(&listener, 2, "/b").await,
        world.rule(&listener, 3, "/c").await,
    );
    let set = |pairs: &[(&str, i32)]| {
        let pairs: Vec<Value> = pairs
            .iter()
            .map(|(arn, priority)| json!({ "RuleArn": arn, "Priority": priority }))
            .collect();
        json!({ "RulePriorities": pairs })
    };
    let moved = world.api.ok("SetRulePriorities", set(&[(&a, 2), (&b, 1)])).await;
    assert_eq!(moved["Rules"].as_array().unwrap().len(), 2);
    let order: Vec<String> = priorities(&world, &listener)
        .await
        .into_iter()
        .map(|(_, arn)| arn)
        .take(3)
        .collect();
    assert_eq!(order, [b.clone(), a.clone(), c.clone()]);
    world
        .refused("SetRulePriorities", set(&[(&a, 9), (&b, 3)]), "PriorityInUse")
        .await;
    world
        .refused("SetRulePriorities", set(&[(&a, 9), (&b, 9)]), "PriorityInUse")
        .await;
    let after: Vec<String> = priorities(&world, &listener)
        .await
        .into_iter()
        .map(|(_, arn)| arn)
        .take(3)
        .collect();
    assert_eq!(after, order, "nothing moved");
    let default = priorities(&world, &listener).await.pop().unwrap().1;
    world
        .refused(
            "SetRulePriorities",
            set(&[(&default, 4)]),
            "OperationNotPermitted",
        )
        .await;
    let absent = format!("{}0", &a[..a.len() - 1]);
    if absent != a {
        world
            .refused("SetRulePriorities", set(&[(&absent, 4)]), "RuleNotFound")
            .await;
    }
    let other = world.listener(81).await;
    let foreign = world.rule(&other, 1, "/a").await;
    world
        .refused(
            "SetRulePriorities",
            set(&[(&a, 4), (&foreign, 5)]),
            "ValidationError",
        )
        .await;
}

#[tokio::test]
async fn lb11_the_default_rule_is_not_deleted_or_modified_as_a_rule() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let default = priorities(&world, &listener).await.pop().unwrap().1;
    let text = world
        .refused(
            "DeleteRule",
            json!({ "RuleArn": default }),
            "OperationNotPermitted",
        )
        .await;
    assert_eq!(text, format!("Default rule '{default}' cannot be deleted"));
    let modify = json!({ "RuleArn": default, "Actions": [fixed("200")] });
    world.refused("ModifyRule", modify, "OperationNotPermitted").await;
}

#[tokio::test]
async fn modify_rule_replaces_what_is_given_and_keeps_the_rest() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let group = world.group("blue").await;
    let mut input = rule(&listener, 1, json!([path_is("/a")]), json!([forward(&group)]));
    input["Transforms"] = json!([{
        "Type": "url-rewrite", "UrlRewriteConfig": { "Rewrites": [{ "Regex": "^/a", "Replace": "/b" }] },
    }]);
    let made = world.api.ok("CreateRule", input).await["Rules"][0].clone();
    let arn = &made["RuleArn"];
    let hosts = json!({ "RuleArn": arn, "Conditions": [{ "Field": "host-header", "Values": ["a.test"] }] });
    let after = world.api.ok("ModifyRule", hosts).await["Rules"][0].clone();
    assert_eq!(
        after["Conditions"][0]["HostHeaderConfig"],
        json!({ "Values": ["a.test"] })
    );
    assert_eq!(
        (&after["Actions"], &after["Transforms"]),
        (&made["Actions"], &made["Transforms"])
    );
    let reset = json!({ "RuleArn": arn, "ResetTransforms": true, "Actions": [fixed("200")] });
    let after = world.api.ok("ModifyRule", reset).await["Rules"][0].clone();
    assert_eq!(after["Transforms"], json!([]));
    world
        .api
        .ok("DeleteTargetGroup", json!({ "TargetGroupArn": group }))
        .await;
    world.api.ok("DeleteRule", json!({ "RuleArn": arn })).await;
    world
        .refused("DeleteRule", json!({ "RuleArn": arn }), "RuleNotFound")
        .await;
}

#[tokio::test]
async fn lb41_a_balancer_has_at_most_a_hundred_rules_over_all_listeners() {
    let world = World::new().await;
    let (first, second) = (world.listener(80).await, world.listener(81).await);
    for priority in 1..=50 {
        world.rule(&first, priority, "/a").await;
        world.rule(&second, priority, "/a").await;
    }
    let input = rule(&first, 51, json!([path_is("/b")]), json!([fixed("200")]));
    world.refused("CreateRule", input, "TooManyRules").await;
}

#[tokio::test]
async fn lb32_a_clients_secret_is_sealed_and_never_shown() {
    let world = World::new().await;
    let certificate = world.certificate("a.test").await;
    let oidc = |more: Value| {
        let mut config = json!({
            "Issuer": "https://id.test", "AuthorizationEndpoint": "https://id.test/a", "TokenEndpoint": "https://id.test/t",
            "UserInfoEndpoint": "https://id.test/u", "ClientId": "c",
        });
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!([{ "Type": "authenticate-oidc", "AuthenticateOidcConfig": config }, fixed("200")])
    };
    let listener = json!({
        "LoadBalancerArn": world.balancer, "Protocol": "HTTPS", "Port": 443, "Certificates": [{ "CertificateArn": certificate }],
        "DefaultActions": [fixed("404")],
    });
    let listener = world.create_listener(listener).await;
    let secret = json!({ "ClientSecret": "a-secret-of-the-client" });
    let made = world
        .api
        .ok(
            "CreateRule",
            rule(&listener, 1, json!([path_is("/")]), oidc(secret)),
        )
        .await["Rules"][0]
        .clone();
    let expected = json!({
        "Issuer": "https://id.test", "AuthorizationEndpoint": "https://id.test/a", "TokenEndpoint": "https://id.test/t",
        "UserInfoEndpoint": "https://id.test/u", "ClientId": "c", "SessionCookieName": "AWSELBAuthSessionCookie",
        "Scope": "openid", "SessionTimeout": 604_800, "OnUnauthenticatedRequest": "authenticate",
    });
    assert_eq!(made["Actions"][0]["AuthenticateOidcConfig"], expected);
    let stored = |actions: Value| text(&actions[0]["AuthenticateOidcConfig"]["ClientSecret"]);
    let query = "SELECT actions FROM rules WHERE priority = 1";
    let pool = world.api.db();
    let before: Value = sqlx::query_scalar(query).fetch_one(pool.pool()).await.unwrap();
    assert!(!before.to_string().contains("a-secret"), "{before}");
    let keep = json!({ "RuleArn": made["RuleArn"], "Actions": oidc(json!({ "UseExistingClientSecret": true, "Scope": "openid email" })) });
    world.api.ok("ModifyRule", keep).await;
    let after: Value = sqlx::query_scalar(query).fetch_one(pool.pool()).await.unwrap();
    assert_eq!(stored(before), stored(after));
    let none = json!({ "RuleArn": made["RuleArn"], "Actions": oidc(json!({})) });
    world.refused("ModifyRule", none, "ValidationError").await;
    let plain = json!({ "ListenerArn": listener, "Protocol": "HTTP" });
    world
        .refused("ModifyListener", plain, "InvalidLoadBalancerAction")
        .await;
}

#[tokio::test]
async fn a_deployment_shifts_the_weights_of_any_rule_and_keeps_others_away() {
    let world = World::new().await;
    let (blue, green) = (world.group("blue").await, world.group("green").await);
    let sticky = json!({
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [{ "TargetGroupArn": blue, "Weight": 100 }, { "TargetGroupArn": green, "Weight": 0 }],
            "TargetGroupStickinessConfig": { "Enabled": true, "DurationSeconds": 60 },
        },
    });
    let input = json!({ "LoadBalancerArn": world.balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [sticky] });
    let listener = world.create_listener(input).await;
    let default = priorities(&world, &listener).await.pop().unwrap().1;
    let db = world.api.db();
    let shift = async |weights: &[(String, i32)], service: i64| {
        let mut tx = db.begin().await.unwrap();
        let result = store::rules::shift_weights(&mut tx, &default, weights, service).await;
        db.commit(tx, []).await.unwrap();
        result
    };
    let half = [(blue.clone(), 50), (green.clone(), 50)];
    assert!(shift(&half, 7).await.unwrap());
    assert!(!shift(&half, 7).await.unwrap(), "nothing to change");
    assert!(matches!(
        shift(&half, 8).await,
        Err(ShiftError::Foreign { service: 7, .. })
    ));
    let shown = world
        .api
        .ok("DescribeListeners", json!({ "ListenerArns": [listener] }))
        .await;
    let config = &shown["Listeners"][0]["DefaultActions"][0]["ForwardConfig"];
    assert_eq!(config["TargetGroups"][0]["Weight"], 50);
    assert_eq!(
        config["TargetGroupStickinessConfig"],
        json!({ "Enabled": true, "DurationSeconds": 60 })
    );
    let absent = [(blue.replace("/blue/", "/red/"), 1)];
    assert!(matches!(
        shift(&absent, 7).await,
        Err(ShiftError::NoTargetGroup(_))
    ));
    let mut tx = db.begin().await.unwrap();
    store::rules::release(&mut tx, 7).await.unwrap();
    db.commit(tx, []).await.unwrap();
    assert!(shift(&[(green.clone(), 1)], 8).await.unwrap());
    let shown = world
        .api
        .ok("DescribeListeners", json!({ "ListenerArns": [listener] }))
        .await;
    assert_eq!(
        shown["Listeners"][0]["DefaultActions"][0]["TargetGroupArn"],
        json!(green)
    );
    world
        .api
        .ok("DeleteTargetGroup", json!({ "TargetGroupArn": blue }))
        .await;
}

#[tokio::test]
async fn lb30_of_rules_made_at_the_same_time_one_gets_the_priority() {
    let world = World::new().await;
    let listener = world.listener(80).await;
    let calls = (0..8).map(|n| {
        let input = rule(
            &listener,
            1,
            json!([path_is(&format!("/{n}"))]),
            json!([fixed("200")]),
        );
        world.api.call("CreateRule", input)
    });
    let results = futures::future::join_all(calls).await;
    let refusals = results.iter().filter_map(|result| result.as_ref().err());
    assert!(refusals.clone().all(|refusal| refusal.code == "PriorityInUse"));
    assert_eq!(refusals.count(), 7);
}

#[tokio::test]
async fn lb14_of_balancers_that_take_a_group_at_the_same_time_one_gets_it() {
    let world = World::new().await;
    let group = world.group("blue").await;
    let other = world.balancer("other", "application").await;
    let calls = [&world.balancer, &other].map(|balancer| {
        let input = json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(&group)] });
        world.api.call("CreateListener", input)
    });
    let results = futures::future::join_all(calls).await;
    let refused: Vec<&str> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .map(|refusal| refusal.code.as_str())
        .collect();
    assert_eq!(refused, ["TargetGroupAssociationLimit"]);
}
