use std::collections::HashMap;

use aws_model::ecs::types::{DescribeServicesRequest, DescribeServicesResponse, Failure, ServiceField};
use store::services::ServiceRow;

use crate::ecs::view::service;
use crate::ecs::{find, service_input};
use crate::{Context, Error, Result};

/// Services of one call (S-12).
const LIMIT: usize = 10;

/// DescribeServices. Missing ones are failures, not errors (W-10).
pub async fn describe_services(
    cx: &Context,
    input: DescribeServicesRequest,
) -> Result<DescribeServicesResponse> {
    if input.services.is_empty() {
        return Err(Error::invalid_parameter("Services cannot be empty."));
    }
    if input.services.len() > LIMIT {
        return Err(Error::invalid_parameter(format!(
            "Services can have at most {LIMIT} items."
        )));
    }
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let mut names = Vec::with_capacity(input.services.len());
    for text in &input.services {
        names.push(service_input::service_name(cx, &cluster.name, text)?);
    }
    let known: Vec<String> = names.iter().flatten().map(|name| (*name).to_owned()).collect();
    let rows = store::services::find_many(cx.db(), cluster.id, &known).await?;
    let mut found: HashMap<String, ServiceRow> =
        rows.into_iter().map(|row| (row.name.clone(), row)).collect();

    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for (text, name) in input.services.iter().zip(names) {
        match name.and_then(|name| found.remove(name)) {
            Some(row) => rows.push(row),
            // Named twice: shown once.
            None if name.is_some_and(|name| rows.iter().any(|row: &ServiceRow| row.name == name)) => {}
            None => failures.push(missing(cx, &cluster.name, text)),
        }
    }
    let tags = input.include.unwrap_or_default().contains(&ServiceField::Tags);
    let services = service::shown(cx, &cluster.name, rows, tags).await?;
    Ok(DescribeServicesResponse {
        services: Some(services),
        failures: Some(failures),
    })
}

fn missing(cx: &Context, cluster: &str, text: &str) -> Failure {
    let arn = if text.starts_with("arn:") {
        text.to_owned()
    } else {
        cx.scope.service_arn(cluster, text)
    };
    Failure {
        arn: Some(arn),
        reason: Some("MISSING".to_owned()),
        detail: None,
    }
}
