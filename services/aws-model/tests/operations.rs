//! Every operation: what the schema allows is what serde reads, and what is malformed is refused.

#![allow(clippy::unwrap_used)]

use aws_model::{
    DecodeError, Operation, OperationVisitor, acm, decode, ec2, ecs, elbv2, encode, malformed, sample,
};
use serde_json::Value;

fn visit_each(visit: impl OperationVisitor) {
    let mut visit = visit;
    acm::ops::visit(&mut visit);
    ec2::ops::visit(&mut visit);
    ecs::ops::visit(&mut visit);
    elbv2::ops::visit(&mut visit);
}

#[test]
fn a_request_with_every_member_survives_decoding_and_encoding() {
    struct RoundTrip;
    impl OperationVisitor for RoundTrip {
        fn visit<Op: Operation>(&mut self) {
            let request = sample::full(Op::INPUT);
            let input = decode::<Op>(request.to_string().as_bytes()).unwrap();
            let again: Value = serde_json::from_slice(&encode(&input)).unwrap();
            assert_eq!(again, request, "{}", Op::NAME);
        }
    }
    visit_each(RoundTrip);
}

#[test]
fn a_request_with_the_required_members_only_is_read() {
    struct Minimal;
    impl OperationVisitor for Minimal {
        fn visit<Op: Operation>(&mut self) {
            let request = sample::minimal(Op::INPUT);
            let input = decode::<Op>(request.to_string().as_bytes()).unwrap();
            let again: Value = serde_json::from_slice(&encode(&input)).unwrap();
            assert_eq!(again, request, "{}", Op::NAME);
        }
    }
    visit_each(Minimal);
}

#[test]
fn w06_an_empty_response_is_an_empty_object() {
    struct Empty;
    impl OperationVisitor for Empty {
        fn visit<Op: Operation>(&mut self) {
            assert_eq!(encode(&Op::Output::default()), b"{}", "{}", Op::NAME);
            assert_eq!(
                serde_json::from_str::<Op::Output>("{}").unwrap(),
                Op::Output::default()
            );
        }
    }
    visit_each(Empty);
}

/// Refuses every malformed body of an operation, except those that only the operation itself can refuse.
fn refuses_malformed<Op: Operation>(valid: &Value) {
    for (name, body) in malformed::cases(Op::INPUT, valid) {
        let answer = decode::<Op>(&body);
        let without_limit = name.ends_with("huge string") || name.ends_with("huge list");
        assert!(answer.is_err() || without_limit, "{} accepts {name}", Op::NAME);
        if let Err(DecodeError::Invalid(violation)) = answer {
            let (path, reason) = (violation.path(), violation.to_string());
            assert!(
                !path.is_empty() && reason.len() < 1000,
                "{} {name}: {reason}",
                Op::NAME
            );
        }
    }
}

#[test]
fn w08_malformed_requests_of_every_operation_are_refused() {
    struct Malformed;
    impl OperationVisitor for Malformed {
        fn visit<Op: Operation>(&mut self) {
            refuses_malformed::<Op>(&sample::minimal(Op::INPUT));
        }
    }
    visit_each(Malformed);
}

#[test]
fn w08_malformed_members_deep_inside_requests_are_refused() {
    refuses_malformed::<ecs::ops::RunTask>(&sample::full(ecs::ops::RunTask::INPUT));
    refuses_malformed::<ecs::ops::SubmitTaskStateChange>(&sample::full(
        ecs::ops::SubmitTaskStateChange::INPUT,
    ));
    refuses_malformed::<ecs::ops::ListServiceDeployments>(&sample::full(
        ecs::ops::ListServiceDeployments::INPUT,
    ));
}

#[test]
fn the_service_is_described_as_clients_know_it() {
    assert_eq!(
        ecs::SERVICE.target_prefix,
        Some("AmazonEC2ContainerServiceV20141113")
    );
    assert_eq!(ecs::SERVICE.signing_name, "ecs");
    assert_eq!(ecs::SERVICE.api_version, "2014-11-13");
    assert_eq!(ecs::SERVICE.protocol, aws_model::Protocol::Json11);
    assert_eq!(ecs::OPERATIONS.len(), 77);
    assert_eq!(acm::SERVICE.target_prefix, Some("CertificateManager"));
    assert_eq!(acm::OPERATIONS.len(), 17);
    assert_eq!(elbv2::SERVICE.signing_name, "elasticloadbalancing");
    assert_eq!(elbv2::SERVICE.protocol, aws_model::Protocol::Query);
    assert_eq!(elbv2::OPERATIONS.len(), 51);
    assert_eq!(ec2::SERVICE.signing_name, "ec2");
    assert_eq!(ec2::SERVICE.protocol, aws_model::Protocol::Ec2);
}

#[test]
fn every_error_of_an_operation_has_a_code() {
    for operation in ecs::OPERATIONS {
        for error in operation.errors {
            assert!(
                ecs::ErrorCode::ALL.iter().any(|code| code.name() == *error),
                "{} {error}",
                operation.name
            );
        }
    }
}

#[test]
fn exceptions_of_query_services_have_the_code_that_stands_on_the_wire() {
    let code = elbv2::ErrorCode::ALPNPolicyNotSupportedException;
    assert_eq!((code.name(), code.status()), ("ALPNPolicyNotFound", 400));
}

#[test]
fn w02_only_faults_of_the_server_have_status_500() {
    let faults: Vec<_> = ecs::ErrorCode::ALL
        .iter()
        .filter(|code| code.status() != 400)
        .collect();
    assert_eq!(faults, [&ecs::ErrorCode::ServerException]);
    assert_eq!(ecs::ErrorCode::ServerException.status(), 500);
    assert_eq!(
        ecs::ErrorCode::ClusterNotFoundException.to_string(),
        "ClusterNotFoundException"
    );
}
