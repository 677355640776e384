//! What to run.

use crate::model::{ContainerCreateBody, HostConfig};
use serde_json::{Map, Value};

/// A container to be made: its name, and the rest in the shape of Docker's create call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerSpec {
    /// Name, unique on the host.
    pub name: String,
    /// Image, command, environment, labels and all else; `host_config` inside holds limits, mounts and ports.
    pub body: ContainerCreateBody,
}

/// A fragment of a task's `dockerConfig` does not have the shape of the Docker Engine API.
#[derive(Debug, thiserror::Error)]
#[error("{fragment} does not fit the Docker Engine API: {source}")]
pub struct OverlayError {
    /// `config` or `hostConfig`.
    pub fragment: &'static str,
    /// What does not fit.
    pub source: serde_json::Error,
}

impl ContainerSpec {
    /// A container of `image` with all else left to the image.
    pub fn new(name: impl Into<String>, image: impl Into<String>) -> Self {
        let body = ContainerCreateBody {
            image: Some(image.into()),
            ..ContainerCreateBody::default()
        };
        Self {
            name: name.into(),
            body,
        }
    }

    /// The image reference.
    pub fn image(&self) -> &str {
        self.body.image.as_deref().unwrap_or_default()
    }

    /// The host part, made if it is not there yet.
    pub fn host_config_mut(&mut self) -> &mut HostConfig {
        self.body.host_config.get_or_insert_default()
    }

    /// Adds a label or replaces its value.
    pub fn label(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.body
            .labels
            .get_or_insert_default()
            .insert(name.into(), value.into());
        self
    }

    /// Lays the fragments of a task's `dockerConfig` over what was built so far: their members win, objects are
    /// merged member by member, lists are replaced (as Go's decoder does for the official agent).
    pub fn overlay(
        &mut self,
        config: Map<String, Value>,
        host_config: Map<String, Value>,
    ) -> Result<(), OverlayError> {
        if !config.is_empty() {
            self.body = laid_over(&self.body, config).map_err(|source| OverlayError {
                fragment: "config",
                source,
            })?;
        }
        if !host_config.is_empty() {
            let merged = laid_over(self.host_config_mut(), host_config).map_err(|source| OverlayError {
                fragment: "hostConfig",
                source,
            })?;
            self.body.host_config = Some(merged);
        }
        Ok(())
    }
}

fn laid_over<T>(base: &T, overlay: Map<String, Value>) -> Result<T, serde_json::Error>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut value = serde_json::to_value(base)?;
    merge(&mut value, Value::Object(overlay));
    serde_json::from_value(value)
}

fn merge(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (name, value) in overlay {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn fragments_win_and_the_rest_stays() {
        let mut spec = ContainerSpec::new("web", "image:1");
        spec.body.cmd = Some(vec!["serve".into()]);
        spec.label("mine", "1");
        spec.host_config_mut().memory = Some(64);
        spec.host_config_mut().cap_add = Some(vec!["NET_ADMIN".into()]);
        spec.overlay(
            object(json!({"User": "0", "Labels": {"theirs": "2"}, "Healthcheck": {"Test": ["CMD", "true"], "Retries": 3}})),
            object(json!({"NetworkMode": "host", "CapAdd": [], "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]})),
        )
        .unwrap();
        assert_eq!(spec.image(), "image:1");
        assert_eq!(spec.body.cmd.as_deref(), Some(&["serve".to_owned()][..]));
        assert_eq!(spec.body.user.as_deref(), Some("0"));
        assert_eq!(spec.body.labels.as_ref().unwrap().len(), 2);
        assert_eq!(spec.body.healthcheck.as_ref().unwrap().retries, Some(3));
        let host = spec.body.host_config.unwrap();
        assert_eq!(
            (host.memory, host.network_mode.as_deref()),
            (Some(64), Some("host"))
        );
        assert_eq!(host.cap_add, Some(vec![]));
        assert_eq!(host.ulimits.unwrap()[0].hard, Some(2));
    }

    #[test]
    fn a_fragment_of_wrong_shape_is_refused_by_name() {
        let error = ContainerSpec::new("a", "b")
            .overlay(Map::new(), object(json!({"Memory": "much"})))
            .unwrap_err();
        assert!(
            error.to_string().starts_with("hostConfig does not fit"),
            "{error}"
        );
    }
}
