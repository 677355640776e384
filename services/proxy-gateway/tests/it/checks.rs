//! Who checks what, and who a proxy is.

use routing::message::ToProxy;

use crate::rows::group_arn;
use crate::world::{Proxy, World, eventually};

async fn world_of_groups(count: usize) -> (World, Vec<String>) {
    let world = World::new().await;
    let names: Vec<String> = (0..count).map(|n| format!("group-{n:02}")).collect();
    for name in &names {
        world.group(name).await;
    }
    world
        .balancer("front", &names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    (world, names.iter().map(|name| group_arn(name)).collect())
}

/// Reads both proxies' orders until they make up all groups, each once.
async fn share(one: &mut Proxy, two: &mut Proxy, all: &[String]) {
    loop {
        let mut both: Vec<String> = [&one.checks, &two.checks]
            .into_iter()
            .flatten()
            .flatten()
            .cloned()
            .collect();
        both.sort_unstable();
        if both == all && one.checks.is_some() && two.checks.is_some() {
            return;
        }
        tokio::select! {
            message = one.next() => { message.expect("the connection lasts"); }
            message = two.next() => { message.expect("the connection lasts"); }
        }
    }
}

#[tokio::test]
async fn lb15_each_group_is_checked_by_one_proxy_and_by_another_when_that_goes() {
    let (world, all) = world_of_groups(20).await;
    let other = world.second_server().await;
    let mut one = world.proxy("edge-1").await;
    let everything: Vec<&str> = all.iter().map(String::as_str).collect();
    one.checking(&everything).await;
    let mut two = other.proxy("edge-2", &[]).await;
    share(&mut one, &mut two, &all).await;
    let before = two.checks.clone().unwrap();
    assert!((3..=17).contains(&before.len()), "{} of 20", before.len());
    drop(one);
    two.checking(&everything).await;
    let mut one = world.proxy("edge-1").await;
    share(&mut one, &mut two, &all).await;
    assert_eq!(two.checks, Some(before), "the same proxies share in the same way");
}

#[tokio::test]
async fn a_proxy_that_does_not_serve_a_group_does_not_check_it() {
    let (world, all) = world_of_groups(6).await;
    let mut idle = world.server.proxy("elsewhere", &["another-balancer"]).await;
    let mut busy = world.proxy("edge").await;
    let everything: Vec<&str> = all.iter().map(String::as_str).collect();
    busy.checking(&everything).await;
    idle.synced().await;
    idle.checking(&[]).await;
}

#[tokio::test]
async fn a_newer_session_of_the_same_name_replaces_the_older_one_here_and_elsewhere() {
    let (world, all) = world_of_groups(2).await;
    let everything: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut first = world.proxy("edge").await;
    first.checking(&everything).await;
    let mut second = world.proxy("edge").await;
    second.checking(&everything).await;
    while first.next().await.is_some() {}
    assert_eq!(first.closed, Some(routing::message::REPLACED));
    let other = world.second_server().await;
    let mut third = other.proxy("edge", &[]).await;
    third.checking(&everything).await;
    while second.next().await.is_some() {}
    assert_eq!(second.closed, Some(routing::message::REPLACED));
    let live = store::proxies::live(&world.db, &[]).await.unwrap();
    assert_eq!(live.len(), 1, "{live:?}");
}

#[tokio::test]
async fn a_proxy_that_a_restored_database_does_not_know_is_to_come_again_at_once() {
    let (world, all) = world_of_groups(1).await;
    for backup in [
        "DELETE FROM proxies",
        "UPDATE proxies SET session_id = gen_random_uuid(), seen_at = now() - interval '1 hour'",
    ] {
        let mut proxy = world.proxy("edge").await;
        proxy.checking(&[&all[0]]).await;
        world.run(backup).await;
        while proxy.next().await.is_some() {}
        // No other one has its name, which would make it wait.
        assert_eq!(proxy.closed, Some(1013), "{backup}");
    }
    world.proxy("edge").await.checking(&[&all[0]]).await;
}

#[tokio::test]
async fn a_proxy_goes_on_checking_though_nobody_could_renew_its_row() {
    let (world, all) = world_of_groups(1).await;
    let mut proxy = world.proxy("edge").await;
    proxy.checking(&[&all[0]]).await;
    for _ in 0..2 {
        world
            .run("UPDATE proxies SET seen_at = now() - interval '1 minute'")
            .await;
        world.touch("front").await;
        let told = proxy
            .until(|message| match message {
                ToProxy::Balancer { .. } => Some(None),
                ToProxy::Checks { target_groups } => Some(Some(target_groups.clone())),
                _ => None,
            })
            .await;
        assert_eq!(told, None, "it is told of the change and of nothing else");
    }
}

#[tokio::test]
async fn a_proxy_that_is_cut_off_counts_as_away_and_one_that_says_goodbye_does_not() {
    let (world, all) = world_of_groups(1).await;
    let away = async || -> Vec<String> {
        let query = "SELECT name FROM proxies WHERE seen_at <= now() - interval '10 seconds'";
        sqlx::query_scalar(query)
            .fetch_all(world.db.pool())
            .await
            .unwrap()
    };
    for _ in 0..2 {
        let mut proxy = world.proxy("edge").await;
        proxy.checking(&[&all[0]]).await;
        drop(proxy);
        eventually(away, |away| *away == ["edge"]).await;
    }
    let mut proxy = world.proxy("edge").await;
    proxy.checking(&[&all[0]]).await;
    assert!(away().await.is_empty());
    proxy.leave().await;
    let left = async || -> i64 {
        let query = "SELECT count(*) FROM proxies";
        sqlx::query_scalar(query)
            .fetch_one(world.db.pool())
            .await
            .unwrap()
    };
    eventually(left, |left| *left == 0).await;
}

#[tokio::test]
async fn a_proxy_whose_server_died_counts_no_more_when_its_time_is_over() {
    let (world, all) = world_of_groups(20).await;
    let dead = store::proxies::ProxySession {
        name: "lost".to_owned(),
        boot: "boot".to_owned(),
        version: "0.1.0".to_owned(),
        metrics_address: None,
        balancers: Vec::new(),
        server: uuid::Uuid::new_v4(),
        session: uuid::Uuid::new_v4(),
    };
    store::proxies::connect(&world.db, &dead, chrono::Utc::now())
        .await
        .unwrap();
    let mut proxy = world.proxy("edge").await;
    proxy.synced().await;
    let share = proxy
        .until(|message| match message {
            ToProxy::Checks { target_groups } => Some(target_groups.len()),
            _ => None,
        })
        .await;
    assert!(share < 20, "the lost proxy still has its share");
    world
        .run("UPDATE proxies SET seen_at = now() - interval '1 minute' WHERE name = 'lost'")
        .await;
    let everything: Vec<&str> = all.iter().map(String::as_str).collect();
    proxy.checking(&everything).await;
}

#[tokio::test]
async fn lb16_a_target_is_in_initial_health_checking_once_somebody_checks_it() {
    let world = World::new().await;
    world.group("web").await;
    world.target("web", "10.0.0.1").await;
    let registered = Some("Elb.RegistrationInProgress".to_owned());
    assert_eq!(
        world.health("web").await,
        ("initial".to_owned(), registered, None)
    );
    world.balancer("front", &["web"]).await;
    let mut proxy = world.proxy("edge").await;
    proxy.checking(&[&group_arn("web")]).await;
    let checking = Some("Elb.InitialHealthChecking".to_owned());
    eventually(async || world.health("web").await, |health| health.1 == checking).await;
}
