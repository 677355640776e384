//! PutAttributes, DeleteAttributes, ListAttributes (I-10).

use super::*;

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
async fn i10_custom_attributes_survive_an_agents_restart_and_go_with_deregistration() {
    let api = world().await;
    let arn = register_arn(&api).await;
    let put =
        json!({ "cluster": "demo", "attributes": [{ "name": "shelf", "value": "test", "targetId": arn }] });
    api.ok("PutAttributes", put).await;
    let again = with(registration(), json!({ "containerInstanceArn": arn }));
    register(&api, again.clone()).await;
    assert_eq!(
        attribute(&describe(&api, &arn).await, "shelf"),
        Some(json!("test"))
    );
    let gone = json!({ "cluster": "demo", "containerInstance": arn });
    api.ok("DeregisterContainerInstance", gone).await;
    register(&api, again).await;
    assert_eq!(attribute(&describe(&api, &arn).await, "shelf"), None);
}
