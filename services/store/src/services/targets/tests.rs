use super::*;

fn stopped(deployment: i64, drained: &[&str]) -> Stopped {
    Stopped {
        id: Uuid::new_v4(),
        instance_id: None,
        service_id: Some(1),
        deployment_id: Some(deployment),
        drained: drained.iter().map(|group| (*group).to_owned()).collect(),
    }
}

#[test]
fn d17_what_drains_is_told_by_deployment_and_what_was_deregistered_by_target_group() {
    let stopped = [stopped(7, &["a", "b"]), stopped(7, &["a"]), stopped(7, &[])];
    assert_eq!(
        drain_events("web", &stopped),
        [
            "(service web, taskSet ecs-svc/0000000000000000007) has begun draining connections on 2 tasks.",
            "(service web) deregistered 2 targets in (target-group a)",
            "(service web) deregistered 1 targets in (target-group b)",
        ]
    );
    assert!(drain_events("web", &[stopped[2].clone()]).is_empty());
}
