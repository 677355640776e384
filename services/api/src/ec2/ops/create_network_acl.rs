use aws_model::ec2::types::{CreateNetworkAclRequest, CreateNetworkAclResult};
use domain::network::ResourceKind;
use serde_json::json;
use store::networks::{NewPart, network_acls};

use crate::ec2::view::network_acl;
use crate::ec2::{given, tags};
use crate::{Context, Result};

/// CreateNetworkAcl: one that lets nothing pass. The same client token makes one.
pub async fn create_network_acl(
    cx: &Context,
    input: CreateNetworkAclRequest,
) -> Result<CreateNetworkAclResult> {
    given::id(ResourceKind::Vpc, &input.vpc_id)?;
    let parameters = json!([input.vpc_id, input.tag_specifications]);
    let token = given::token(cx, "CreateNetworkAcl", input.client_token.as_deref(), &parameters)?;
    let tags = tags::of_new(ResourceKind::NetworkAcl, input.tag_specifications)?;
    let new = NewPart {
        vpc: &input.vpc_id,
        tags: &tags,
        token: token.as_ref(),
        now: cx.now(),
    };
    let id = network_acls::create(cx.db(), &cx.scope, &new).await?;
    let acls = network_acl::all(cx).await?;
    Ok(CreateNetworkAclResult {
        network_acl: acls
            .into_iter()
            .find(|acl| acl.network_acl_id.as_ref() == Some(&id)),
        client_token: input.client_token,
    })
}
