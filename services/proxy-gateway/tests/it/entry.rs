//! Who is let in, and who sees what.

use routing::message::{FromProxy, ListenerStatus};
use serde_json::json;

use crate::rows::{balancer_arn, listener_arn};
use crate::world::{World, eventually};

#[tokio::test]
async fn only_the_operators_root_connects_proxies() {
    let world = World::new().await;
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    assert_eq!(world.server.dial("TENANT", secret).await.err(), Some(403));
    assert_eq!(world.server.dial("OPERATORSUSER", secret).await.err(), Some(403));
    assert_eq!(
        world.server.dial("OPERATOR", "another secret").await.err(),
        Some(403)
    );
    assert!(world.server.dial("OPERATOR", secret).await.is_ok());
}

#[tokio::test]
async fn a_first_message_that_is_no_hello_ends_the_session() {
    let world = World::new().await;
    let mut proxy = world.server.proxy("", &[]).await;
    assert_eq!(proxy.next().await, None);
}

#[tokio::test]
async fn an_account_sees_its_own_balancers_without_secrets_and_how_they_stand() {
    let world = World::new().await;
    world.group("web").await;
    world.balancer("web", &["web"]).await;
    let login = json!([
        { "Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
            "Issuer": "https://idp", "AuthorizationEndpoint": "https://idp/a", "TokenEndpoint": "https://idp/t",
            "UserInfoEndpoint": "https://idp/u", "ClientId": "id", "ClientSecret": world.sealed_client_secret("x", "hush"),
        } },
        { "Type": "fixed-response", "Order": 2, "FixedResponseConfig": { "StatusCode": "200" } },
    ]);
    world.rule("web", "login", Some(1), &json!([]), &login, &[]).await;
    let mut proxy = world.proxy("edge").await;
    proxy.synced().await;
    proxy
        .send(&FromProxy::Applied {
            balancer: balancer_arn("web"),
            revision: proxy.has[&balancer_arn("web")],
            listeners: vec![ListenerStatus {
                listener: listener_arn("web"),
                addresses: vec!["127.0.64.1:80".parse().unwrap()],
                failure: None,
            }],
        })
        .await;
    let overview = eventually(
        async || world.overview("OPERATOR").await,
        |overview| !overview.balancers[0].listeners.is_empty(),
    )
    .await;
    let standing = &overview.balancers[0].listeners[0];
    assert_eq!(
        (standing.proxy.as_str(), &standing.addresses[..]),
        ("edge", &["127.0.64.1:80".to_owned()][..])
    );
    assert_eq!(overview.target_groups[0].name, "web");
    let text = serde_json::to_string(&overview).unwrap();
    assert!(
        !text.contains("hush") && !text.contains("c00c1e") && text.contains("https://idp/t"),
        "{text}"
    );
    let other = world.server.proxy("other", &["web"]).await;
    let proxies = async |key: &str| -> Vec<String> {
        let proxies = world.overview(key).await.proxies.into_iter();
        proxies.map(|proxy| proxy.name).collect()
    };
    eventually(
        async || proxies("OPERATOR").await,
        |names| *names == ["edge", "other"],
    )
    .await;
    assert!(world.overview("TENANT").await.balancers.is_empty());
    assert_eq!(
        proxies("TENANT").await,
        ["edge"],
        "what others are served by is not its business"
    );
    drop((proxy, other));
    eventually(
        async || world.overview("OPERATOR").await,
        |overview| overview.balancers[0].listeners.is_empty() && overview.proxies.is_empty(),
    )
    .await;
}
