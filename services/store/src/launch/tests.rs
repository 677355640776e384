use super::*;

fn definition(json: serde_json::Value) -> TaskDefinition {
    serde_json::from_value(json).unwrap()
}

#[test]
fn i04_task_level_sizes_count_before_the_containers_sums() {
    let document = definition(serde_json::json!({
        "cpu": "512", "memory": "1024",
        "containerDefinitions": [{"name": "a", "cpu": 10, "memory": 100}]
    }));
    let needs = resources(&document, &TaskOverride::default()).unwrap();
    assert_eq!((needs.cpu, needs.memory), (512, 1024));
}

#[test]
fn i04_without_task_level_sizes_reservations_count_before_hard_limits() {
    let document = definition(serde_json::json!({
        "containerDefinitions": [
            {"name": "a", "cpu": 10, "memory": 100, "memoryReservation": 60},
            {"name": "b", "cpu": 5, "memory": 50}]
    }));
    let needs = resources(&document, &TaskOverride::default()).unwrap();
    assert_eq!((needs.cpu, needs.memory), (15, 110));
}

#[test]
fn r08_overrides_change_what_a_task_needs() {
    let document =
        definition(serde_json::json!({"containerDefinitions": [{"name": "a", "cpu": 10, "memory": 100}]}));
    let overrides = serde_json::from_value(serde_json::json!({
        "containerOverrides": [{"name": "a", "cpu": 20, "memoryReservation": 30,
            "resourceRequirements": [{"type": "GPU", "value": "2"}]}]
    }));
    let needs = resources(&document, &overrides.unwrap()).unwrap();
    assert_eq!((needs.cpu, needs.memory, needs.gpus), (20, 30, 2));
}

#[test]
fn r08_overrides_cannot_ask_for_less_than_a_definition_could() {
    let containers =
        definition(serde_json::json!({"containerDefinitions": [{"name": "a", "cpu": 10, "memory": 100}]}))
            .container_definitions
            .unwrap();
    let check = |over: serde_json::Value| {
        let overrides = serde_json::from_value(serde_json::json!({"containerOverrides": [over]})).unwrap();
        check_overrides(&overrides, &containers)
    };
    assert!(check(serde_json::json!({"name": "a", "cpu": 0, "memory": 6, "memoryReservation": 6})).is_ok());
    for (setting, amount, least) in [("cpu", -1, 0), ("memory", -512, 6), ("memoryReservation", 5, 6)] {
        let text = format!("Invalid setting for container 'a'. '{setting}' must be at least {least}.");
        assert_eq!(
            check(serde_json::json!({"name": "a", setting: amount})),
            Err(LaunchError::Invalid(text))
        );
    }
}

#[test]
fn td39_more_gpus_than_can_be_counted_are_as_many_as_can_be() {
    let gpu = serde_json::json!([{"type": "GPU", "value": "4294967295"}]);
    let document = definition(serde_json::json!({"containerDefinitions": [
        {"name": "a", "resourceRequirements": gpu}, {"name": "b", "resourceRequirements": gpu}]}));
    let needs = resources(&document, &TaskOverride::default()).unwrap();
    assert_eq!(needs.gpus, u32::MAX);
}

#[test]
fn td26_fixed_ports_are_needed_and_in_host_mode_container_ports_are_host_ports() {
    let json = serde_json::json!({
        "containerDefinitions": [{"name": "a", "portMappings": [
            {"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}, {"containerPort": 53, "hostPort": 53, "protocol": "udp"}]}]
    });
    let bridge = resources(&definition(json.clone()), &TaskOverride::default()).unwrap();
    assert_eq!((bridge.ports, bridge.ports_udp), (vec![8081], vec![53]));
    let mut host = definition(json);
    host.network_mode = Some(NetworkMode::Host);
    let host = resources(&host, &TaskOverride::default()).unwrap();
    assert_eq!(host.ports, vec![80, 8081]);
}

#[test]
fn p02_p03_bad_constraints_and_strategies_are_refused() {
    let of = |kind: &str, field: Option<&str>| -> Result<Vec<Strategy>, LaunchError> {
        strategies(&[serde_json::from_value(serde_json::json!({"type": kind, "field": field})).unwrap()])
    };
    assert!(
        of("random", None).is_ok()
            && of("spread", Some("host")).is_ok()
            && of("binpack", Some("memory")).is_ok()
    );
    assert!(
        of("random", Some("x")).is_err()
            && of("spread", None).is_err()
            && of("binpack", Some("disk")).is_err()
    );
    let constraint = |json: serde_json::Value| {
        constraints(
            &TaskDefinition::default(),
            &[serde_json::from_value(json).unwrap()],
        )
    };
    assert!(constraint(serde_json::json!({"type": "distinctInstance"})).is_ok());
    assert!(constraint(serde_json::json!({"type": "distinctInstance", "expression": "x"})).is_err());
    assert!(constraint(serde_json::json!({"type": "memberOf", "expression": "attribute:a =="})).is_err());
}
