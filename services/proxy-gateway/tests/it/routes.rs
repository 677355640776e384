//! What proxies are sent.

use auth::Secret;
use routing::Action;
use routing::message::{FromProxy, ListenerStatus, ToProxy};
use serde_json::json;
use store::{Wake, routes};

use crate::rows::{balancer_arn, group_arn, hex, listener_arn};
use crate::world::{Proxy, World, eventually};

fn balancers(messages: &[ToProxy]) -> Vec<&routing::Balancer> {
    let found = messages.iter().filter_map(|message| match message {
        ToProxy::Balancer { balancer } => Some(&**balancer),
        _ => None,
    });
    found.collect()
}

#[tokio::test]
async fn only_what_rules_reach_is_sent_and_what_others_refer_to_comes_first() {
    let world = World::new().await;
    for group in ["web", "beta", "unused"] {
        world.group(group).await;
    }
    world.target("web", "10.0.0.1").await;
    world.balancer("front", &["web"]).await;
    let beta = json!([{ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-Beta", "Values": ["1"] } }]);
    let forward = json!([{ "Type": "forward", "TargetGroupArn": group_arn("beta") }]);
    world
        .rule("front", "beta", Some(10), &beta, &forward, &["beta"])
        .await;
    let mut proxy = world.proxy("edge").await;
    let messages = proxy.synced().await;
    let arns: Vec<&str> = messages
        .iter()
        .filter_map(|message| match message {
            ToProxy::Balancer { balancer } => Some(balancer.arn.as_str()),
            ToProxy::TargetGroup { target_group } => Some(target_group.arn.as_str()),
            _ => None,
        })
        .collect();
    let (web, beta, front) = (group_arn("web"), group_arn("beta"), balancer_arn("front"));
    assert_eq!(arns, [&*beta, &*web, &*front]);
    let listener = &balancers(&messages)[0].listeners[0];
    assert_eq!((listener.port, listener.rules[0].priority), (80, 10));
    assert_eq!(listener.rules[0].conditions[0].to_string(), "header X-Beta is 1");
    assert_eq!(listener.default_actions[0].to_string(), "forward to web");
}

#[tokio::test]
async fn a_proxy_may_serve_some_balancers_only() {
    let world = World::new().await;
    world.group("web").await;
    world.group("shop").await;
    world.balancer("front", &["web"]).await;
    world.balancer("shop", &["shop"]).await;
    world.balancer("other", &["web"]).await;
    let arn = balancer_arn("other");
    let mut proxy = world.server.proxy("edge", &["shop", &arn]).await;
    let messages = proxy.synced().await;
    let mut names: Vec<&str> = balancers(&messages)
        .iter()
        .map(|balancer| balancer.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["other", "shop"]);
}

#[tokio::test]
async fn changes_are_sent_as_they_come_and_what_goes_is_said_to_be_gone() {
    let world = World::new().await;
    world.group("web").await;
    let mut proxy = world.proxy("edge").await;
    assert_eq!(proxy.synced().await, [ToProxy::Synced]);
    world.balancer("front", &["web"]).await;
    world.touch("front").await;
    proxy
        .until(|message| matches!(message, ToProxy::Balancer { .. }).then_some(()))
        .await;
    world.target("web", "10.0.0.1").await;
    let group = proxy
        .until(|message| match message {
            ToProxy::TargetGroup { target_group } if !target_group.targets.is_empty() => {
                Some(target_group.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(group.targets[0].socket(), Some("10.0.0.1:80".parse().unwrap()));
    world.run("DELETE FROM load_balancers").await;
    world.db.wakes().send(Wake::Routes);
    let mut gone = proxy
        .until(|message| match message {
            ToProxy::Gone { arns } => Some(arns.clone()),
            _ => None,
        })
        .await;
    gone.sort_unstable();
    assert_eq!(gone, [balancer_arn("front"), group_arn("web")]);
}

#[tokio::test]
async fn revisions_that_are_committed_out_of_order_are_all_sent() {
    let world = World::new().await;
    world.group("web").await;
    for name in ["early", "late"] {
        world.balancer(name, &["web"]).await;
    }
    let mut proxy = world.proxy("edge").await;
    proxy.synced().await;
    // Far more than any floor looks back.
    for others in [0, 100_000] {
        let before = proxy.has.clone();
        let mut slow = world.db.begin().await.unwrap();
        routes::touch_balancer(&mut slow, &balancer_arn("early"))
            .await
            .unwrap();
        world
            .run(&format!(
                "SELECT setval('route_revisions', nextval('route_revisions') + {others})"
            ))
            .await;
        world.touch("late").await;
        proxy.until(|message| changed(message, "late")).await;
        assert_eq!(proxy.has[&balancer_arn("early")], before[&balancer_arn("early")]);
        world.db.commit(slow, [Wake::Routes]).await.unwrap();
        proxy.until(|message| changed(message, "early")).await;
        assert!(proxy.has[&balancer_arn("early")] < proxy.has[&balancer_arn("late")]);
    }
}

#[tokio::test]
async fn after_the_database_went_back_to_a_backup_proxies_are_told_what_stands_there_and_what_changes() {
    let world = World::new().await;
    world.group("web").await;
    world.run("SELECT setval('route_revisions', 1000)").await;
    world.balancer("front", &["web"]).await;
    let mut proxy = world.proxy("edge").await;
    proxy.synced().await;
    let applied = async |proxy: &mut Proxy| {
        let revision = proxy.has[&balancer_arn("front")];
        let listeners = vec![ListenerStatus {
            listener: listener_arn("front"),
            addresses: Vec::new(),
            failure: None,
        }];
        let balancer = balancer_arn("front");
        let applied = FromProxy::Applied {
            balancer,
            revision,
            listeners,
        };
        proxy.send(&applied).await;
        let told = async || -> Vec<i64> {
            let query = "SELECT revision FROM listener_statuses";
            sqlx::query_scalar(query)
                .fetch_all(world.db.pool())
                .await
                .unwrap()
        };
        eventually(told, |told| *told == [revision]).await;
    };
    applied(&mut proxy).await;
    world
        .run(
            "SELECT setval('route_revisions', 500); UPDATE load_balancers SET revision = 400; \
             UPDATE target_groups SET revision = 401",
        )
        .await;
    world.db.wakes().send(Wake::Everything);
    while proxy.has[&balancer_arn("front")] != 400 || proxy.has[&group_arn("web")] != 401 {
        proxy.next().await.expect("the connection lasts");
    }
    applied(&mut proxy).await;
    world.target("web", "10.0.0.1").await;
    world.touch("front").await;
    while proxy.has[&balancer_arn("front")] == 400 || proxy.has[&group_arn("web")] == 401 {
        proxy.next().await.expect("the connection lasts");
    }
    applied(&mut proxy).await;
}

fn changed(message: &ToProxy, name: &str) -> Option<()> {
    matches!(message, ToProxy::Balancer { balancer } if balancer.name == name).then_some(())
}

#[tokio::test]
async fn a_change_through_one_server_reaches_the_proxies_of_another() {
    let world = World::new().await;
    world.group("web").await;
    world.balancer("front", &["web"]).await;
    let other = world.second_server().await;
    let mut proxy = other.proxy("edge", &[]).await;
    proxy.synced().await;
    world.touch("front").await;
    proxy.until(|message| changed(message, "front")).await;
}

#[tokio::test]
async fn secrets_are_opened_for_proxies() {
    let world = World::new().await;
    world.group("web").await;
    world.balancer("front", &["web"]).await;
    let rule = format!(
        "{}/login",
        listener_arn("front").replace(":listener/", ":listener-rule/")
    );
    let login = json!([
        { "Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
            "Issuer": "https://idp", "AuthorizationEndpoint": "https://idp/a", "TokenEndpoint": "https://idp/t",
            "UserInfoEndpoint": "https://idp/u", "ClientId": "id", "ClientSecret": world.sealed_client_secret(&rule, "hush"),
        } },
        { "Type": "forward", "Order": 2, "TargetGroupArn": group_arn("web") },
    ]);
    world
        .rule("front", "login", Some(1), &json!([]), &login, &["web"])
        .await;
    let certificate = "arn:aws:acm:us-east-1:000000000000:certificate/0";
    let sealed = hex(&world.vault.seal(certificate, &Secret::new("the key")));
    world
        .run(&format!(
            "INSERT INTO certificates (arn, account, region, kind, status, domain_name, alternative_names, certificate, chain, \
                 sealed_private_key, created_at) VALUES ('{certificate}', '000000000000', 'us-east-1', 'IMPORTED', 'ISSUED', 'a.test', \
                 '{{}}', 'the leaf', 'its chain', '\\x{sealed}', now()); \
             INSERT INTO listeners (arn, load_balancer_arn, port, protocol, ssl_policy, certificate_arn, mutual, created_at) \
             VALUES ('tls', '{}', 443, 'HTTPS', 'ELBSecurityPolicy-2016-08', '{certificate}', '{{\"Mode\": \"off\"}}', now()); \
             INSERT INTO rules (arn, listener_arn, conditions, actions, created_at) VALUES ('tls-default', 'tls', '[]', \
                 '[{{\"Type\": \"fixed-response\", \"FixedResponseConfig\": {{ \"StatusCode\": \"204\" }}}}]', now())",
            balancer_arn("front")
        ))
        .await;
    let mut proxy = world.proxy("edge").await;
    let messages = proxy.synced().await;
    let ToProxy::Certificate { certificate: sent } = &messages[0] else {
        panic!("{:?}", messages[0]);
    };
    assert_eq!(
        (sent.chain.as_str(), sent.private_key.as_str()),
        ("the leaf\nits chain\n", "the key")
    );
    let front = balancers(&messages)[0];
    let Action::AuthenticateOidc(oidc) = &front.listeners[0].rules[0].actions[0] else {
        panic!("{:?}", front.listeners[0].rules[0]);
    };
    assert_eq!(
        (oidc.client_secret.as_str(), oidc.cookie_key.as_str()),
        ("hush", "c00c1e")
    );
    let tls = front.listeners[1].tls.as_ref().unwrap();
    assert_eq!(tls.default_certificate, certificate);
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_harms_no_other() {
    let world = World::new().await;
    world.group("web").await;
    world.balancer("front", &["web"]).await;
    let cognito = json!([{ "Type": "authenticate-cognito", "Order": 1 }]);
    world
        .rule("front", "odd", Some(1), &json!([]), &cognito, &[])
        .await;
    let moon = json!([{ "Field": "moon-phase", "Values": ["full"] }]);
    let forward = json!([{ "Type": "forward", "TargetGroupArn": group_arn("web") }]);
    world
        .rule("front", "moon", Some(2), &moon, &forward, &["web"])
        .await;
    let mut proxy = world.proxy("edge").await;
    let messages = proxy.synced().await;
    let rules = &balancers(&messages)[0].listeners[0].rules;
    let words: Vec<String> = rules.iter().map(|rule| rule.actions[0].to_string()).collect();
    assert_eq!(words, ["answer 500"]);
}
