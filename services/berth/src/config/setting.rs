//! The table of all settings. Flags, environment, file and `berth config` are all made from it, so they cannot disagree.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Name in the file and in `berth config`; settings of the agent and of the proxy stand in the tables `[agent]` and `[proxy]`.
    pub name: &'static str,
    pub kind: Kind,
    /// Read besides `BERTH_<NAME>`, and after it.
    pub also_env: Option<&'static str>,
    /// Text of the default; `None` when there is none or it depends on other things.
    pub default: Option<&'static str>,
    /// Whether its value is masked wherever it is shown.
    pub secret: bool,
    pub about: &'static str,
}

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One text or number; the word stands for it in the help.
    Text(&'static str),
    /// `true` or `false`; the flag alone means `true`.
    Switch,
    /// Several texts, joined by commas or given one by one.
    List(&'static str),
    /// `name=value` pairs, joined by commas or given one by one.
    Map,
}

impl Setting {
    /// The flag without its dashes: the last part of the name. The agent and the proxy share `--server`, which sets both.
    pub fn flag(&self) -> String {
        self.name.rsplit('.').next().unwrap_or_default().replace('_', "-")
    }

    /// `BERTH_` and the whole name.
    pub fn env(&self) -> String {
        format!("BERTH_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Under which the flag stands in the help.
    pub fn heading(&self) -> &'static str {
        match self.name.split_once('.') {
            Some(("agent", _)) => "Settings of the agent",
            Some(("proxy", _)) => "Settings of the proxy",
            _ => "Settings",
        }
    }

    const fn of(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            also_env: None,
            default: None,
            secret: false,
            about,
        }
    }

    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn also(mut self, variable: &'static str) -> Self {
        self.also_env = Some(variable);
        self
    }
}

/// The setting with this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

use Kind::{List, Map, Switch, Text};

/// All settings, in the order in which they are shown.
pub static SETTINGS: &[Setting] = &[
    Setting::of("listen", Text("ADDRESS"), "Address that the server listens on").or("127.0.0.1:8400"),
    Setting::of(
        "advertise_url",
        Text("URL"),
        "Address under which clients and agents reach the server",
    ),
    Setting::of(
        "data_dir",
        Text("FOLDER"),
        "Folder for keys, state and the private PostgreSQL",
    ),
    Setting::of(
        "account_id",
        Text("ID"),
        "Account that the first key pair belongs to",
    )
    .or("000000000000"),
    Setting::of(
        "region",
        Text("REGION"),
        "Region that `berth env` and the agent use",
    )
    .or("us-east-1"),
    Setting::of(
        "regions",
        List("REGION"),
        "Regions that are served; all well-formed names if unset",
    ),
    Setting::of(
        "access_key_id",
        Text("ID"),
        "First access key; made at the first start if unset",
    ),
    Setting::of(
        "secret_access_key",
        Text("SECRET"),
        "Secret of the first access key",
    )
    .secret(),
    Setting::of(
        "database_url",
        Text("URL"),
        "PostgreSQL to use; `berth dev` starts a private one if unset",
    )
    .also("DATABASE_URL"),
    Setting::of(
        "master_key",
        Text("KEY"),
        "Key that seals stored secrets (32 bytes, hex or base64); else a file",
    )
    .secret(),
    Setting::of("no_agent", Switch, "Run no agent on this machine").or("false"),
    Setting::of("no_proxy", Switch, "Run no load balancer proxy in `berth dev`").or("false"),
    Setting::of(
        "allow_reset",
        Switch,
        "Answer POST /_berth/reset, which deletes everything",
    )
    .or("false"),
    Setting::of(
        "host_loss_after",
        Text("TIME"),
        "A host silent for this long loses its tasks",
    )
    .or("10s"),
    Setting::of(
        "service_healthy_after",
        Text("TIME"),
        "A task without any check counts as healthy after this time",
    )
    .or("40s"),
    Setting::of(
        "stopped_task_retention",
        Text("TIME"),
        "How long stopped tasks stay visible",
    )
    .or("7d"),
    Setting::of(
        "acme_directory",
        Text("URL"),
        "ACME directory that issues requested certificates; none are issued if unset",
    ),
    Setting::of(
        "acme_contact",
        Text("ADDRESS"),
        "Mail address that the ACME directory may write to",
    ),
    Setting::of(
        "acme_root",
        Text("FILE"),
        "PEM file with the authority of the ACME directory's own certificate, if it is none of the usual",
    ),
    Setting::of("log", Text("FILTER"), "What is logged, such as info,store=debug")
        .or(kit::logging::DEFAULT_FILTER),
    Setting::of("log_format", Text("FORMAT"), "human or json").or("human"),
    Setting::of("agent.cluster", Text("CLUSTER"), "Cluster that the agent joins").or("default"),
    Setting::of(
        "agent.server",
        Text("URL"),
        "Server that the agent (or the proxy) joins; this machine's own if unset",
    ),
    Setting::of("agent.docker_host", Text("URL"), "Docker Engine to run tasks on")
        .also("DOCKER_HOST")
        .or("unix:///var/run/docker.sock"),
    Setting::of(
        "agent.attributes",
        Map,
        "Attributes of this host for placement constraints",
    ),
    Setting::of(
        "agent.availability_zone",
        Text("ZONE"),
        "Availability zone of this host; region and `a` if unset",
    ),
    Setting::of(
        "agent.host_address",
        Text("ADDRESS"),
        "Where load balancers reach this host's ports; as the server sees it if unset",
    ),
    Setting::of(
        "agent.instance_type",
        Text("TYPE"),
        "Instance type that this host registers with",
    ),
    Setting::of("agent.tags", Map, "Tags of this host's container instance"),
    Setting::of(
        "agent.cpu",
        Text("UNITS"),
        "CPU units to register; 1024 a core if unset",
    ),
    Setting::of(
        "agent.memory",
        Text("MIB"),
        "Memory to register, in MiB; all of it if unset",
    ),
    Setting::of("agent.gpus", List("ID"), "GPUs that tasks may use"),
    Setting::of("agent.reserved_ports", List("PORT"), "TCP ports kept from tasks")
        .or("22,2375,2376,51678,51679"),
    Setting::of(
        "agent.docker_config",
        Text("FILE"),
        "Docker's config.json with the keys of private registries",
    ),
    Setting::of(
        "agent.metadata_address",
        Text("ADDRESS"),
        "Where the agent serves metadata; another one for each agent of a machine",
    )
    .or("127.0.0.1:51679"),
    Setting::of(
        "agent.reserved_memory",
        Text("MIB"),
        "Memory kept from tasks, in MiB",
    )
    .or("0"),
    Setting::of(
        "agent.image_pull_behavior",
        Text("WORD"),
        "default, always, once or prefer-cached",
    )
    .or("default"),
    Setting::of(
        "agent.container_stop_timeout",
        Text("TIME"),
        "Between the stop signal and the kill",
    )
    .or("30s"),
    Setting::of(
        "agent.task_cleanup_wait",
        Text("TIME"),
        "How long containers of a stopped task are kept",
    )
    .or("3h"),
    Setting::of("agent.image_cleanup", Switch, "Remove images that no task uses").or("true"),
    Setting::of(
        "agent.image_cleanup_interval",
        Text("TIME"),
        "How often unused images are removed",
    )
    .or("30m"),
    Setting::of(
        "agent.image_minimum_age",
        Text("TIME"),
        "Images are kept this long after their last use",
    )
    .or("1h"),
    Setting::of(
        "agent.images_per_cleanup",
        Text("NUMBER"),
        "Most images removed at a time",
    )
    .or("5"),
    Setting::of(
        "proxy.server",
        Text("URL"),
        "Server that the proxy joins; this machine's own if unset",
    ),
    Setting::of(
        "proxy.name",
        Text("NAME"),
        "Name of the proxy, of which there is one only; this machine's name if unset",
    ),
    Setting::of(
        "proxy.addresses",
        List("ADDRESS"),
        "Where load balancers listen: addresses that they share, or a block of which each has its own",
    )
    .or("127.0.64.0/20"),
    Setting::of(
        "proxy.balancers",
        List("NAME"),
        "Load balancers to serve, by name or ARN; all if unset",
    ),
    Setting::of(
        "proxy.metrics_address",
        Text("ADDRESS"),
        "Where the proxy serves metrics to Prometheus; nowhere if unset",
    ),
    Setting::of(
        "proxy.state_dir",
        Text("FOLDER"),
        "Folder for what the proxy keeps over a restart; <data-dir>/proxy if unset",
    ),
    Setting::of(
        "proxy.log_dir",
        Text("FOLDER"),
        "Folder for access logs, by bucket; <state-dir>/logs if unset",
    ),
    Setting::of(
        "proxy.threads",
        Text("NUMBER"),
        "Worker threads of the proxy; one a core if unset",
    ),
];
