use aws_model::ec2::types::{AttachmentStatus, InternetGateway, InternetGatewayAttachment, Tag};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::internet_gateways::InternetGatewayRow;

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All internet gateways.
pub async fn all(cx: &Context) -> Result<Vec<InternetGateway>> {
    let rows = store::networks::internet_gateways::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(
        cx,
        ResourceKind::InternetGateway,
        rows.iter().map(|row| row.id.as_str()),
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            internet_gateway(&cx.scope, row, tags)
        })
        .collect())
}

pub fn internet_gateway(
    scope: &Scope,
    row: InternetGatewayRow,
    tags: Vec<store::tags::Tag>,
) -> InternetGateway {
    // Not `attached`, whatever the model says.
    let attachment = |vpc| InternetGatewayAttachment {
        state: Some(AttachmentStatus::Available),
        vpc_id: Some(vpc),
    };
    InternetGateway {
        attachments: Some(row.vpc_id.into_iter().map(attachment).collect()),
        internet_gateway_id: Some(row.id),
        owner_id: Some(scope.account.to_string()),
        tags: tags::shown(tags),
    }
}

impl Filtered for InternetGateway {
    const FIELDS: &'static [Field<Self>] = &[
        ("attachment.state", |gateway| {
            each(&gateway.attachments, |attachment| shown(&attachment.state))
        }),
        ("attachment.vpc-id", |gateway| {
            each(&gateway.attachments, |attachment| text(&attachment.vpc_id))
        }),
        ("internet-gateway-id", |gateway| {
            text(&gateway.internet_gateway_id)
        }),
        ("owner-id", |gateway| text(&gateway.owner_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for InternetGateway {
    const KIND: ResourceKind = ResourceKind::InternetGateway;

    fn id(&self) -> &str {
        self.internet_gateway_id.as_deref().unwrap_or_default()
    }
}
