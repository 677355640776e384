use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{GetResourcePolicyInput, GetResourcePolicyOutput};

use crate::elbv2::tags;
use crate::{Context, Error, Result};

/// GetResourcePolicy: nothing is shared with other accounts, so no resource has a policy.
pub async fn get_resource_policy(
    _cx: &Context,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput> {
    let arn = input.resource_arn;
    tags::targets(vec![arn.clone()])?;
    Err(Error::new(
        ErrorCode::ResourceNotFoundException,
        format!("There is no resource policy for '{arn}'"),
    ))
}
