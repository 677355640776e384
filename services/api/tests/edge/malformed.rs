//! Every operation of the services besides ECS with requests that are spoilt in every way there is: always refused, in the service's
//! own form, and never by a fault of the server.

use std::collections::BTreeSet;

use aws_model::{OperationInfo, Protocol, malformed, sample};
use axum::http::{Request, header};
use futures::StreamExt;
use serde_json::json;

use crate::{Answer, Server, parts, service};

/// How many requests are on their way at the same time.
const AT_ONCE: usize = 8;

/// Whether the operation itself has to limit what the model does not: it may answer.
fn is_huge(case: &str) -> bool {
    case.ends_with("huge string") || case.ends_with("huge list")
}

/// What makes this answer no refusal of a client in the protocol's form.
fn flaw(answer: &Answer, protocol: Protocol) -> Option<String> {
    let code = match protocol {
        Protocol::Json10 | Protocol::Json11 => {
            answer.json()["__type"].as_str().unwrap_or_default().to_owned()
        }
        Protocol::Query | Protocol::Ec2 => answer.element("Code").unwrap_or_default().to_owned(),
    };
    let (root, id) = match protocol {
        Protocol::Json10 | Protocol::Json11 => ("{", None),
        Protocol::Query => ("<ErrorResponse xmlns=", answer.element("RequestId")),
        Protocol::Ec2 => (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>",
            answer.element("RequestID"),
        ),
    };
    if !answer.status.is_client_error() {
        return Some(format!("status {}", answer.status));
    }
    if code.is_empty()
        || !code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    {
        return Some(format!("code {code:?}"));
    }
    if !answer.body.starts_with(root) || id.is_some_and(|id| id != answer.header("x-amzn-requestid")) {
        return Some("another form".to_owned());
    }
    None
}

/// Sends all cases to the operation and gives what is wrong with the answers.
async fn wrong(
    server: &Server,
    signing_name: &str,
    operation: &OperationInfo,
    cases: Vec<(String, Vec<u8>)>,
) -> Vec<String> {
    let service = service(signing_name);
    let answers = futures::stream::iter(cases).map(|(case, body)| async move {
        let answer = match service.model.target_prefix {
            Some(prefix) => {
                let request = Request::post("http://localhost/")
                    .header(header::HOST, "localhost")
                    .header("x-amz-target", format!("{prefix}.{}", operation.name));
                server.signed(parts(request), body, signing_name).await
            }
            None => server.form(service, body).await,
        };
        if is_huge(&case) && answer.status.is_success() {
            return None;
        }
        let flaw = flaw(&answer, service.model.protocol)?;
        let body: String = answer.body.chars().take(500).collect();
        Some(format!("{} {case}: {flaw}: {body}", operation.name))
    });
    let answers: Vec<Option<String>> = answers.buffer_unordered(AT_ONCE).collect().await;
    answers.into_iter().flatten().collect()
}

/// Cases of a request with the required members only, then those that a request with all members adds.
fn cases(signing_name: &str, operation: &OperationInfo) -> Vec<(String, Vec<u8>)> {
    let model = service(signing_name).model;
    let of = |valid| match model.protocol {
        Protocol::Json10 | Protocol::Json11 => malformed::cases(operation.input, &valid),
        Protocol::Query | Protocol::Ec2 => malformed::query_cases(model, operation, &valid),
    };
    let mut cases = of(sample::minimal(operation.input));
    let known: BTreeSet<String> = cases.iter().map(|(name, _)| name.clone()).collect();
    let full = of(sample::full(operation.input));
    cases.extend(full.into_iter().filter(|(name, _)| !known.contains(name)));
    cases
}

/// All rows there are, by table, as one text each.
async fn digest(server: &Server) -> Vec<(String, Option<String>)> {
    let db = server.api.db();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' ORDER BY 1",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    let mut digests = Vec::new();
    for table in tables {
        let query = format!("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t");
        let digest = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(db.pool())
            .await;
        digests.push((table, digest.unwrap()));
    }
    digests
}

async fn all_are_refused(signing_name: &str, at_least: usize) {
    let server = Server::start().await;
    // The account's own networks come with the first look at them.
    server.query(service("ec2"), "DescribeVpcs", &json!({})).await;
    let (mut flaws, mut sent) = (Vec::new(), 0);
    for operation in service(signing_name).operations {
        let (huge, refused): (Vec<_>, Vec<_>) = cases(signing_name, operation)
            .into_iter()
            .partition(|(case, _)| is_huge(case));
        sent += huge.len() + refused.len();
        let before = digest(&server).await;
        flaws.extend(wrong(&server, signing_name, operation, refused).await);
        if digest(&server).await != before {
            flaws.push(format!("{} changes something", operation.name));
        }
        flaws.extend(wrong(&server, signing_name, operation, huge).await);
    }
    assert!(
        flaws.is_empty(),
        "{} of {sent} are wrong:\n{}",
        flaws.len(),
        flaws.join("\n")
    );
    assert!(sent >= at_least, "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_malformed_requests_of_elastic_load_balancing_are_refused() {
    all_are_refused("elasticloadbalancing", 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_malformed_requests_of_ec2_are_refused() {
    all_are_refused("ec2", 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_malformed_requests_of_certificate_manager_are_refused() {
    all_are_refused("acm", 500).await;
}
