//! Images on the host and in registries.

use crate::model::HealthConfig;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::fmt;

/// Who we are at a registry. `Debug` hides the secret parts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RegistryAuth {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
    /// The registry, such as `registry.example.com:5000`.
    pub server_address: Option<String>,
    /// OAuth identity token, instead of a password.
    pub identity_token: Option<String>,
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAuth")
            .field("username", &self.username)
            .field("server_address", &self.server_address)
            .finish_non_exhaustive()
    }
}

/// One step of a pull.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer, if it is about one.
    pub layer: Option<String>,
    /// The engine's words.
    pub status: String,
    /// Bytes so far.
    pub current: Option<i64>,
    /// Bytes in all.
    pub total: Option<i64>,
}

/// All that is known about one image on the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageDetails {
    /// Its id (`sha256:…`, digest of the configuration).
    pub id: String,
    /// References with a tag.
    pub repo_tags: Vec<String>,
    /// References with the registry's digest (`repo@sha256:…`); empty for images that were never pulled.
    pub repo_digests: Vec<String>,
    /// Default environment as `NAME=value`.
    pub env: Vec<String>,
    /// Default entry point.
    pub entrypoint: Vec<String>,
    /// Default command.
    pub command: Vec<String>,
    /// Default user.
    pub user: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports it says it listens on, such as `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Paths it wants a volume for.
    pub volumes: Vec<String>,
    /// Signal that asks it to stop; absent: SIGTERM.
    pub stop_signal: Option<String>,
    /// Its own health check.
    pub healthcheck: Option<HealthConfig>,
    /// Bytes on disk.
    pub size: i64,
    /// When it was built.
    pub created_at: Option<DateTime<Utc>>,
}

impl ImageDetails {
    /// The registry's digest (`sha256:…`) under which `reference`'s repository knows the image: ECS's
    /// `imageDigest` (K-11). Absent for images that were never pulled.
    pub fn digest_of(&self, reference: &str) -> Option<&str> {
        let repository = familiar(repository_of(reference));
        let mut digests = self.repo_digests.iter().filter_map(|entry| entry.split_once('@'));
        digests
            .find(|(name, _)| familiar(name) == repository)
            .map(|(_, digest)| digest)
    }
}

/// A reference without its tag and digest: `host:5000/a/b:1@sha256:…` gives `host:5000/a/b`.
pub fn repository_of(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// Docker Hub's names have short forms; engines answer with either.
fn familiar(repository: &str) -> &str {
    let name = repository.strip_prefix("docker.io/").unwrap_or(repository);
    name.strip_prefix("library/").unwrap_or(name)
}

/// The reference that a pull really fetches: one without tag and digest means `:latest`.
pub fn with_default_tag(reference: &str) -> String {
    if reference.contains('@') || repository_of(reference) != reference {
        reference.to_owned()
    } else {
        format!("{reference}:latest")
    }
}

/// One line of a list of images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSummary {
    /// Its id.
    pub id: String,
    /// References with a tag.
    pub repo_tags: Vec<String>,
    /// References with a digest.
    pub repo_digests: Vec<String>,
    /// Bytes on disk.
    pub size: i64,
    /// When it was built.
    pub created_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_port_is_not_taken_for_a_tag() {
        assert_eq!(repository_of("host:5000/a/b"), "host:5000/a/b");
        assert_eq!(repository_of("host:5000/a/b:1@sha256:00"), "host:5000/a/b");
        assert_eq!(repository_of("nginx:1.27"), "nginx");
        assert_eq!(with_default_tag("host:5000/a"), "host:5000/a:latest");
        assert_eq!(with_default_tag("a@sha256:00"), "a@sha256:00");
        assert_eq!(with_default_tag("a:1"), "a:1");
    }

    #[test]
    fn k11_the_digest_is_that_of_the_repository_asked_for() {
        let image = ImageDetails {
            repo_digests: vec!["other/web@sha256:aa".into(), "host:5000/web@sha256:bb".into()],
            ..ImageDetails::default()
        };
        assert_eq!(image.digest_of("host:5000/web:1"), Some("sha256:bb"));
        assert_eq!(image.digest_of("other/web"), Some("sha256:aa"));
        let image = ImageDetails {
            repo_digests: vec!["nginx@sha256:cc".into()],
            ..ImageDetails::default()
        };
        assert_eq!(image.digest_of("docker.io/library/nginx:1"), Some("sha256:cc"));
        assert_eq!(image.digest_of("nobody/knows"), None);
    }
}
