use aws_model::ec2::types::{DeleteSecurityGroupRequest, DeleteSecurityGroupResult};

use crate::ec2::permissions;
use crate::{Context, Result};

/// DeleteSecurityGroup: one that nothing refers to.
pub async fn delete_security_group(
    cx: &Context,
    input: DeleteSecurityGroupRequest,
) -> Result<DeleteSecurityGroupResult> {
    let id = permissions::group(cx, input.group_id, input.group_name).await?;
    store::networks::security_groups::delete(cx.db(), &cx.scope, &id).await?;
    Ok(DeleteSecurityGroupResult {
        r#return: Some(true),
        group_id: Some(id),
    })
}
