//! Attributes that a host must have to run a definition (TD-14). Agents declare them when they register; placement asks for each.
//!
//! Names are those of the official agent.

use std::collections::BTreeMap;

use aws_model::ecs::types::{
    Attribute, CPUArchitecture, ContainerDefinition, EFSTransitEncryption, EnvironmentFile,
    FirelensConfigurationType, IpcMode, LogConfiguration, LogDriver, NetworkMode, PidMode, ResourceType,
    Secret, TaskDefinition, Volume,
};
use domain::Arn;

use super::compatibility::is_windows;
use super::{containers, has_any};

/// Above this many CPU units of a task, agents need a capability of its own.
const USUAL_CPU_LIMIT: i64 = 10_240;

/// The attributes, sorted by name.
pub fn required(definition: &TaskDefinition) -> Vec<Attribute> {
    let mut needs = Needs::default();
    needs.docker_api("1.18");
    task(&mut needs, definition);
    for volume in definition.volumes.iter().flatten() {
        self::volume(&mut needs, volume);
    }
    for container in containers(definition) {
        self::container(&mut needs, container, definition);
    }
    let attribute = |(name, value)| Attribute {
        name,
        value,
        ..Attribute::default()
    };
    needs.0.into_iter().map(attribute).collect()
}

/// Names with the values that are demanded; capabilities have none.
#[derive(Default)]
struct Needs(BTreeMap<String, Option<String>>);

impl Needs {
    /// `ecs.capability.…`
    fn ecs(&mut self, capability: &str) {
        self.0.insert(format!("ecs.capability.{capability}"), None);
    }

    /// `com.amazonaws.ecs.capability.…`, the older names.
    fn amazon(&mut self, capability: &str) {
        self.0
            .insert(format!("com.amazonaws.ecs.capability.{capability}"), None);
    }

    fn docker_api(&mut self, version: &str) {
        self.amazon(&format!("docker-remote-api.{version}"));
    }

    fn value(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Some(value.to_owned()));
    }
}

fn task(needs: &mut Needs, definition: &TaskDefinition) {
    if definition.network_mode == Some(NetworkMode::Awsvpc) {
        needs.ecs("task-eni");
        needs.docker_api("1.21");
    }
    if definition.task_role_arn.is_some() {
        needs.amazon(match definition.network_mode {
            Some(NetworkMode::Host) => "task-iam-role-network-host",
            _ => "task-iam-role",
        });
    }
    // The engine alone can give `host` and `none`; sharing within the task takes an agent that can do that.
    if definition.pid_mode == Some(PidMode::Task) || definition.ipc_mode == Some(IpcMode::Task) {
        needs.ecs("pid-ipc-namespace-sharing");
    }
    if definition
        .cpu
        .as_ref()
        .and_then(|cpu| cpu.parse().ok())
        .is_some_and(|cpu: i64| cpu > USUAL_CPU_LIMIT)
    {
        needs.ecs("increased-task-cpu-limit");
    }
    if definition.proxy_configuration.is_some() {
        needs.ecs("aws-appmesh");
    }
    if has_any(definition.inference_accelerators.as_ref()) {
        needs.ecs("task-eia");
    }
    if definition.enable_fault_injection == Some(true) {
        needs.ecs("fault-injection");
    }
    platform(needs, definition);
}

/// X86_64 and LINUX are what hosts are that say nothing (TD-25).
fn platform(needs: &mut Needs, definition: &TaskDefinition) {
    let architecture = definition
        .runtime_platform
        .as_ref()
        .and_then(|platform| platform.cpu_architecture);
    if architecture == Some(CPUArchitecture::Arm64) {
        needs.value("ecs.cpu-architecture", "arm64");
    }
    if is_windows(definition) {
        needs.value("ecs.os-type", "windows");
    }
}

fn volume(needs: &mut Needs, volume: &Volume) {
    if let Some(docker) = &volume.docker_volume_configuration {
        let driver = docker
            .driver
            .as_deref()
            .filter(|driver| !driver.is_empty())
            .unwrap_or("local");
        needs.ecs(&format!("docker-plugin.{driver}"));
    }
    if let Some(efs) = &volume.efs_volume_configuration {
        needs.ecs("efs");
        if efs.authorization_config.is_some() || efs.transit_encryption == Some(EFSTransitEncryption::Enabled)
        {
            needs.ecs("efsAuth");
        }
    }
    if volume.s3files_volume_configuration.is_some() {
        needs.ecs("storage.s3-files");
    }
    if volume.fsx_windows_file_server_volume_configuration.is_some() {
        needs.ecs("fsxWindowsFileServer");
    }
    if volume.configured_at_launch == Some(true) {
        needs.ecs("storage.ebs-task-volume-attach");
    }
}

fn container(needs: &mut Needs, container: &ContainerDefinition, definition: &TaskDefinition) {
    let with_role = definition.execution_role_arn.is_some();
    if container.image.as_deref().is_some_and(is_ecr_image) {
        needs.amazon("ecr-auth");
        if with_role {
            needs.ecs("execution-role-ecr-pull");
        }
    }
    let files = || container.environment_files.iter().flatten();
    let in_s3 = |file: &EnvironmentFile| file.value.starts_with("arn:");
    let given = [
        (
            container.repository_credentials.is_some(),
            "private-registry-authentication.secretsmanager",
        ),
        (container.health_check.is_some(), "container-health-check"),
        (has_any(container.depends_on.as_ref()), "container-ordering"),
        (
            container.start_timeout.is_some() || container.stop_timeout.is_some(),
            "container-ordering",
        ),
        (files().any(in_s3), "env-files.s3"),
        // Places that Berth has beside S3 (TD-32): the official agent would wait for credentials, whatever the place.
        (!files().all(in_s3), "env-files.url"),
        (
            container
                .restart_policy
                .as_ref()
                .is_some_and(|policy| policy.enabled),
            "container-restart-policy",
        ),
        (
            container
                .port_mappings
                .iter()
                .flatten()
                .any(|mapping| mapping.container_port_range.is_some()),
            "network.container-port-range",
        ),
    ];
    for (_, capability) in given.into_iter().filter(|(given, _)| *given) {
        needs.ecs(capability);
    }
    if container.privileged == Some(true) {
        needs.amazon("privileged-container");
    }
    secrets(needs, container.secrets.as_ref(), "environment-variables");
    if let Some(logs) = &container.log_configuration {
        logging(needs, logs, with_role);
    }
    security(needs, container);
    firelens(needs, container);
    let accelerators = container.resource_requirements.iter().flatten();
    if accelerators
        .clone()
        .any(|requirement| requirement.r#type == ResourceType::InferenceAccelerator)
    {
        needs.ecs("task-eia");
    }
}

fn secrets(needs: &mut Needs, secrets: Option<&Vec<Secret>>, target: &str) {
    for secret in secrets.into_iter().flatten() {
        let service = if is_secrets_manager(&secret.value_from) {
            "asm"
        } else {
            "ssm"
        };
        needs.ecs(&format!("secrets.{service}.{target}"));
    }
}

/// True for an ARN of Secrets Manager; everything else names a parameter (SE-02, SE-03).
pub fn is_secrets_manager(value_from: &str) -> bool {
    value_from
        .parse::<Arn>()
        .is_ok_and(|arn| arn.service == "secretsmanager")
}

fn logging(needs: &mut Needs, logs: &LogConfiguration, with_role: bool) {
    needs.amazon(&format!("logging-driver.{}", logs.log_driver.as_str()));
    if logs.log_driver == LogDriver::Awslogs {
        needs.docker_api("1.19");
        if with_role {
            needs.ecs("execution-role-awslogs");
        }
    }
    let buffered = logs
        .options
        .as_ref()
        .is_some_and(|options| options.contains_key("log-driver-buffer-limit"));
    if logs.log_driver == LogDriver::Awsfirelens && buffered {
        needs.ecs("logging-driver.awsfirelens.log-driver-buffer-limit");
    }
    secrets(needs, logs.secret_options.as_ref(), "bootstrap.log-driver");
}

fn security(needs: &mut Needs, container: &ContainerDefinition) {
    for option in container.docker_security_options.iter().flatten() {
        match option.split([':', '=']).next() {
            Some("label") => needs.amazon("selinux"),
            Some("apparmor") => needs.amazon("apparmor"),
            Some("credentialspec") => needs.ecs("gmsa"),
            _ => {}
        }
    }
    for spec in container.credential_specs.iter().flatten() {
        needs.ecs(if spec.starts_with("credentialspecdomainless:") {
            "gmsa-domainless"
        } else {
            "gmsa"
        });
    }
}

fn firelens(needs: &mut Needs, container: &ContainerDefinition) {
    let Some(firelens) = &container.firelens_configuration else {
        return;
    };
    needs.ecs(match firelens.r#type {
        FirelensConfigurationType::Fluentd => "firelens.fluentd",
        FirelensConfigurationType::Fluentbit => "firelens.fluentbit",
    });
    let place = firelens
        .options
        .as_ref()
        .and_then(|options| options.get("config-file-type"));
    if let Some(place) = place {
        needs.ecs(&format!("firelens.options.config.{place}"));
    }
}

/// True for an image of a private ECR registry: `<account>.dkr.ecr.<region>.amazonaws.com/…`, or one of its other domains.
pub fn is_ecr_image(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let [account, rest @ ..] = labels.as_slice() else {
        return false;
    };
    let of_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let registry = match rest {
        ["dkr", "ecr" | "ecr-fips", _, domain @ ..] => domain,
        ["dkr-ecr" | "dkr-ecr-fips", _, domain @ ..] => domain,
        _ => return false,
    };
    of_account
        && matches!(
            registry,
            ["amazonaws", "com"]
                | ["amazonaws", "com", "cn"]
                | ["on", "aws"]
                | ["on", "amazonwebservices", "com", "cn"]
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn td14_images_of_ecr_are_recognised() {
        for (image, expected) in [
            ("111122223333.dkr.ecr.us-east-1.amazonaws.com/web:1", true),
            ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/web", true),
            (
                "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/web@sha256:0",
                true,
            ),
            ("111122223333.dkr-ecr.us-east-1.on.aws/web", true),
            ("public.ecr.aws/nginx/nginx", false),
            ("dkr.ecr.us-east-1.amazonaws.com/web", false),
            (
                "registry.example.com/111122223333.dkr.ecr.us-east-1.amazonaws.com",
                false,
            ),
            ("nginx", false),
        ] {
            assert_eq!(is_ecr_image(image), expected, "{image}");
        }
    }
}
