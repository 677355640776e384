//! The operations that are not there yet: `unimplemented.txt` lists them, and may only shrink.

use std::collections::BTreeSet;

use api::edge::{SERVICES, Service};
use aws_model::{query, sample};
use berth_tests::World;
use test_support::client::Answer;

const GOLDEN: &str = include_str!("../../unimplemented.txt");

/// Operations of the service's model that are not carried out.
fn missing(service: &'static Service) -> impl Iterator<Item = &'static aws_model::OperationInfo> {
    let names = service.implemented;
    service
        .operations
        .iter()
        .filter(|operation| !names.contains(&operation.name))
}

/// The module of a service in `aws-model`, before its operations' names in the list; nothing for those of ECS.
fn prefix(service: &Service) -> &'static str {
    match service.model.signing_name {
        "ecs" => "",
        "elasticloadbalancing" => "elbv2:",
        "ec2" => "ec2:",
        "acm" => "acm:",
        other => panic!("no prefix for {other}"),
    }
}

#[test]
fn the_list_of_operations_that_are_not_implemented_only_shrinks() {
    let listed: BTreeSet<String> = GOLDEN
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let missing: BTreeSet<String> = SERVICES
        .into_iter()
        .flat_map(|service| {
            missing(service).map(|operation| format!("{}{}", prefix(service), operation.name))
        })
        .collect();
    let lost: Vec<_> = missing.difference(&listed).collect();
    assert!(lost.is_empty(), "implemented before, and no longer: {lost:?}");
    let won: Vec<_> = listed.difference(&missing).collect();
    assert!(
        won.is_empty(),
        "implemented now: take them out of tests/unimplemented.txt: {won:?}"
    );
    let in_order: Vec<&str> = GOLDEN.lines().filter(|line| !line.is_empty()).collect();
    assert!(in_order.is_sorted(), "in the order of their names");
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_are_not_implemented_say_so() {
    let world = World::with_hosts(0).await;
    for service in SERVICES {
        for operation in missing(service) {
            let input = sample::minimal(operation.input);
            let (answer, told): (Answer, String) = match service.model.target_prefix {
                Some(_) => {
                    let answer = world
                        .client
                        .json(service.model, operation.name, input.to_string())
                        .await
                        .unwrap();
                    let told = answer.json()["message"].as_str().unwrap_or_default().to_owned();
                    (answer, told)
                }
                None => {
                    let form = query::request(service.model, operation, &input);
                    let answer = world.client.form(service.model, form.to_string()).await.unwrap();
                    let told = String::from_utf8_lossy(&answer.body).into_owned();
                    (answer, told)
                }
            };
            let text = format!(
                "{} is not implemented by this version of Berth yet.",
                operation.name
            );
            assert!(told.contains(&text), "{} {answer:?}", operation.name);
            assert_eq!(answer.flaw(), None, "{}", operation.name);
        }
    }
}
