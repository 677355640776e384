use std::collections::BTreeSet;

use aws_model::ec2::types::{DescribeRegionsRequest, DescribeRegionsResult, Region};

use crate::ec2::filters::Filters;
use crate::ec2::refusal;
use crate::{Context, Result};

/// Regions of AWS that need no opting in: names that tools know. Here every well-formed name is a region.
const KNOWN: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// DescribeRegions: the well-known ones and the request's own; others when they are asked for by name. There are none to opt in to, so
/// `AllRegions` shows no others.
pub async fn describe_regions(cx: &Context, input: DescribeRegionsRequest) -> Result<DescribeRegionsResult> {
    let filters = Filters::new(input.filters, false)?;
    let names: BTreeSet<String> = match input.region_names.filter(|names| !names.is_empty()) {
        Some(names) => {
            if let Some(bad) = names.iter().find(|name| name.parse::<domain::Region>().is_err()) {
                let bad = refusal::quoted(bad);
                return Err(refusal::invalid_value(format!(
                    "Invalid region names provided: {bad}"
                )));
            }
            names.into_iter().collect()
        }
        None => KNOWN
            .into_iter()
            .map(str::to_owned)
            .chain([cx.scope.region.to_string()])
            .collect(),
    };
    // All regions are at one address.
    let url = &cx.api.config.advertise_url;
    let endpoint = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let region = |name| Region {
        opt_in_status: Some("opt-in-not-required".to_owned()),
        region_name: Some(name),
        endpoint: Some(endpoint.to_owned()),
        geography: None,
    };
    let regions = names
        .into_iter()
        .map(region)
        .filter(|region| filters.let_pass(region));
    Ok(DescribeRegionsResult {
        regions: Some(regions.collect()),
    })
}
