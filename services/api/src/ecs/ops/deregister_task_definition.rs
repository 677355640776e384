use aws_model::ecs::types::{DeregisterTaskDefinitionRequest, DeregisterTaskDefinitionResponse};

use crate::ecs::task_definition::reference::{self, Unnamed};
use crate::{Context, Error, Result};

/// DeregisterTaskDefinition: ACTIVE → INACTIVE. What runs, and services that use it, stay as they are (TD-03, TD-05).
pub async fn deregister_task_definition(
    cx: &Context,
    input: DeregisterTaskDefinitionRequest,
) -> Result<DeregisterTaskDefinitionResponse> {
    let absent = || Error::client("The specified task definition does not exist.");
    let named = match reference::parse(&cx.scope, &input.task_definition) {
        Ok(named) => named,
        Err(Unnamed::Revision(digits)) => {
            let shown: String = digits.chars().take(255).collect();
            return Err(Error::invalid_parameter(format!(
                "Invalid revision number. Number: {shown}"
            )));
        }
        Err(Unnamed::Malformed) => return Err(Error::client("Invalid task definition identifier.")),
        Err(Unnamed::Elsewhere) => return Err(absent()),
    };
    let revision = named
        .revision
        .ok_or_else(|| Error::client("Revision is missing."))?;
    let row =
        store::task_definitions::deregister(cx.db(), &cx.scope, &named.family, revision, cx.now()).await?;
    let row = row.ok_or_else(absent)?;
    Ok(DeregisterTaskDefinitionResponse {
        task_definition: Some(row.view(&cx.scope)),
    })
}
