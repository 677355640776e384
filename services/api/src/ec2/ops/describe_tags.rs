use aws_model::ec2::types::{DescribeTagsRequest, DescribeTagsResult, ResourceType, Tag, TagDescription};
use domain::network::ResourceKind;

use crate::ec2::filters::{Field, Filtered, Filters, shown, text};
use crate::ec2::selection;
use crate::{Context, Result};

/// DescribeTags: of everything that EC2 has here.
pub async fn describe_tags(cx: &Context, input: DescribeTagsRequest) -> Result<DescribeTagsResult> {
    let filters = Filters::new(input.filters, true)?;
    let all = store::networks::tags::all(cx.db(), &cx.scope).await?;
    let mut items: Vec<Described> = all
        .into_iter()
        .flat_map(|(id, tags)| tags.into_iter().map(move |tag| described(&id, tag)))
        .filter(|item| filters.let_pass(item))
        .collect();
    items.sort_by_key(position);
    let (items, next_token) =
        selection::page(items, input.max_results, input.next_token.as_deref(), position)?;
    Ok(DescribeTagsResult {
        next_token,
        tags: Some(items.into_iter().map(|item| item.shown).collect()),
    })
}

/// By resource, then by key.
fn position(item: &Described) -> String {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", of(&item.shown.resource_id), of(&item.shown.key))
}

/// What is shown, and the same as a tag for the filters on tags.
struct Described {
    shown: TagDescription,
    tag: [Tag; 1],
}

fn described(id: &str, tag: store::tags::Tag) -> Described {
    let kind = ResourceKind::of(id).and_then(ResourceKind::resource_type);
    Described {
        tag: [Tag {
            key: Some(tag.key.clone()),
            value: Some(tag.value.clone()),
        }],
        shown: TagDescription {
            key: Some(tag.key),
            resource_id: Some(id.to_owned()),
            resource_type: kind.and_then(|kind| {
                ResourceType::ALL
                    .iter()
                    .find(|known| known.as_str() == kind)
                    .copied()
            }),
            value: Some(tag.value),
        },
    }
}

impl Filtered for Described {
    const FIELDS: &'static [Field<Self>] = &[
        ("key", |item| text(&item.shown.key)),
        ("resource-id", |item| text(&item.shown.resource_id)),
        ("resource-type", |item| shown(&item.shown.resource_type)),
        ("value", |item| text(&item.shown.value)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        Some(&self.tag)
    }
}
