//! `berth agent`: this machine as a container instance.

mod registry_keys;

use std::sync::Arc;

use agent::{AccessKey, Agent, AgentConfig, ImageCleanup, ImagePullBehavior, MetadataConfig};
use anyhow::Context as _;
use auth::KeyPair;
use kit::Tasks;
use runtime::DockerRuntime;

use crate::config::{AgentSettings, Config, ImagePullBehavior as PullSetting};

/// Connects to Docker Engine and runs the agent under `tasks` until the shutdown.
///
/// # Errors
/// When the engine does not answer.
pub async fn start(config: &Config, server: &str, key_pair: &KeyPair, tasks: &Tasks) -> anyhow::Result<()> {
    let settings = &config.agent;
    let runtime = DockerRuntime::connect(&settings.docker_host)
        .await
        .with_context(|| {
            format!(
                "Docker Engine does not answer at {}; start dockerd, or name another one with --docker-host",
                settings.docker_host
            )
        })?;
    let data_dir = config.data_dir.join("agent");
    std::fs::create_dir_all(&data_dir)
        .with_context(|| format!("the folder {} could not be made", data_dir.display()))?;
    let mut agent_config = AgentConfig::new(server, settings.cluster.clone(), access_key(key_pair));
    agent_config.region = config.region.to_string();
    agent_config.data_dir = Some(data_dir);
    fill(&mut agent_config, settings);
    if let Some(file) = &settings.docker_config {
        agent_config.registry_auth = registry_keys::read(file)?;
    }
    let agent = Agent::new(agent_config, Arc::new(runtime));
    let shutdown = tasks.shutdown().clone();
    tasks.spawn("agent", async move { agent.run(shutdown).await });
    Ok(())
}

fn access_key(pair: &KeyPair) -> AccessKey {
    AccessKey {
        access_key_id: pair.access_key_id.clone(),
        secret_access_key: pair.secret.expose().to_owned(),
        session_token: None,
    }
}

fn fill(config: &mut AgentConfig, settings: &AgentSettings) {
    config.attributes = settings.attributes.clone();
    config.availability_zone = Some(settings.availability_zone.clone());
    config.host_address = settings.host_address;
    config.instance_type = settings.instance_type.clone();
    config.reserved_memory_mib = settings.reserved_memory_mib;
    config.image_pull_behavior = match settings.image_pull_behavior {
        PullSetting::Default => ImagePullBehavior::Default,
        PullSetting::Always => ImagePullBehavior::Always,
        PullSetting::Once => ImagePullBehavior::Once,
        PullSetting::PreferCached => ImagePullBehavior::PreferCached,
    };
    config.container_stop_timeout = settings.container_stop_timeout;
    config.task_cleanup_wait = settings.task_cleanup_wait;
    config.image_cleanup = ImageCleanup {
        enabled: settings.image_cleanup,
        interval: settings.image_cleanup_interval,
        minimum_age: settings.image_minimum_age,
        images_per_cycle: settings.images_per_cleanup,
    };
    config.tags = settings.tags.clone();
    config.cpu_units = settings.cpu_units;
    config.memory_mib = settings.memory_mib;
    config.gpu_ids = settings.gpus.clone();
    config.reserved_ports = settings.reserved_ports.clone();
    config.metadata = Some(MetadataConfig {
        listen: settings.metadata_address,
        ..MetadataConfig::default()
    });
}
