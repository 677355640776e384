//! Byte-exact texts.

use domain::{DeploymentId, TaskId};
use planning::deployment::{StopCode, events, stop};
use planning::placement::{Reason, Refusal};
use uuid::Uuid;

use super::sim::host_id;

const DEPLOYMENT: DeploymentId = DeploymentId(1_234_567_890_123_456_789);

fn task(number: u128) -> TaskId {
    TaskId(Uuid::from_u128(number))
}

#[test]
fn s52_started_and_stopped_tasks_are_listed() {
    assert_eq!(
        events::started("web", &[task(1)]),
        "(service web) has started 1 tasks: (task 00000000000000000000000000000001)."
    );
    assert_eq!(
        events::stopped("web", &[task(1), task(255)]),
        "(service web) has stopped 2 running tasks: (task 00000000000000000000000000000001) \
         (task 000000000000000000000000000000ff)."
    );
}

#[test]
fn s23_s40_s41_d02_texts() {
    assert_eq!(
        events::steady_state("web"),
        "(service web) has reached a steady state."
    );
    assert_eq!(
        events::cannot_start_consistently("web"),
        "(service web) is unable to consistently start tasks successfully."
    );
    assert_eq!(
        events::operations_throttled("web"),
        "(service web) operations are being throttled. Will try again later."
    );
    assert_eq!(
        events::stuck("web"),
        "(service web) was unable to stop or start tasks during a deployment because of the service deployment \
         configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    );
}

#[test]
fn s42_placement_failures_name_the_closest_host() {
    assert_eq!(
        events::unable_to_place("web", None),
        "(service web) was unable to place a task because no container instance met all of its requirements. \
         For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    );
    let refusal = Refusal {
        host: host_id(1),
        reason: Reason::Ports,
        unmet: 1,
    };
    assert_eq!(
        events::unable_to_place("web", Some(&refusal)),
        "(service web) was unable to place a task because no container instance met all of its requirements. \
         The closest matching (container-instance 00000000000000000000000000000001) is already using a port required \
         by your task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    );
    assert_eq!(
        events::no_container_instances("web"),
        "(service web) was unable to place a task because no container instance met all of its requirements. \
         Reason: No Container Instances were found in your cluster. For more information, see the Troubleshooting \
         section of the Amazon ECS Developer Guide."
    );
    let whys = [
        (Reason::Cpu, "has insufficient CPU units available"),
        (Reason::Memory, "has insufficient memory available"),
        (Reason::Attribute, "is missing an attribute required by your task"),
        (Reason::Agent, "encountered error \"AGENT\""),
    ];
    for (reason, why) in whys {
        assert_eq!(reason.why(), why);
    }
}

#[test]
fn s33_health_texts() {
    assert_eq!(
        events::failed_container_health("web", task(1)),
        "(service web) (task 00000000000000000000000000000001) failed container health checks."
    );
    assert_eq!(
        events::unhealthy_target_of_task("web", task(1), 80, "tg", "Health checks failed"),
        "(service web) (task 00000000000000000000000000000001) (port 80) is unhealthy in (target-group tg) \
         due to (reason Health checks failed)"
    );
    assert_eq!(
        events::unhealthy_target_of_instance("web", "i-1", 80, "tg", "Request timed out"),
        "(service web) (instance i-1) (port 80) is unhealthy in (target-group tg) due to (reason Request timed out)"
    );
    assert_eq!(
        events::unhealthy_target_of_address("web", 80, "tg", "Request timed out"),
        "(service web) (port 80) is unhealthy in (target-group tg) due to (reason Request timed out)"
    );
}

#[test]
fn s53_d17_texts_of_deployments() {
    assert_eq!(
        events::too_many_protected("web", DEPLOYMENT),
        "(service web) was unable to reach steady state because task set (ecs-svc/1234567890123456789) was unable to \
         scale in. Reason: The number of protected tasks are more than the desired count of tasks"
    );
    assert_eq!(
        events::deployment_completed("web", DEPLOYMENT),
        "(service web) (deployment ecs-svc/1234567890123456789) deployment completed."
    );
    assert_eq!(
        events::deployment_failed_to_start("web", DEPLOYMENT),
        "(service web) (deployment ecs-svc/1234567890123456789) deployment failed: tasks failed to start."
    );
    assert_eq!(
        events::rolling_back("web", DEPLOYMENT),
        "(service web) rolling back to deployment ecs-svc/1234567890123456789."
    );
    assert_eq!(
        events::registered_targets("web", 2, "tg"),
        "(service web) registered 2 targets in (target-group tg)"
    );
    assert_eq!(
        events::deregistered_targets("web", 2, "tg"),
        "(service web) deregistered 2 targets in (target-group tg)"
    );
    assert_eq!(
        events::draining_connections("web", DEPLOYMENT, 2),
        "(service web, taskSet ecs-svc/1234567890123456789) has begun draining connections on 2 tasks."
    );
}

#[test]
fn stop_table_texts() {
    assert_eq!(
        stop::scaling_reason(DEPLOYMENT),
        "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"
    );
    assert_eq!(
        stop::failed_target_reason("tg"),
        "Task failed ELB health checks in (target-group tg)"
    );
    assert_eq!(
        stop::FAILED_CONTAINER_HEALTH_REASON,
        "Task failed container health checks"
    );
    for code in StopCode::ALL {
        assert_eq!(code.as_str().parse(), Ok(*code));
    }
}
