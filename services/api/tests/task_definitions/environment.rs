//! Variables, environment files, secrets and the size of it all (TD-32, TD-33, SE-02, SE-03).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{all_accepted, all_refused, app_cases, apps, merge, of, web};

#[tokio::test]
async fn td32_environment_files_end_in_env_and_are_at_most_ten() {
    let api = TestApi::new().await;
    let files = |values: Vec<&str>| {
        let files: Vec<Value> = values
            .into_iter()
            .map(|value| json!({"type": "s3", "value": value}))
            .collect();
        json!({"environmentFiles": files})
    };
    let bad = [
        "arn:aws:s3:::bucket/app.txt",
        "arn:aws:s3:::bucket.env",
        "arn:aws:sqs:::bucket/app.env",
        "app.env",
        "./app.env",
        "ftp://host/app.env",
        "file://app.env",
        "http:///app.env",
        "/etc/app",
        "",
    ];
    all_refused(
        &api,
        app_cases(
            bad.iter()
                .map(|value| (files(vec![*value]), "end in .env"))
                .collect(),
        ),
    )
    .await;
    let eleven = of(json!([
        {"name": "a", "environmentFiles": files(vec!["/a.env"; 6])["environmentFiles"]},
        {"name": "b", "environmentFiles": files(vec!["/b.env"; 5])["environmentFiles"]},
    ]));
    all_refused(
        &api,
        vec![(
            eleven,
            "The maximum number of environment files was exceeded. Specify ten or less and try again",
        )],
    )
    .await;
    let good = [
        "arn:aws:s3:::bucket/dir/app.env",
        "/etc/app.env",
        "file:///etc/app.env",
        "http://host/app.env",
        "https://host/app.env",
    ];
    all_accepted(&api, apps(vec![files(good.to_vec()), files(vec!["/a.env"; 10])])).await;
}

#[tokio::test]
async fn td33_a_definition_has_at_most_64_kib() {
    let api = TestApi::new().await;
    let sized = |bytes: usize| {
        let body = |value: &str| web(json!({}), json!({"environment": [{"name": "A", "value": value}]}));
        let rest = body("").to_string().len();
        body(&"x".repeat(bytes - rest))
    };
    let refusal = api.refused("RegisterTaskDefinition", sized(65_537)).await;
    let expected = "Actual length: '65537'. Max allowed length is '65536' bytes.";
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("ClientException", expected)
    );
    let mut tagged = sized(65_536);
    merge(
        &mut tagged,
        json!({"tags": [{"key": "team", "value": "tags do not count"}]}),
    );
    all_accepted(&api, vec![tagged]).await;
}

#[tokio::test]
async fn td33_a_secret_shares_its_name_with_nothing() {
    let api = TestApi::new().await;
    let role = json!({"executionRoleArn": "arn:aws:iam::000000000000:role/execution"});
    let secrets = |environment: Value, names: Vec<&str>| {
        let secrets: Vec<Value> = names
            .into_iter()
            .map(|name| json!({"name": name, "valueFrom": "/x"}))
            .collect();
        json!({"environment": environment, "secrets": secrets})
    };
    let shared = "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'DB'";
    all_refused(&api, vec![
        (web(role.clone(), secrets(json!([{"name": "DB", "value": "x"}]), vec!["DB"])), shared),
        (web(role.clone(), secrets(json!([]), vec!["DB", "DB"])), shared),
        (web(role.clone(), secrets(json!([]), vec![""])), "secret's name"),
        (web(json!({}), secrets(json!([]), vec!["DB"])), "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."),
        (web(json!({}), json!({"environment": [{"value": "x"}]})), "environment variable's name"),
    ])
    .await;
    all_accepted(
        &api,
        vec![web(role, secrets(json!([{"name": "db"}]), vec!["DB"]))],
    )
    .await;
}

#[tokio::test]
async fn se02_se03_secrets_come_from_secrets_or_parameters() {
    let api = TestApi::new().await;
    let from = |value: &str| {
        web(
            json!({"executionRoleArn": "execution"}),
            json!({"secrets": [{"name": "A", "valueFrom": value}]}),
        )
    };
    let good = [
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf",
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf:username::",
        "arn:aws:ssm:us-east-1:000000000000:parameter/app/db",
        "/app/db",
        "db",
        "db:3",
    ];
    let bad = [
        "",
        "a b",
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf:username",
        "arn:aws:s3:::bucket/key",
        "arn:aws:ssm:us-east-1:000000000000:document/x",
        "arn:aws",
    ];
    all_refused(
        &api,
        bad.iter()
            .map(|value| (from(value), "'valueFrom' of secret 'A'"))
            .collect(),
    )
    .await;
    all_accepted(&api, good.iter().map(|value| from(value)).collect()).await;
}
