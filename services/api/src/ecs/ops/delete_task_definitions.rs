use aws_model::ecs::types::{
    DeleteTaskDefinitionsRequest, DeleteTaskDefinitionsResponse, Failure, TaskDefinition,
};
use store::task_definitions::Reference;

use crate::ecs::task_definition::reference::{self, Unnamed};
use crate::{Context, Error, Result};

/// Definitions of one call (TD-03).
const MOST: usize = 10;

/// DeleteTaskDefinitions: INACTIVE → DELETE_IN_PROGRESS; what cannot be deleted is told in `failures` (TD-03, TD-04).
pub async fn delete_task_definitions(
    cx: &Context,
    input: DeleteTaskDefinitionsRequest,
) -> Result<DeleteTaskDefinitionsResponse> {
    if input.task_definitions.is_empty() {
        return Err(Error::invalid_parameter("Task definitions can not be empty."));
    }
    if input.task_definitions.len() > MOST {
        return Err(Error::invalid_parameter(format!(
            "At most {MOST} task definitions can be deleted in one call."
        )));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for text in &input.task_definitions {
        match delete(cx, text).await? {
            Ok(definition) => deleted.push(*definition),
            Err(refusal) => failures.push(refusal.shown(text)),
        }
    }
    Ok(DeleteTaskDefinitionsResponse {
        task_definitions: Some(deleted),
        failures: Some(failures),
    })
}

/// Why one of them is not deleted.
enum Refusal {
    Invalid,
    Absent,
    Active,
}

impl Refusal {
    /// Texts of TD-04. Clients look for them in `reason` too, but a missing thing is MISSING there (W-10).
    fn shown(&self, text: &str) -> Failure {
        let detail = match self {
            Self::Invalid => {
                "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
            }
            Self::Absent => {
                "The specified task definition does not exist. Specify a valid account, family, revision and try again."
            }
            Self::Active => {
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
            }
        };
        let reason = if matches!(self, Self::Absent) {
            "MISSING"
        } else {
            detail
        };
        Failure {
            arn: Some(text.chars().take(2048).collect()),
            reason: Some(reason.to_owned()),
            detail: Some(detail.to_owned()),
        }
    }
}

async fn delete(cx: &Context, text: &str) -> Result<std::result::Result<Box<TaskDefinition>, Refusal>> {
    let named = match reference::parse(&cx.scope, text) {
        Ok(
            named @ Reference {
                revision: Some(_), ..
            },
        ) => named,
        Ok(_) | Err(Unnamed::Malformed | Unnamed::Revision(_)) => return Ok(Err(Refusal::Invalid)),
        Err(Unnamed::Elsewhere) => return Ok(Err(Refusal::Absent)),
    };
    let Some(found) = store::task_definitions::find(cx.db(), &cx.scope, &named).await? else {
        return Ok(Err(Refusal::Absent));
    };
    let gone = store::task_definitions::request_delete(cx.db(), found.id, cx.now()).await?;
    Ok(gone
        .map(|row| Box::new(row.view(&cx.scope)))
        .ok_or(Refusal::Active))
}
