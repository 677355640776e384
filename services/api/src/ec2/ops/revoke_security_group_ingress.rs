use aws_model::ec2::types::{RevokeSecurityGroupIngressRequest, RevokeSecurityGroupIngressResult};

use crate::ec2::permissions::{self, Single};
use crate::ec2::view::{security_group, security_group_rule};
use crate::{Context, Result};

/// RevokeSecurityGroupIngress: lets less in, by the ids of rules or by what they say.
pub async fn revoke_security_group_ingress(
    cx: &Context,
    input: RevokeSecurityGroupIngressRequest,
) -> Result<RevokeSecurityGroupIngressResult> {
    let single = Single {
        ip_protocol: input.ip_protocol,
        from_port: input.from_port,
        to_port: input.to_port,
        cidr_ip: input.cidr_ip,
        source_group_name: input.source_security_group_name,
        source_group_owner: input.source_security_group_owner_id,
    };
    let group = permissions::group(cx, input.group_id, input.group_name).await?;
    let ids = input.security_group_rule_ids;
    let revoked = permissions::revoke(cx, &group, false, ids, input.ip_permissions, single).await?;
    let unknown = security_group::permissions(&cx.scope, revoked.unknown.into_iter());
    let rules = revoked.rules.into_iter().map(security_group_rule::revoked);
    Ok(RevokeSecurityGroupIngressResult {
        r#return: Some(true),
        unknown_ip_permissions: Some(unknown),
        revoked_security_group_rules: Some(rules.collect()),
    })
}
