//! Container instances and attributes at the API, and agents' reports (section 3; 1.4, 1.5, 4 of the agent protocol).

#![allow(clippy::unwrap_used)]

use domain::ContainerInstanceId;
use serde_json::{Value, json};
use store::instances::Session;
use test_support::TestApi;
use uuid::Uuid;

const CAPABILITY: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.18";

async fn world() -> TestApi {
    let api = TestApi::new().await;
    api.ok("CreateCluster", json!({ "clusterName": "demo" })).await;
    api
}

fn registration() -> Value {
    json!({
        "cluster": "demo",
        "attributes": [
            { "name": CAPABILITY },
            { "name": "ecs.os-family", "value": "LINUX" },
            { "name": "stack", "value": "prod" },
        ],
        "totalResources": [
            { "name": "CPU", "type": "INTEGER", "integerValue": 1024 },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": 2048 },
            { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "51678"] },
            { "name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [] },
            { "name": "NEURON_CORES", "type": "STRINGSET", "stringSetValue": ["0"] },
        ],
        "platformDevices": [{ "id": "GPU-b", "type": "GPU" }, { "id": "GPU-a", "type": "GPU" }],
    })
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    body
}

async fn register(api: &TestApi, body: Value) -> Value {
    api.ok("RegisterContainerInstance", body).await["containerInstance"].clone()
}

async fn register_arn(api: &TestApi) -> String {
    text(&register(api, registration()).await["containerInstanceArn"])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

fn uuid(arn: &str) -> Uuid {
    arn.rsplit('/')
        .next()
        .unwrap()
        .parse::<ContainerInstanceId>()
        .unwrap()
        .uuid()
}

async fn describe(api: &TestApi, arn: &str) -> Value {
    let body = json!({ "cluster": "demo", "containerInstances": [arn], "include": ["TAGS"] });
    api.ok("DescribeContainerInstances", body).await["containerInstances"][0].clone()
}

/// Connects the instance's agent, as far as the database knows.
async fn connect(api: &TestApi, arn: &str) -> Session {
    let cluster = store::clusters::find_active(&api.db(), api.scope(), "demo")
        .await
        .unwrap()
        .unwrap();
    let session = Session {
        cluster_id: cluster.id,
        instance: uuid(arn),
        server: Uuid::new_v4(),
        session: Uuid::new_v4(),
        agent_version: "1.105.1".to_owned(),
        agent_hash: String::new(),
        docker_version: String::new(),
    };
    store::instances::connect(&api.db(), &session, api.context().now())
        .await
        .unwrap()
        .expect("it is there");
    session
}

async fn run_task(api: &TestApi, port: u16) -> String {
    let definition = json!({
        "family": "web",
        "containerDefinitions": [{
            "name": "web", "image": "tiny", "cpu": 100, "memory": 200,
            "portMappings": [{ "containerPort": 80, "hostPort": port }],
        }],
    });
    api.ok("RegisterTaskDefinition", definition).await;
    let body = json!({ "cluster": "demo", "taskDefinition": "web", "tags": [{ "key": "k", "value": "v" }] });
    let reply = api.ok("RunTask", body).await;
    assert_eq!(reply["failures"], json!([]), "{reply}");
    text(&reply["tasks"][0]["taskArn"])
}

async fn task(api: &TestApi, arn: &str) -> Value {
    let body = json!({ "cluster": "demo", "tasks": [arn], "include": ["TAGS"] });
    api.ok("DescribeTasks", body).await["tasks"][0].clone()
}

fn resource<'a>(resources: &'a Value, name: &str) -> &'a Value {
    resources
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| resource["name"] == name)
        .unwrap_or(&Value::Null)
}

fn attribute(instance: &Value, name: &str) -> Option<Value> {
    let attributes = instance["attributes"].as_array().unwrap();
    attributes
        .iter()
        .find(|attribute| attribute["name"] == name)
        .map(|attribute| attribute["value"].clone())
}

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

#[tokio::test]
async fn w10_missing_instances_are_failures() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let id = arn.rsplit('/').next().unwrap();
    let missing = "a".repeat(32);
    let body = json!({ "cluster": "demo", "containerInstances": [missing, id, arn, "odd"] });
    let reply = api.ok("DescribeContainerInstances", body).await;
    assert_eq!(reply["containerInstances"].as_array().unwrap().len(), 1);
    let reasons: Vec<&Value> = reply["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| &failure["reason"])
        .collect();
    assert_eq!(reasons, ["MISSING", "MISSING"]);
    assert!(text(&reply["failures"][0]["arn"]).ends_with(&format!("container-instance/demo/{missing}")));
    let none = api
        .refused(
            "DescribeContainerInstances",
            json!({ "cluster": "demo", "containerInstances": [] }),
        )
        .await;
    assert_eq!(none.code, "InvalidParameterException");
    let elsewhere = arn.replace("/demo/", "/other/");
    let body = json!({ "cluster": "demo", "containerInstances": [elsewhere] });
    assert_eq!(
        api.refused("DescribeContainerInstances", body).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn tg06_tags_are_shown_when_asked_for_and_go_with_the_instance() {
    let api = world().await;
    let body = with(
        registration(),
        json!({ "tags": [{ "key": "rack", "value": "7" }] }),
    );
    let arn = text(&register(&api, body).await["containerInstanceArn"]);
    assert_eq!(
        describe(&api, &arn).await["tags"],
        json!([{ "key": "rack", "value": "7" }])
    );
    let plain = json!({ "cluster": "demo", "containerInstances": [arn] });
    let reply = api.ok("DescribeContainerInstances", plain).await;
    assert_eq!(reply["containerInstances"][0]["tags"], json!([]));
    api.ok(
        "DeregisterContainerInstance",
        json!({ "cluster": "demo", "containerInstance": arn }),
    )
    .await;
    assert_eq!(describe(&api, &arn).await["tags"], json!([]));
}

#[tokio::test]
async fn i11_lists_are_narrowed_by_status_and_filter_and_paged() {
    let api = world().await;
    let mut arns = Vec::new();
    for n in 0..5 {
        let custom = json!({ "attributes": [{ "name": "rack", "value": format!("r{}", n % 2) }] });
        arns.push(text(
            &register(&api, with(registration(), custom)).await["containerInstanceArn"],
        ));
    }
    arns.sort();
    let list = async |more: Value| {
        api.ok("ListContainerInstances", with(json!({ "cluster": "demo" }), more))
            .await
    };
    assert_eq!(list(json!({})).await["containerInstanceArns"], json!(arns));
    assert_eq!(
        list(json!({ "filter": "attribute:rack == r1" })).await["containerInstanceArns"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        list(json!({ "filter": "runningTasksCount > 0" })).await["containerInstanceArns"],
        json!([])
    );
    for (size, filter) in [
        (2, json!({})),
        (2, json!({ "filter": "not(agentConnected == true)" })),
    ] {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let mut ask = with(filter.clone(), json!({ "maxResults": size }));
            if let Some(token) = &token {
                ask["nextToken"] = json!(token);
            }
            let page = list(ask).await;
            seen.extend(page["containerInstanceArns"].as_array().unwrap().iter().map(text));
            token = page.get("nextToken").map(text);
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, arns);
    }
    let drain = json!({ "cluster": "demo", "containerInstances": [arns[0]], "status": "DRAINING" });
    api.ok("UpdateContainerInstancesState", drain).await;
    assert_eq!(
        list(json!({ "status": "DRAINING" })).await["containerInstanceArns"],
        json!([arns[0]])
    );
    for wrong in [
        json!({ "filter": "rack == " }),
        json!({ "nextToken": "x" }),
        json!({ "maxResults": 101 }),
    ] {
        let refusal = api
            .refused(
                "ListContainerInstances",
                with(json!({ "cluster": "demo" }), wrong),
            )
            .await;
        assert_eq!(refusal.code, "InvalidParameterException");
    }
}

#[tokio::test]
async fn i09_only_active_and_draining_can_be_set() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let set = |status: &str| json!({ "cluster": "demo", "containerInstances": [arn, "b".repeat(32)], "status": status });
    let reply = api.ok("UpdateContainerInstancesState", set("DRAINING")).await;
    assert_eq!(reply["containerInstances"][0]["status"], "DRAINING");
    assert_eq!(reply["failures"][0]["reason"], "MISSING");
    let version = describe(&api, &arn).await["version"].clone();
    api.ok("UpdateContainerInstancesState", set("DRAINING")).await;
    assert_eq!(describe(&api, &arn).await["version"], version);
    // An agent that registers again does not end the draining.
    register(&api, with(registration(), json!({ "containerInstanceArn": arn }))).await;
    assert_eq!(describe(&api, &arn).await["status"], "DRAINING");
    let reply = api.ok("UpdateContainerInstancesState", set("ACTIVE")).await;
    assert_eq!(reply["containerInstances"][0]["status"], "ACTIVE");
    for refused in [
        set("REGISTERING"),
        json!({ "cluster": "demo", "containerInstances": vec!["x"; 11], "status": "ACTIVE" }),
    ] {
        assert_eq!(
            api.refused("UpdateContainerInstancesState", refused).await.code,
            "InvalidParameterException"
        );
    }
}

#[tokio::test]
async fn i08_deregistration_makes_an_instance_inactive_for_a_while() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let body = json!({ "cluster": "demo", "containerInstance": arn });
    let reply = api.ok("DeregisterContainerInstance", body.clone()).await;
    assert_eq!(reply["containerInstance"]["status"], "INACTIVE");
    assert_eq!(
        api.ok("ListContainerInstances", json!({ "cluster": "demo" }))
            .await["containerInstanceArns"],
        json!([])
    );
    assert_eq!(describe(&api, &arn).await["status"], "INACTIVE");
    api.clock().advance(chrono::TimeDelta::minutes(61));
    assert_eq!(describe(&api, &arn).await, Value::Null);
    assert_eq!(
        api.refused("DeregisterContainerInstance", body).await.code,
        "InvalidParameterException"
    );
    // It may come back under its ARN.
    let back = register(&api, with(registration(), json!({ "containerInstanceArn": arn }))).await;
    assert_eq!(
        json!([back["containerInstanceArn"], back["status"]]),
        json!([arn, "ACTIVE"])
    );
}

#[tokio::test]
async fn i10_custom_attributes_are_put_listed_and_deleted() {
    let api = world().await;
    let (one, two) = (register_arn(&api).await, register_arn(&api).await);
    let id = one.rsplit('/').next().unwrap();
    let put = json!({
        "cluster": "demo",
        "attributes": [
            { "name": "stack", "value": "test", "targetId": one },
            { "name": "rack", "targetType": "container-instance", "targetId": id },
            { "name": "rack", "value": "b 2", "targetId": two },
        ],
    });
    let reply = api.ok("PutAttributes", put).await;
    assert_eq!(reply["attributes"][1]["targetId"], json!(one));
    assert_eq!(
        attribute(&describe(&api, &one).await, "stack"),
        Some(json!("test"))
    );
    let list = async |more: Value| {
        let body = with(
            json!({ "cluster": "demo", "targetType": "container-instance" }),
            more,
        );
        api.ok("ListAttributes", body).await
    };
    assert_eq!(
        list(json!({ "attributeName": "rack" })).await["attributes"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let found = list(json!({ "attributeName": "rack", "attributeValue": "b 2" })).await;
    assert_eq!(
        found["attributes"],
        json!([{ "name": "rack", "value": "b 2", "targetType": "container-instance", "targetId": two }])
    );
    let (mut pages, mut token, mut seen) = (0, None, 0);
    loop {
        let mut ask = json!({ "maxResults": 3 });
        if let Some(token) = &token {
            ask["nextToken"] = json!(token);
        }
        let page = list(ask).await;
        (pages, seen) = (pages + 1, seen + page["attributes"].as_array().unwrap().len());
        token = page.get("nextToken").map(text);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(
        seen,
        list(json!({})).await["attributes"].as_array().unwrap().len()
    );
    assert_eq!(pages, seen.div_ceil(3));
    let delete = json!({ "cluster": "demo", "attributes": [{ "name": "rack", "targetId": two }, { "name": "no", "targetId": two }] });
    api.ok("DeleteAttributes", delete).await;
    assert_eq!(
        list(json!({ "attributeName": "rack" })).await["attributes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn i10_attributes_are_changed_all_or_none() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let put = |attributes: Value| json!({ "cluster": "demo", "attributes": attributes });
    let missing = "c".repeat(32);
    let table = [
        (
            json!([{ "name": "x", "value": "1", "targetId": arn }, { "name": "x", "value": "1", "targetId": missing }]),
            "TargetNotFoundException",
        ),
        (
            (0..10)
                .map(|n| json!({ "name": format!("x{n}"), "value": "1", "targetId": arn }))
                .collect(),
            "AttributeLimitExceededException",
        ),
        (
            json!([{ "name": "ecs.os-type", "value": "windows", "targetId": arn }]),
            "InvalidParameterException",
        ),
        (
            json!([{ "name": "x", "value": "1" }]),
            "InvalidParameterException",
        ),
        (json!([]), "InvalidParameterException"),
    ];
    let before = describe(&api, &arn).await;
    for (attributes, code) in table {
        assert_eq!(
            api.refused("PutAttributes", put(attributes.clone())).await.code,
            code,
            "{attributes}"
        );
    }
    assert_eq!(describe(&api, &arn).await, before);
}

#[tokio::test]
async fn i13_there_is_never_an_update_for_agents() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let body = json!({ "cluster": "demo", "containerInstance": arn });
    assert_eq!(
        api.refused("UpdateContainerAgent", body.clone()).await.code,
        "MissingVersionException"
    );
    connect(&api, &arn).await;
    assert_eq!(
        api.refused("UpdateContainerAgent", body).await.code,
        "NoUpdateAvailableException"
    );
    let missing = json!({ "cluster": "demo", "containerInstance": "d".repeat(32) });
    assert_eq!(
        api.refused("UpdateContainerAgent", missing).await.code,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn agents_are_sent_to_the_servers_own_address() {
    let api = world().await;
    let reply = api
        .ok(
            "DiscoverPollEndpoint",
            json!({ "containerInstance": "x", "cluster": "demo", "zoneId": "" }),
        )
        .await;
    assert_eq!(
        reply,
        json!({ "endpoint": "http://127.0.0.1:8400/agent/acs", "telemetryEndpoint": "http://127.0.0.1:8400/agent/tcs" })
    );
}

#[tokio::test]
async fn i03_resources_are_held_until_a_task_is_stopped_and_given_back_once() {
    let api = world().await;
    let arn = register_arn(&api).await;
    connect(&api, &arn).await;
    let free = describe(&api, &arn).await["remainingResources"].clone();
    let task_arn = run_task(&api, 8080).await;
    let held = describe(&api, &arn).await;
    assert_eq!(resource(&held["remainingResources"], "CPU")["integerValue"], 924);
    assert_eq!(
        resource(&held["remainingResources"], "MEMORY")["integerValue"],
        1848
    );
    assert!(
        resource(&held["remainingResources"], "PORTS")["stringSetValue"]
            .as_array()
            .unwrap()
            .contains(&json!("8080"))
    );
    assert_eq!(
        json!([held["runningTasksCount"], held["pendingTasksCount"]]),
        json!([1, 1])
    );
    api.ok("StopTask", json!({ "cluster": "demo", "task": task_arn }))
        .await;
    assert_eq!(
        describe(&api, &arn).await["remainingResources"],
        held["remainingResources"]
    );
    let report = json!({
        "cluster": "demo", "task": task_arn, "status": "STOPPED",
        "containers": [{ "containerName": "web", "exitCode": 0, "status": "STOPPED" }],
    });
    let reports: Vec<_> = (0..6)
        .map(|_| api.ok("SubmitTaskStateChange", report.clone()))
        .collect();
    futures::future::join_all(reports).await;
    let after = describe(&api, &arn).await;
    assert_eq!(after["remainingResources"], free);
    assert_eq!(
        json!([after["runningTasksCount"], after["pendingTasksCount"]]),
        json!([0, 0])
    );
    let stopped = task(&api, &task_arn).await;
    assert_eq!(
        json!([stopped["lastStatus"], stopped["tags"]]),
        json!(["STOPPED", []])
    );
}

#[tokio::test]
async fn ag04_reports_of_one_task_in_parallel_have_the_effect_of_the_furthest() {
    let api = world().await;
    connect(&api, &register_arn(&api).await).await;
    let task_arn = run_task(&api, 8081).await;
    let report = |status: &str, container: &str| {
        json!({
            "cluster": "demo", "task": task_arn, "status": status, "reason": "",
            "containers": [{ "containerName": "web", "runtimeId": "f00d", "imageDigest": "sha256:1", "exitCode": 3, "status": container }],
        })
    };
    let all = [
        report("PENDING", "PENDING"),
        report("RUNNING", "RUNNING"),
        report("STOPPED", "STOPPED"),
    ];
    let calls: Vec<_> = (0..12)
        .map(|n| api.ok("SubmitTaskStateChange", all[n % 3].clone()))
        .collect();
    futures::future::join_all(calls).await;
    let task = task(&api, &task_arn).await;
    assert_eq!(task["lastStatus"], "STOPPED");
    assert_eq!(task["containers"][0]["exitCode"], 3);
    assert_eq!(task["containers"][0]["runtimeId"], "f00d");
    assert!(task["version"].as_i64().unwrap() <= 4, "{}", task["version"]);
}

#[tokio::test]
async fn reports_about_unknown_tasks_are_acknowledged_and_malformed_ones_refused() {
    let api = world().await;
    connect(&api, &register_arn(&api).await).await;
    let task_arn = run_task(&api, 8082).await;
    let unknown = task_arn.replace(&task_arn[task_arn.len() - 32..], &"e".repeat(32));
    for known in [
        json!({ "cluster": "demo", "task": unknown, "status": "STOPPED" }),
        json!({ "cluster": "gone", "task": unknown.replace("/demo/", "/gone/"), "status": "STOPPED" }),
        json!({ "cluster": "demo", "task": "odd", "status": "RUNNING" }),
        json!({ "cluster": "demo", "task": task_arn, "attachments": [{ "attachmentArn": "a", "status": "ATTACHED" }] }),
        json!({ "cluster": "demo", "task": task_arn, "status": "RUNNING", "containers": [{ "containerName": "nobody", "status": "RUNNING" }] }),
    ] {
        assert_eq!(
            api.ok("SubmitTaskStateChange", known).await,
            json!({ "acknowledgment": "ACK" })
        );
    }
    for wrong in [
        json!({ "cluster": "demo", "status": "RUNNING" }),
        json!({ "cluster": "demo", "task": task_arn, "status": "DANCING" }),
    ] {
        assert_eq!(
            api.refused("SubmitTaskStateChange", wrong).await.code,
            "InvalidParameterException"
        );
    }
    // Another account cannot report about it.
    let other = api.elsewhere("111111111111", "us-east-1");
    other.ok("CreateCluster", json!({ "clusterName": "demo" })).await;
    let id = task_arn.rsplit('/').next().unwrap();
    other
        .ok(
            "SubmitTaskStateChange",
            json!({ "cluster": "demo", "task": id, "status": "STOPPED" }),
        )
        .await;
    assert_eq!(task(&api, &task_arn).await["lastStatus"], "RUNNING");
}

#[tokio::test]
async fn older_agents_report_containers_by_themselves() {
    let api = world().await;
    connect(&api, &register_arn(&api).await).await;
    let task_arn = run_task(&api, 8083).await;
    let body = json!({ "cluster": "demo", "task": task_arn, "containerName": "web", "runtimeId": "cafe", "status": "RUNNING" });
    api.ok("SubmitContainerStateChange", body).await;
    let shown = task(&api, &task_arn).await;
    assert_eq!(
        json!([shown["lastStatus"], shown["containers"][0]["lastStatus"]]),
        json!(["PENDING", "RUNNING"])
    );
    let attached =
        json!({ "cluster": "demo", "attachments": [{ "attachmentArn": "a", "status": "ATTACHED" }] });
    api.ok("SubmitAttachmentStateChanges", attached).await;
}

#[tokio::test]
async fn ports_of_a_task_stay_taken_when_its_host_registers_again() {
    let api = world().await;
    let arn = register_arn(&api).await;
    connect(&api, &arn).await;
    let task_arn = run_task(&api, 9000).await;
    let small = json!({
        "containerInstanceArn": arn,
        "totalResources": [
            { "name": "CPU", "type": "INTEGER", "integerValue": 50 },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": 4096 },
            { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["23"] },
        ],
    });
    let again = register(&api, with(registration(), small)).await;
    assert_eq!(
        resource(&again["remainingResources"], "PORTS")["stringSetValue"],
        json!(["23", "9000"])
    );
    // A host does not shrink below what its tasks hold.
    assert_eq!(
        resource(&again["registeredResources"], "CPU")["integerValue"],
        100
    );
    api.ok(
        "SubmitTaskStateChange",
        json!({ "cluster": "demo", "task": task_arn, "status": "STOPPED" }),
    )
    .await;
    let after = describe(&api, &arn).await;
    assert_eq!(after["remainingResources"], after["registeredResources"]);
}

#[tokio::test]
async fn a_lost_hosts_tasks_are_stopped_unless_its_agent_is_back() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let session = connect(&api, &arn).await;
    let task_arn = run_task(&api, 9001).await;
    let (db, now) = (api.db(), api.context().now());
    let since = now + chrono::TimeDelta::seconds(1);
    assert!(store::instances::lost(&db, since).await.unwrap().is_empty());
    store::instances::disconnect(&db, &session, now).await.unwrap();
    assert_eq!(
        store::instances::lost(&db, since).await.unwrap(),
        [(uuid(&arn), None)]
    );
    let stop = async |db: &store::Db| {
        let reason = "Host EC2 (instance x) terminated.";
        store::task_reports::stop_all_on_lost_host(db, uuid(&arn), since, "TerminationNotice", reason, since)
            .await
            .unwrap()
    };
    let session = connect(&api, &arn).await;
    assert_eq!(stop(&db).await, 0);
    assert_eq!(task(&api, &task_arn).await["lastStatus"], "PENDING");
    store::instances::disconnect(&db, &session, now).await.unwrap();
    assert_eq!(stop(&db).await, 1);
    let stopped = task(&api, &task_arn).await;
    assert_eq!(
        json!([
            stopped["lastStatus"],
            stopped["stopCode"],
            stopped["containers"][0]["lastStatus"],
            stopped["tags"]
        ]),
        json!(["STOPPED", "TerminationNotice", "STOPPED", []])
    );
    let host = describe(&api, &arn).await;
    assert_eq!(host["remainingResources"], host["registeredResources"]);
}

#[tokio::test]
async fn sessions_of_a_server_without_a_lease_are_void() {
    let api = world().await;
    let (one, two) = (register_arn(&api).await, register_arn(&api).await);
    let (db, now) = (api.db(), api.context().now());
    let alive = connect(&api, &one).await;
    let dead = connect(&api, &two).await;
    store::leases::renew(&db, alive.server).await.unwrap();
    assert_eq!(store::leases::expire(&db, now).await.unwrap(), 1);
    assert_eq!(describe(&api, &one).await["agentConnected"], true);
    assert_eq!(describe(&api, &two).await["agentConnected"], false);
    // The void session's end comes too late to matter.
    assert!(!store::instances::disconnect(&db, &dead, now).await.unwrap());
    assert_eq!(store::leases::leave(&db, alive.server, now).await.unwrap(), 1);
    assert_eq!(describe(&api, &one).await["agentConnected"], false);
}
