use aws_model::elbv2::types::{ModifyListenerAttributesInput, ModifyListenerAttributesOutput};
use store::{Wake, routes};

use super::describe_listener_attributes::shown;
use crate::elbv2::listener_attributes::{CATALOGUE, Subject};
use crate::elbv2::listeners;
use crate::{Context, Result};

/// ModifyListenerAttributes: sets the given ones, and shows all.
pub async fn modify_listener_attributes(
    cx: &Context,
    input: ModifyListenerAttributesInput,
) -> Result<ModifyListenerAttributesOutput> {
    let mut tx = cx.db().begin().await?;
    let (balancer, row) = listeners::locked_listener(cx, &mut tx, &input.listener_arn).await?;
    let changes = input.attributes.into_iter().map(|given| (given.key, given.value));
    let stored = CATALOGUE.changed(&Subject::of(&row), &row.attributes.0, changes.collect())?;
    store::listeners::set_attributes(&mut tx, &row.arn, &stored).await?;
    routes::touch_balancer(&mut tx, &balancer.arn).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    Ok(ModifyListenerAttributesOutput {
        attributes: Some(shown(&row, &stored)),
    })
}
