use aws_model::ec2::types::{CreateSecurityGroupRequest, CreateSecurityGroupResult};
use domain::network::ResourceKind;
use store::networks::NetworkError;
use store::networks::security_groups::{self, NewGroup};

use crate::ec2::{given, permissions, refusal, tags};
use crate::error::Code;
use crate::{Context, Error, Result};

const NAME_LIMIT: usize = 255;

/// CreateSecurityGroup: a group that lets everything out and nothing in.
pub async fn create_security_group(
    cx: &Context,
    input: CreateSecurityGroupRequest,
) -> Result<CreateSecurityGroupResult> {
    check_name(&input.group_name)?;
    if input.description.is_empty() {
        return Err(refusal::missing("GroupDescription"));
    }
    if !permissions::is_description(&input.description) {
        return Err(refusal::invalid_value(format!(
            "Value ({}) for parameter GroupDescription is invalid. Invalid security group description. Valid descriptions are strings \
             less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*",
            refusal::quoted(&input.description)
        )));
    }
    if let Some(vpc) = &input.vpc_id {
        given::id(ResourceKind::Vpc, vpc)?;
    }
    let tags = tags::of_new(ResourceKind::SecurityGroup, input.tag_specifications)?;
    let new = NewGroup {
        vpc_id: input.vpc_id,
        name: input.group_name,
        description: input.description,
    };
    let row = security_groups::create(cx.db(), &cx.scope, &new, &tags)
        .await
        .map_err(|error| match error {
            NetworkError::NoDefaultVpc => {
                Error::new(Code::client("VPCIdNotSpecified"), "No default VPC for this user")
            }
            error => error.into(),
        })?;
    Ok(CreateSecurityGroupResult {
        security_group_arn: Some(cx.scope.ec2_arn(ResourceKind::SecurityGroup, &row.id)),
        group_id: Some(row.id),
        tags: tags::shown(tags),
    })
}

fn check_name(name: &str) -> Result<()> {
    let invalid = |why: &str| {
        let name = refusal::quoted(name);
        Err(refusal::invalid_value(format!(
            "Value ({name}) for parameter GroupName is invalid. {why}"
        )))
    };
    if name.is_empty() {
        return Err(refusal::missing("GroupName"));
    }
    if name.eq_ignore_ascii_case(security_groups::DEFAULT) {
        return Err(refusal::invalid_value(
            "Cannot use reserved security group name: default",
        ));
    }
    if name.starts_with("sg-") {
        return invalid("Group names may not be in the format sg-*.");
    }
    if name.len() > NAME_LIMIT || !permissions::is_description(name) {
        return invalid(
            "Invalid group name. Valid names are non-empty strings less than 256 characters from the following set:  \
             a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        );
    }
    Ok(())
}
