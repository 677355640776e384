//! Which image a container runs (D-30).

use std::collections::BTreeMap;

use aws_model::ecs::types::{ContainerDefinition, VersionConsistency};

/// The definition's image; in a service, at the digest that the deployment's first task ran. Digests are not known of images that
/// never came from a registry: those stay as they are. The tag is kept for people; engines look at the digest only.
pub(super) fn pinned(definition: &ContainerDefinition, digests: &BTreeMap<String, String>) -> String {
    let image = definition.image.clone().unwrap_or_default();
    let digest = definition.name.as_ref().and_then(|name| digests.get(name));
    let follows_tag = definition.version_consistency == Some(VersionConsistency::Disabled);
    match digest {
        Some(digest) if !follows_tag && !image.contains('@') => format!("{image}@{digest}"),
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d30_later_tasks_of_a_deployment_run_the_digest_unless_the_definition_says_otherwise() {
        let digests = BTreeMap::from([("app".to_owned(), "sha256:1".to_owned())]);
        let mut app = ContainerDefinition {
            name: Some("app".to_owned()),
            image: Some("host:5000/web:1".to_owned()),
            ..ContainerDefinition::default()
        };
        assert_eq!(pinned(&app, &BTreeMap::new()), "host:5000/web:1");
        assert_eq!(pinned(&app, &digests), "host:5000/web:1@sha256:1");
        app.version_consistency = Some(VersionConsistency::Disabled);
        assert_eq!(pinned(&app, &digests), "host:5000/web:1");
        app.version_consistency = Some(VersionConsistency::Enabled);
        app.image = Some("web@sha256:2".to_owned());
        assert_eq!(pinned(&app, &digests), "web@sha256:2");
    }
}
