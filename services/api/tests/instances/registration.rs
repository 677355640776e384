//! RegisterContainerInstance (1.4, 1.5 of the agent protocol; I-02, P-07).

use super::*;

#[tokio::test]
async fn i02_a_registered_instance_shows_what_it_has() {
    let api = world().await;
    let instance = register(&api, registration()).await;
    assert_eq!(
        json!([instance["status"], instance["agentConnected"]]),
        json!(["ACTIVE", false])
    );
    assert_eq!(instance["version"], 1);
    assert_eq!(
        json!([instance["runningTasksCount"], instance["pendingTasksCount"]]),
        json!([0, 0])
    );
    let registered = &instance["registeredResources"];
    assert_eq!(resource(registered, "CPU")["integerValue"], 1024);
    assert_eq!(resource(registered, "MEMORY")["type"], "INTEGER");
    assert_eq!(
        resource(registered, "PORTS")["stringSetValue"],
        json!(["22", "51678"])
    );
    assert_eq!(resource(registered, "PORTS_UDP")["stringSetValue"], json!([]));
    assert_eq!(
        resource(registered, "GPU")["stringSetValue"],
        json!(["GPU-a", "GPU-b"])
    );
    assert_eq!(instance["registeredResources"], instance["remainingResources"]);
    assert_eq!(instance["registeredAt"], api.context().now().timestamp());
}

#[tokio::test]
async fn every_attribute_is_echoed_and_those_that_all_hosts_have_are_added() {
    let api = world().await;
    let instance = register(&api, registration()).await;
    assert_eq!(attribute(&instance, CAPABILITY), Some(Value::Null));
    assert_eq!(attribute(&instance, "ecs.os-family"), Some(json!("LINUX")));
    assert_eq!(attribute(&instance, "stack"), Some(json!("prod")));
    assert_eq!(
        attribute(&instance, "ecs.availability-zone"),
        Some(json!("us-east-1a"))
    );
    assert_eq!(attribute(&instance, "ecs.os-type"), Some(json!("linux")));
}

#[tokio::test]
async fn p07_the_identity_document_names_type_zone_and_instance() {
    let api = world().await;
    let document = json!({
        "instanceId": "i-0abc", "instanceType": "m7i.large", "availabilityZone": "us-east-1c", "imageId": "ami-1",
    });
    let instance = register(
        &api,
        with(
            registration(),
            json!({ "instanceIdentityDocument": document.to_string() }),
        ),
    )
    .await;
    assert_eq!(instance["ec2InstanceId"], "i-0abc");
    assert_eq!(
        attribute(&instance, "ecs.availability-zone"),
        Some(json!("us-east-1c"))
    );
    assert_eq!(
        attribute(&instance, "ecs.instance-type"),
        Some(json!("m7i.large"))
    );
    for nonsense in ["", "{", "[1]"] {
        register(
            &api,
            with(registration(), json!({ "instanceIdentityDocument": nonsense })),
        )
        .await;
    }
}

#[tokio::test]
async fn ag01_a_registration_with_its_arn_keeps_the_identity_and_the_custom_attributes() {
    let api = world().await;
    let first = register(&api, registration()).await;
    let arn = text(&first["containerInstanceArn"]);
    let again = json!({
        "cluster": "demo", "containerInstanceArn": arn,
        "attributes": [{ "name": "ecs.os-family", "value": "LINUX" }],
        "totalResources": [
            { "name": "CPU", "type": "INTEGER", "integerValue": 4096 },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": 512 },
            { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["2375"] },
        ],
    });
    let second = register(&api, again).await;
    assert_eq!(second["containerInstanceArn"], json!(arn));
    assert_eq!(attribute(&second, "stack"), Some(json!("prod")));
    assert_eq!(attribute(&second, CAPABILITY), None);
    assert_eq!(
        resource(&second["registeredResources"], "CPU")["integerValue"],
        4096
    );
    assert_eq!(
        resource(&second["remainingResources"], "PORTS")["stringSetValue"],
        json!(["2375"])
    );
    assert!(second["version"].as_i64() > first["version"].as_i64());
    let list = api
        .ok("ListContainerInstances", json!({ "cluster": "demo" }))
        .await;
    assert_eq!(list["containerInstanceArns"], json!([arn]));
}

#[tokio::test]
async fn an_arn_that_is_not_known_is_taken_as_it_is_but_not_anothers() {
    let api = world().await;
    let arn = "arn:aws:ecs:us-east-1:000000000000:container-instance/demo/0123456789abcdef0123456789abcdef";
    let instance = register(&api, with(registration(), json!({ "containerInstanceArn": arn }))).await;
    assert_eq!(instance["containerInstanceArn"], arn);
    let other_account = api.elsewhere("111111111111", "us-east-1");
    other_account
        .ok("CreateCluster", json!({ "clusterName": "demo" }))
        .await;
    let theirs = arn.replace("000000000000", "111111111111");
    for (who, arn) in [
        (&api, theirs.as_str()),
        (&other_account, arn),
        (&other_account, theirs.as_str()),
    ] {
        let refusal = who
            .refused(
                "RegisterContainerInstance",
                with(registration(), json!({ "containerInstanceArn": arn })),
            )
            .await;
        assert_eq!(refusal.code, "InvalidParameterException", "{arn}");
    }
}

#[tokio::test]
async fn a_repeated_first_registration_makes_one_instance() {
    let api = world().await;
    let body = with(
        registration(),
        json!({ "clientToken": "b6a5f8a0-1111-2222-3333-444455556666" }),
    );
    let calls: Vec<_> = (0..8).map(|_| register(&api, body.clone())).collect();
    let arns: Vec<String> = futures::future::join_all(calls)
        .await
        .iter()
        .map(|instance| text(&instance["containerInstanceArn"]))
        .collect();
    assert!(arns.windows(2).all(|pair| pair[0] == pair[1]), "{arns:?}");
    assert_ne!(register_arn(&api).await, register_arn(&api).await);
}

#[tokio::test]
async fn c08_an_agent_without_a_cluster_learns_that_it_has_to_make_one() {
    let api = TestApi::new().await;
    let refusal = api
        .refused("RegisterContainerInstance", json!({ "cluster": "default" }))
        .await;
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("ClusterNotFoundException", "Cluster not found.")
    );
    api.ok("CreateCluster", json!({})).await;
    let instance = register(&api, json!({})).await;
    assert!(text(&instance["containerInstanceArn"]).contains(":container-instance/default/"));
    // Ports that no agent may give away (I-02).
    assert_eq!(
        resource(&instance["registeredResources"], "PORTS")["stringSetValue"],
        json!(["22", "2375", "2376", "51678", "51679"])
    );
}

#[tokio::test]
async fn malformed_registrations_are_refused_and_leave_nothing() {
    let api = world().await;
    let cpu = |value: Value| json!({ "totalResources": [{ "name": "CPU", "type": "INTEGER", "integerValue": value }] });
    let ports =
        json!({ "totalResources": [{ "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["ssh"] }] });
    let many: Vec<Value> = (0..11)
        .map(|n| json!({ "name": format!("a{n}"), "value": "x" }))
        .collect();
    for wrong in [
        cpu(json!(-1)),
        ports,
        json!({ "attributes": many }),
        json!({ "attributes": [{ "name": "bad name", "value": "x" }] }),
        json!({ "containerInstanceArn": "nonsense:arn" }),
        json!({ "containerInstanceArn": "arn:aws:ecs:us-east-1:000000000000:task/demo/0123456789abcdef0123456789abcdef" }),
        json!({ "tags": [{ "key": "aws:x", "value": "y" }] }),
    ] {
        let refusal = api
            .refused("RegisterContainerInstance", with(registration(), wrong.clone()))
            .await;
        assert_eq!(refusal.code, "InvalidParameterException", "{wrong}");
    }
    let list = api
        .ok("ListContainerInstances", json!({ "cluster": "demo" }))
        .await;
    assert_eq!(list["containerInstanceArns"], json!([]));
}
