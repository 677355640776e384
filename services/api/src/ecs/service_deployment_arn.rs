//! Which service deployments and revisions a request names: always by ARN (SD-01, SD-02).

use std::collections::HashMap;

use aws_model::ecs::types::Failure;
use domain::Arn;
use store::services::ServiceRow;

use crate::{Context, Error, Result};

/// What an ARN says: `service-deployment/<cluster>/<service>/<id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub arn: String,
    pub cluster: String,
    pub service: String,
    pub id: String,
}

/// Reads an ARN of this kind; `None` if it is one of another account or region.
///
/// # Errors
/// InvalidParameterException for anything that is no such ARN.
pub fn named(cx: &Context, kind: &str, text: &str) -> Result<Option<Named>> {
    let invalid = || {
        let shown: String = text.chars().take(255).collect();
        Error::invalid_parameter(format!("Invalid {kind} ARN: {shown}"))
    };
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    match (arn.kind(), arn.path().as_slice()) {
        (found, [cluster, service, id]) if arn.service == "ecs" && found == kind => {
            Ok(arn.is_in(&cx.scope).then(|| Named {
                arn: text.to_owned(),
                cluster: (*cluster).to_owned(),
                service: (*service).to_owned(),
                id: (*id).to_owned(),
            }))
        }
        _ => Err(invalid()),
    }
}

/// The services that these names lie in, by cluster and service.
pub async fn services(cx: &Context, named: &[Named]) -> Result<HashMap<(String, String), ServiceRow>> {
    let mut found = HashMap::new();
    for name in named {
        let key = (name.cluster.clone(), name.service.clone());
        if found.contains_key(&key) {
            continue;
        }
        let Some(cluster) = store::clusters::find_active(cx.db(), &cx.scope, &name.cluster).await? else {
            continue;
        };
        if let Some(row) = store::services::find(cx.db(), cluster.id, &name.service).await? {
            found.insert(key, row);
        }
    }
    Ok(found)
}

/// W-10.
pub fn missing(arn: &str) -> Failure {
    Failure {
        arn: Some(arn.to_owned()),
        reason: Some("MISSING".to_owned()),
        detail: None,
    }
}
