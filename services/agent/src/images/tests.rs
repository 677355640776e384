use std::collections::BTreeSet;

use kit::ManualClock;
use runtime::FakeRuntime;
use runtime::fake::{Script, Step};

use super::*;
use crate::config::AccessKey;

struct Bench {
    fake: FakeRuntime,
    clock: ManualClock,
    images: Images,
}

fn bench(change: impl FnOnce(&mut AgentConfig)) -> Bench {
    let credentials = AccessKey {
        access_key_id: "a".into(),
        secret_access_key: "s".into(),
        session_token: None,
    };
    let mut config = AgentConfig::new("http://127.0.0.1:1", "demo", credentials);
    change(&mut config);
    let (fake, clock) = (FakeRuntime::default(), ManualClock::default());
    let images = Images::new(&config, Arc::new(fake.clone()), Arc::new(clock.clone()), []);
    Bench { fake, clock, images }
}

fn failing_pull() -> Script {
    Script {
        pull: Step {
            failure: Some("no route to registry".into()),
            ..Step::default()
        },
        ..Script::default()
    }
}

async fn ready(bench: &Bench, reference: &str) -> bool {
    bench.images.ready(reference).await.is_ok()
}

#[tokio::test]
async fn k09_default_pulls_each_time_and_falls_back_to_what_was_pulled_before() {
    let bench = bench(|_| ());
    assert!(
        bench
            .images
            .ready("r.example/web:1")
            .await
            .unwrap()
            .pulled
            .is_some()
    );
    bench.clock.advance(TimeDelta::seconds(1));
    assert!(ready(&bench, "r.example/web:1").await);
    assert_eq!(bench.fake.pulls().len(), 2);
    bench.fake.script_image("r.example/web:1", failing_pull());
    bench.clock.advance(TimeDelta::seconds(1));
    assert!(
        bench
            .images
            .ready("r.example/web:1")
            .await
            .unwrap()
            .pulled
            .is_none(),
        "the local image"
    );
    bench.fake.script_image("r.example/other:1", failing_pull());
    let failure = bench
        .images
        .ready("r.example/other:1")
        .await
        .unwrap_err()
        .to_string();
    assert!(failure.starts_with("CannotPullContainerError: "), "{failure}");
}

#[test]
fn k09_default_uses_an_image_that_was_built_on_the_host_without_asking_a_registry() {
    let bench = bench(|_| ());
    let mut details = ImageDetails::default();
    assert!(bench.images.good_as_it_is("web:1", &details));
    details.repo_digests = vec!["web@sha256:00".into()];
    assert!(!bench.images.good_as_it_is("web:1", &details));
    assert!(
        bench.images.good_as_it_is("web@sha256:00", &details),
        "a digest never moves"
    );
}

#[test]
fn k09_default_leaves_a_registry_alone_for_a_while_that_could_not_be_reached() {
    let bench = bench(|_| ());
    let details = ImageDetails {
        repo_digests: vec!["r.example/web@sha256:00".into()],
        ..ImageDetails::default()
    };
    bench.images.registry_failed("r.example/web:1");
    assert!(bench.images.good_as_it_is("r.example/other:1", &details));
    assert!(!bench.images.good_as_it_is("web:1", &details), "another registry");
    bench.clock.advance(UNREACHABLE_FOR);
    assert!(!bench.images.good_as_it_is("r.example/other:1", &details));
}

#[tokio::test]
async fn k09_always_once_and_prefer_cached() {
    for (behavior, pulls) in [
        (ImagePullBehavior::Always, 3),
        (ImagePullBehavior::Once, 1),
        (ImagePullBehavior::PreferCached, 0),
    ] {
        let bench = bench(|config| config.image_pull_behavior = behavior);
        bench.fake.add_image("web:1");
        for _ in 0..3 {
            bench.clock.advance(TimeDelta::seconds(1));
            assert!(ready(&bench, "web:1").await);
        }
        assert_eq!(bench.fake.pulls().len(), pulls, "{behavior:?}");
    }
    let bench = bench(|config| config.image_pull_behavior = ImagePullBehavior::Always);
    bench.fake.add_image("web:1");
    bench.fake.script_image("web:1", failing_pull());
    assert!(!ready(&bench, "web:1").await, "no fall-back");
}

#[tokio::test]
async fn many_tasks_that_need_the_same_image_pull_it_once() {
    let bench = bench(|_| ());
    let pulls = (0..20).map(|_| bench.images.ready("r.example/web:1"));
    assert!(futures::future::join_all(pulls).await.iter().all(Result::is_ok));
    assert_eq!(bench.fake.pulls().len(), 1);
}

#[tokio::test]
async fn private_registries_are_shown_their_key() {
    let key = RegistryKey {
        username: "u".into(),
        password: "p".into(),
    };
    let bench = bench(|config| drop(config.registry_auth.insert("r.example:5000".into(), key)));
    assert!(ready(&bench, "r.example:5000/fake/private:1").await);
    assert!(!ready(&bench, "other.example/fake/private:1").await);
}

#[tokio::test]
async fn k10_the_longest_unused_images_are_removed_a_few_at_a_time() {
    let bench = bench(|config| config.image_cleanup.images_per_cycle = 2);
    bench.fake.add_image("built-here:1");
    for name in ["a", "b", "c", "d"] {
        assert!(ready(&bench, &format!("r.example/{name}:1")).await);
        bench.clock.advance(TimeDelta::minutes(1));
    }
    let in_use = BTreeSet::from(["r.example/a:1".to_owned()]);
    bench.images.clean(&in_use).await;
    assert_eq!(
        bench.fake.image_list().await.unwrap().len(),
        5,
        "all are younger than an hour"
    );
    bench.clock.advance(TimeDelta::hours(1));
    bench.images.clean(&in_use).await;
    let left = bench.fake.image_list().await.unwrap();
    let mut left: Vec<_> = left.into_iter().flat_map(|image| image.repo_tags).collect();
    left.sort();
    assert_eq!(left, ["built-here:1", "r.example/a:1", "r.example/d:1"]);
}

#[test]
fn the_registry_is_the_host_in_front() {
    assert_eq!(registry_of("web:1"), "docker.io");
    assert_eq!(registry_of("team/web"), "docker.io");
    assert_eq!(registry_of("r.example/web:1"), "r.example");
    assert_eq!(registry_of("localhost/web"), "localhost");
    assert_eq!(registry_of("host:5000/a/b@sha256:00"), "host:5000");
}
