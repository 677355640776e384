//! Query parameters of the two websocket upgrade requests (`GET <endpoint>/ws?...`).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::HashMap;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const DOCKER_VERSION_PREFIX: &str = "DockerVersion: ";

/// Why a connect query was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectQueryError {
    /// A parameter without which the agent cannot be told is absent or empty.
    #[error("query parameter {0} is missing")]
    Missing(&'static str),
}

/// Parameters of an ACS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcsConnect {
    /// Git short hash of the agent.
    pub agent_hash: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Cluster **name or ARN**, as the agent was configured.
    pub cluster_arn: String,
    /// ARN from the registration.
    pub container_instance_arn: String,
    /// Bare engine version; on the wire `DockerVersion: ` stands before it.
    pub docker_version: String,
    /// 2: the server may close when heartbeat acks go missing.
    pub protocol_version: u32,
    /// Whether the agent wants credentials of all running tasks: true until its first connection succeeded.
    pub send_credentials: bool,
    /// Always 1.
    pub seq_num: i64,
}

impl AcsConnect {
    /// The query string, without `?`, parameters in alphabetical order.
    pub fn to_query(&self) -> String {
        write(&[
            ("agentHash", &self.agent_hash),
            ("agentVersion", &self.agent_version),
            ("clusterArn", &self.cluster_arn),
            ("containerInstanceArn", &self.container_instance_arn),
            (
                "dockerVersion",
                &format!("{DOCKER_VERSION_PREFIX}{}", self.docker_version),
            ),
            ("protocolVersion", &self.protocol_version.to_string()),
            (
                "sendCredentials",
                if self.send_credentials { "true" } else { "false" },
            ),
            ("seqNum", &self.seq_num.to_string()),
        ])
    }

    /// Reads a query string. Only the container instance is indispensable.
    pub fn from_query(query: &str) -> Result<Self, ConnectQueryError> {
        let mut query = Query::read(query);
        let docker_version = query.text("dockerVersion");
        Ok(Self {
            agent_hash: query.text("agentHash"),
            agent_version: query.text("agentVersion"),
            cluster_arn: query.text("clusterArn"),
            container_instance_arn: query.required("containerInstanceArn")?,
            docker_version: docker_version
                .strip_prefix(DOCKER_VERSION_PREFIX)
                .unwrap_or(&docker_version)
                .to_owned(),
            protocol_version: query.text("protocolVersion").parse().unwrap_or(1),
            send_credentials: query.text("sendCredentials") == "true",
            seq_num: query.text("seqNum").parse().unwrap_or(1),
        })
    }
}

/// Parameters of a TCS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcsConnect {
    /// Git short hash of the agent.
    pub agent_hash: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Cluster **name or ARN**, as the agent was configured.
    pub cluster: String,
    /// ARN from the registration.
    pub container_instance: String,
    /// Engine version.
    pub docker_version: String,
}

impl TcsConnect {
    /// The query string, without `?`, parameters in alphabetical order.
    pub fn to_query(&self) -> String {
        write(&[
            ("agentHash", &self.agent_hash),
            ("agentVersion", &self.agent_version),
            ("cluster", &self.cluster),
            ("containerInstance", &self.container_instance),
            ("dockerVersion", &self.docker_version),
        ])
    }

    /// Reads a query string. Only the container instance is indispensable.
    pub fn from_query(query: &str) -> Result<Self, ConnectQueryError> {
        let mut query = Query::read(query);
        Ok(Self {
            agent_hash: query.text("agentHash"),
            agent_version: query.text("agentVersion"),
            cluster: query.text("cluster"),
            container_instance: query.required("containerInstance")?,
            docker_version: query.text("dockerVersion"),
        })
    }
}

fn write(parameters: &[(&str, &str)]) -> String {
    parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)))
        .collect::<Vec<_>>()
        .join("&")
}

struct Query(HashMap<String, String>);

impl Query {
    fn read(query: &str) -> Self {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        Self(
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    fn text(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }

    fn required(&mut self, name: &'static str) -> Result<String, ConnectQueryError> {
        self.0
            .remove(name)
            .filter(|value| !value.is_empty())
            .ok_or(ConnectQueryError::Missing(name))
    }
}
