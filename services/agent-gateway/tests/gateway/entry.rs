//! Who is let in (2.1).

use serde_json::json;

use crate::world::{World, acs_path};

#[tokio::test]
async fn agents_are_refused_with_the_word_that_they_understand() {
    let world = World::new().await;
    let instance = world.register().await;
    let elsewhere = instance.replace("000000000000", "111111111111");
    let unknown = format!("{}{}", &instance[..instance.len() - 32], "0".repeat(32));
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let refusals = [
        (
            acs_path("demo", &instance),
            "another secret",
            403,
            "AccessDeniedException",
        ),
        (acs_path("demo", &elsewhere), secret, 403, "AccessDeniedException"),
        (
            acs_path("demo", &unknown),
            secret,
            400,
            "InvalidInstanceException",
        ),
        (
            acs_path("other", &instance),
            secret,
            400,
            "InvalidClusterException",
        ),
        (acs_path("demo", "nonsense"), secret, 400, "BadRequestException"),
        (
            "/agent/acs/ws?clusterArn=demo".to_owned(),
            secret,
            400,
            "BadRequestException",
        ),
    ];
    for (path, secret, status, kind) in refusals {
        let (found, body) = world.dial(&path, secret).await.expect_err(kind);
        assert_eq!((found, body["type"].as_str()), (status, Some(kind)), "{path}");
        assert!(body["message"]["message"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn the_cluster_may_be_named_by_its_arn() {
    let world = World::new().await;
    let instance = world.register().await;
    let path = acs_path("arn:aws:ecs:us-east-1:000000000000:cluster/demo", &instance);
    assert!(
        world
            .dial(&path, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn i08_a_deregistered_agent_is_told_by_inactive_instance_exception() {
    let world = World::new().await;
    let instance = world.register().await;
    let mut agent = world.connect_and_settle(&instance).await;
    world
        .api
        .ok(
            "DeregisterContainerInstance",
            json!({ "cluster": "demo", "containerInstance": instance }),
        )
        .await;
    assert_eq!(agent.closed().await, Some(1000));
    let path = acs_path("demo", &instance);
    let (_, body) = world
        .dial(&path, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .await
        .expect_err("a refusal");
    assert_eq!(body["type"], "InactiveInstanceException");
}
