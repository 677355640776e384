use std::collections::BTreeMap;

use aws_model::ecs::ErrorCode;
use aws_model::ecs::types::{Attribute, PutAttributesRequest, PutAttributesResponse, TargetType};
use store::instances::{AttributeTarget, AttributesChange};
use uuid::Uuid;

use crate::ecs::{attributes, find};
use crate::{Context, Error, Result};

/// PutAttributes (I-10): all of them are set, or none.
pub async fn put_attributes(cx: &Context, input: PutAttributesRequest) -> Result<PutAttributesResponse> {
    let (changed, targets) = change(
        cx,
        input.cluster.as_deref(),
        input.attributes,
        |target, attribute| {
            target.put.insert(attribute.name.clone(), attribute.value.clone());
        },
    )?;
    apply(cx, input.cluster.as_deref(), &targets).await?;
    Ok(PutAttributesResponse {
        attributes: Some(changed),
    })
}

/// Checks the attributes of a request and sorts them by their targets. Gives them as the reply shows them, too.
pub(super) fn change(
    cx: &Context,
    cluster: Option<&str>,
    wanted: Vec<Attribute>,
    put: impl Fn(&mut AttributeTarget, &Attribute),
) -> Result<(Vec<Attribute>, BTreeMap<Uuid, AttributeTarget>)> {
    let cluster = find::cluster_name(cx, cluster)?;
    if wanted.is_empty() {
        return Err(Error::invalid_parameter("attributes cannot be empty."));
    }
    let mut targets: BTreeMap<Uuid, AttributeTarget> = BTreeMap::new();
    let mut shown = Vec::with_capacity(wanted.len());
    for attribute in wanted {
        attributes::check_custom(&attribute.name, attribute.value.as_deref())?;
        let Some(text) = attribute.target_id.as_deref().filter(|text| !text.is_empty()) else {
            return Err(Error::invalid_parameter(format!(
                "The attribute {} has no targetId.",
                attribute.name
            )));
        };
        let id = find::instance_id(cx, &cluster, text)?.ok_or_else(|| target_not_found(text))?;
        put(targets.entry(id.uuid()).or_default(), &attribute);
        shown.push(Attribute {
            target_type: Some(TargetType::ContainerInstance),
            target_id: Some(cx.scope.container_instance_arn(&cluster, id)),
            ..attribute
        });
    }
    Ok((shown, targets))
}

pub(super) async fn apply(
    cx: &Context,
    cluster: Option<&str>,
    targets: &BTreeMap<Uuid, AttributeTarget>,
) -> Result<()> {
    let cluster = find::cluster(cx, cluster).await?;
    let done = store::instances::change_attributes(
        cx.db(),
        cluster.id,
        targets,
        attributes::LIMIT,
        attributes::is_custom,
    );
    match done.await? {
        AttributesChange::Done => Ok(()),
        AttributesChange::NoTarget(id) => Err(target_not_found(&id.simple().to_string())),
        AttributesChange::TooMany(_) => Err(Error::new(
            ErrorCode::AttributeLimitExceededException,
            format!(
                "A container instance can have at most {} custom attributes.",
                attributes::LIMIT
            ),
        )),
    }
}

fn target_not_found(text: &str) -> Error {
    let text: String = text.chars().take(255).collect();
    Error::new(
        ErrorCode::TargetNotFoundException,
        format!("The specified target {text} wasn't found."),
    )
}
