//! The operations that are not there yet: `unimplemented.txt` lists them, and may only shrink.

use std::collections::BTreeSet;

use api::ecs::dispatch::IMPLEMENTED;
use aws_model::{ecs, sample};
use berth_tests::World;

const GOLDEN: &str = include_str!("../../unimplemented.txt");

#[test]
fn the_list_of_operations_that_are_not_implemented_only_shrinks() {
    let listed: BTreeSet<&str> = GOLDEN.lines().filter(|line| !line.is_empty()).collect();
    let missing: BTreeSet<&str> = ecs::OPERATIONS
        .iter()
        .map(|operation| operation.name)
        .filter(|name| !IMPLEMENTED.contains(name))
        .collect();
    let lost: Vec<_> = missing.difference(&listed).collect();
    assert!(lost.is_empty(), "implemented before, and no longer: {lost:?}");
    let won: Vec<_> = listed.difference(&missing).collect();
    assert!(
        won.is_empty(),
        "implemented now: take them out of tests/unimplemented.txt: {won:?}"
    );
    assert!(listed.iter().eq(&missing), "in the order of their names");
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_are_not_implemented_say_so() {
    let world = World::with_hosts(0).await;
    for operation in ecs::OPERATIONS
        .iter()
        .filter(|operation| !IMPLEMENTED.contains(&operation.name))
    {
        let answer = world
            .client
            .post(operation.name, sample::minimal(operation.input).to_string())
            .await
            .unwrap();
        assert_eq!(answer.flaw(), None, "{}", operation.name);
        let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            message,
            format!(
                "{} is not implemented by this version of Berth yet.",
                operation.name
            )
        );
    }
}
