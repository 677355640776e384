//! Which resource an ARN of the tag operations names (TG-02).

use aws_model::ecs::ErrorCode;
use domain::Arn;
use store::Tx;
use store::tags::{Resource, Standing};

use crate::ecs::task_definition::reference;
use crate::{Context, Error, Result};

/// The resource that an ARN names, found in this transaction and kept until it ends.
///
/// # Errors
/// InvalidParameterException for what is no ARN of a taggable kind, for an old ARN without its cluster and for a stopped task;
/// ClusterNotFoundException and ResourceNotFoundException for what is not there.
pub async fn hold(cx: &Context, tx: &mut Tx, arn: &str) -> Result<()> {
    let resource = named(cx, arn)?;
    match store::tags::lock(tx, &cx.scope, &resource).await? {
        Standing::Live => Ok(()),
        Standing::Stopped => Err(Error::invalid_parameter(
            "The specified task is stopped. Specify a running task and try again.",
        )),
        Standing::Absent => Err(absent(cx, tx, &resource).await?),
    }
}

/// As [`hold`], but a stopped task is there too: it only has no tags any more (TG-06).
pub async fn look_up(cx: &Context, tx: &mut Tx, arn: &str) -> Result<()> {
    let resource = named(cx, arn)?;
    match store::tags::lock(tx, &cx.scope, &resource).await? {
        Standing::Live | Standing::Stopped => Ok(()),
        Standing::Absent => Err(absent(cx, tx, &resource).await?),
    }
}

async fn absent(cx: &Context, tx: &mut Tx, resource: &Resource) -> Result<Error> {
    let Some(cluster) = resource.cluster() else {
        return Ok(not_found());
    };
    Ok(match store::clusters::is_active(tx, &cx.scope, cluster).await? {
        true => not_found(),
        false => Error::cluster_not_found(),
    })
}

fn not_found() -> Error {
    Error::new(
        ErrorCode::ResourceNotFoundException,
        "The specified resource was not found.",
    )
}

fn named(cx: &Context, text: &str) -> Result<Resource> {
    let invalid = || Error::invalid_parameter("The resource ARN is not valid.");
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    if arn.service != "ecs" {
        return Err(invalid());
    }
    let short = || Error::invalid_parameter("Long arn format must be used for tagging operations");
    let here = |resource: Resource| {
        if arn.is_in(&cx.scope) {
            Ok(resource)
        } else {
            Err(not_found())
        }
    };
    let name = |part: &str| match domain::names::is_resource_name(part) {
        true => Ok(part.to_owned()),
        false => Err(invalid()),
    };
    match (arn.kind(), arn.path().as_slice()) {
        ("cluster", [cluster]) => match arn.is_in(&cx.scope) {
            true => Ok(Resource::Cluster { name: name(cluster)? }),
            false => Err(Error::cluster_not_found()),
        },
        ("service", [cluster, service]) => here(Resource::Service {
            cluster: name(cluster)?,
            name: name(service)?,
        }),
        ("task", [cluster, id]) => here(Resource::Task {
            cluster: name(cluster)?,
            id: id.parse().map_err(|()| invalid())?,
        }),
        ("container-instance", [cluster, id]) => here(Resource::ContainerInstance {
            cluster: name(cluster)?,
            id: id.parse().map_err(|()| invalid())?,
        }),
        ("service" | "task" | "container-instance", [_]) => Err(short()),
        ("task-definition", [definition]) => match reference::parse(&cx.scope, definition) {
            Ok(named) => {
                let revision = named.revision.ok_or_else(invalid)?;
                here(Resource::TaskDefinition {
                    family: named.family,
                    revision,
                })
            }
            Err(_) => Err(invalid()),
        },
        // Kinds that exist, of which there is none here.
        ("capacity-provider", [_]) | ("task-set", [_, _, _, _] | [_, _, _]) | ("daemon", [_, _]) => {
            Err(not_found())
        }
        _ => Err(invalid()),
    }
}
