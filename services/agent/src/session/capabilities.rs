//! What this agent can do, declared as attributes of the container instance (section 1.4). Only what it really does.

use std::collections::BTreeMap;

use runtime::EngineInfo;
use serde::{Deserialize, Serialize};

use crate::config::AgentConfig;

/// A name, and a value for those that have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Docker API versions that task definitions may ask for. The official agent names these; an engine of today speaks
/// them all.
const DOCKER_API_VERSIONS: [u32; 16] = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32];

const ALWAYS: [&str; 8] = [
    "com.amazonaws.ecs.capability.privileged-container",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.docker-plugin.local",
    "ecs.capability.env-files.url",
    "ecs.capability.full-sync",
    "ecs.capability.network.container-port-range",
];

/// What the agent found out about its host besides what the engine says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    /// Tasks can have a cgroup of their own.
    pub task_cgroups: bool,
    /// Containers reach the credentials endpoint at its well-known address.
    pub credentials_endpoint: bool,
}

/// All attributes of the host. Custom ones are sent with the first registration only.
pub fn attributes(
    config: &AgentConfig,
    engine: &EngineInfo,
    findings: Findings,
    first: bool,
) -> Vec<Attribute> {
    let mut all: BTreeMap<String, Option<String>> = BTreeMap::new();
    if first {
        all.extend(
            config
                .attributes
                .iter()
                .map(|(name, value)| (name.clone(), Some(value.clone()))),
        );
    }
    let mut has = |name: &str| {
        all.insert(name.to_owned(), None);
    };
    ALWAYS.into_iter().for_each(&mut has);
    for version in DOCKER_API_VERSIONS {
        has(&format!(
            "com.amazonaws.ecs.capability.docker-remote-api.1.{version}"
        ));
    }
    for driver in &engine.log_drivers {
        has(&format!("com.amazonaws.ecs.capability.logging-driver.{driver}"));
    }
    if findings.task_cgroups {
        has("ecs.capability.task-cpu-mem-limit");
        has("ecs.capability.increased-task-cpu-limit");
    }
    if findings.credentials_endpoint {
        has("com.amazonaws.ecs.capability.task-iam-role");
        has("com.amazonaws.ecs.capability.task-iam-role-network-host");
    }
    for (option, name) in [("apparmor", "apparmor"), ("selinux", "selinux")] {
        if engine.security_options.iter().any(|text| text.contains(option)) {
            has(&format!("com.amazonaws.ecs.capability.{name}"));
        }
    }
    let values = [
        ("ecs.os-type", Some("linux".to_owned())),
        ("ecs.os-family", Some("LINUX".to_owned())),
        (
            "ecs.os-type-detailed",
            Some(engine.operating_system.clone()).filter(|name| !name.is_empty()),
        ),
        (
            "ecs.cpu-architecture",
            Some(architecture(&engine.architecture).to_owned()),
        ),
        ("ecs.availability-zone", config.availability_zone.clone()),
        ("ecs.instance-type", config.instance_type.clone()),
        (
            "ecs.host-address",
            config.host_address.map(|address| address.to_string()),
        ),
    ];
    for (name, value) in values {
        if value.is_some() {
            all.insert(name.to_owned(), value);
        }
    }
    all.into_iter()
        .map(|(name, value)| Attribute { name, value })
        .collect()
}

/// ECS's word for a processor architecture (T-14).
fn architecture(engine: &str) -> &str {
    match engine {
        "aarch64" => "arm64",
        "amd64" => "x86_64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AccessKey;
    use crate::testing::engine_info;

    fn config() -> AgentConfig {
        let credentials = AccessKey {
            access_key_id: "a".into(),
            secret_access_key: "s".into(),
            session_token: None,
        };
        let mut config = AgentConfig::new("http://127.0.0.1:1", "demo", credentials);
        config.attributes.insert("stack".into(), "prod".into());
        config.availability_zone = Some("zone-a".into());
        config
    }

    fn value_of(attributes: &[Attribute], name: &str) -> Option<Option<String>> {
        attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.clone())
    }

    #[test]
    fn capabilities_follow_from_what_was_found() {
        let plain = attributes(&config(), &engine_info(), Findings::default(), true);
        assert_eq!(value_of(&plain, "ecs.capability.task-cpu-mem-limit"), None);
        assert_eq!(
            value_of(&plain, "com.amazonaws.ecs.capability.task-iam-role"),
            None
        );
        assert_eq!(
            value_of(&plain, "com.amazonaws.ecs.capability.logging-driver.json-file"),
            Some(None)
        );
        // Environment files are read from paths and URLs; not from S3.
        assert_eq!(value_of(&plain, "ecs.capability.env-files.url"), Some(None));
        assert_eq!(value_of(&plain, "ecs.capability.env-files.s3"), None);
        let found = Findings {
            task_cgroups: true,
            credentials_endpoint: true,
        };
        let all = attributes(&config(), &engine_info(), found, true);
        assert_eq!(value_of(&all, "ecs.capability.task-cpu-mem-limit"), Some(None));
        assert_eq!(
            value_of(&all, "com.amazonaws.ecs.capability.task-iam-role"),
            Some(None)
        );
    }

    #[test]
    fn t14_architecture_is_ecss_word_and_custom_attributes_go_only_with_the_first_registration() {
        let first = attributes(&config(), &engine_info(), Findings::default(), true);
        assert_eq!(
            value_of(&first, "ecs.cpu-architecture"),
            Some(Some("x86_64".into()))
        );
        assert_eq!(
            value_of(&first, "ecs.availability-zone"),
            Some(Some("zone-a".into()))
        );
        assert_eq!(value_of(&first, "stack"), Some(Some("prod".into())));
        let again = attributes(&config(), &engine_info(), Findings::default(), false);
        assert_eq!(value_of(&again, "stack"), None);
        assert_eq!(architecture("aarch64"), "arm64");
    }

    #[test]
    fn lb01_the_hosts_address_goes_with_every_registration_if_it_is_set() {
        let mut config = config();
        let sent = |config: &AgentConfig, first| {
            value_of(
                &attributes(config, &engine_info(), Findings::default(), first),
                "ecs.host-address",
            )
        };
        assert_eq!(sent(&config, true), None);
        config.host_address = Some([10, 0, 0, 5].into());
        assert_eq!(sent(&config, true), Some(Some("10.0.0.5".into())));
        assert_eq!(sent(&config, false), Some(Some("10.0.0.5".into())));
    }
}
