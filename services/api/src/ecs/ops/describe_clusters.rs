use std::collections::HashMap;

use aws_model::ecs::types::{ClusterField, DescribeClustersRequest, DescribeClustersResponse, Failure};
use store::clusters::ClusterRow;

use crate::ecs::view::cluster::{self, Include};
use crate::ecs::{find, tags};
use crate::{Context, Error, Result};

/// DescribeClusters (C-05). Missing ones are failures, not errors (W-10).
pub async fn describe_clusters(
    cx: &Context,
    input: DescribeClustersRequest,
) -> Result<DescribeClustersResponse> {
    let asked = input
        .clusters
        .filter(|clusters| !clusters.is_empty())
        .unwrap_or_else(|| vec!["default".to_owned()]);
    if asked.len() > 100 {
        return Err(Error::invalid_parameter("clusters can have at most 100 items."));
    }
    let included = input.include.unwrap_or_default();
    let include = Include {
        configuration: included.contains(&ClusterField::Configurations),
        settings: included.contains(&ClusterField::Settings),
        statistics: included.contains(&ClusterField::Statistics),
    };
    let mut names: Vec<Option<String>> = Vec::with_capacity(asked.len());
    for text in &asked {
        match find::cluster_name(cx, Some(text)) {
            Ok(name) => names.push(Some(name)),
            Err(error) if error.code == aws_model::ecs::ErrorCode::ClusterNotFoundException => {
                names.push(None)
            }
            Err(error) => return Err(error),
        }
    }
    let known: Vec<String> = names.iter().flatten().cloned().collect();
    let rows = store::clusters::find_many(cx.db(), &cx.scope, &known).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let arns: Vec<String> = rows.iter().map(|row| cx.scope.cluster_arn(&row.name)).collect();
    let counts = store::clusters::counts(cx.db(), &ids).await?;
    let mut tags = tags::of(cx, included.contains(&ClusterField::Tags), &arns).await?;
    let mut found: HashMap<String, (ClusterRow, _)> = rows
        .into_iter()
        .zip(counts)
        .map(|(row, counts)| (row.name.clone(), (row, counts)))
        .collect();

    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for (text, name) in asked.into_iter().zip(names) {
        let arn = cx.scope.cluster_arn(name.as_deref().unwrap_or_default());
        match name.as_deref().and_then(|name| found.remove(name)) {
            Some((row, counts)) => {
                clusters.push(cluster::cluster(
                    &cx.scope,
                    row,
                    counts,
                    tags::taken(&mut tags, &arn),
                    include,
                ));
            }
            // Named twice: shown once.
            None if name.is_some_and(|name| {
                known.contains(&name) && clusters.iter().any(|c| c.cluster_arn.as_ref() == Some(&arn))
            }) => {}
            None => failures.push(Failure {
                arn: Some(if text.starts_with("arn:") {
                    text
                } else {
                    cx.scope.cluster_arn(&text)
                }),
                reason: Some("MISSING".to_owned()),
                detail: None,
            }),
        }
    }
    Ok(DescribeClustersResponse {
        clusters: Some(clusters),
        failures: Some(failures),
    })
}
