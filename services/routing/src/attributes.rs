//! Attributes that have an effect in a proxy, typed, with ELBv2's defaults. How they are written in the API
//! (`idle_timeout.timeout_seconds`) and which values they take stands with the ELBv2 operations.

use serde::{Deserialize, Serialize};

/// LB-35 to LB-37.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BalancerAttributes {
    pub idle_timeout_seconds: u32,
    pub client_keep_alive_seconds: u32,
    pub http2_enabled: bool,
    pub desync_mitigation: DesyncMitigation,
    pub drop_invalid_header_fields: bool,
    pub preserve_host_header: bool,
    pub tls_version_and_cipher_headers: bool,
    pub xff_client_port: bool,
    pub xff_processing: XffProcessing,
    /// Where access logs go, as `<bucket>/<prefix>`; none: not written.
    pub access_logs: Option<LogPlace>,
    pub connection_logs: Option<LogPlace>,
}

impl Default for BalancerAttributes {
    fn default() -> Self {
        Self {
            idle_timeout_seconds: 60,
            client_keep_alive_seconds: 3600,
            http2_enabled: true,
            desync_mitigation: DesyncMitigation::Defensive,
            drop_invalid_header_fields: false,
            preserve_host_header: false,
            tls_version_and_cipher_headers: false,
            xff_client_port: false,
            xff_processing: XffProcessing::Append,
            access_logs: None,
            connection_logs: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    pub bucket: String,
    pub prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DesyncMitigation {
    Monitor,
    Defensive,
    Strictest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum XffProcessing {
    Append,
    Preserve,
    Remove,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerAttributes {
    /// Network balancers.
    pub tcp_idle_timeout_seconds: u32,
    /// Application balancers write `server: awselb/2.0`.
    pub server_header: bool,
    /// Response headers that are set, by name.
    pub response_headers: Vec<(String, String)>,
    /// Names for the headers that carry TLS facts to targets: ELB's name → ours.
    pub renamed_headers: Vec<(String, String)>,
}

impl Default for ListenerAttributes {
    fn default() -> Self {
        Self {
            tcp_idle_timeout_seconds: 350,
            server_header: true,
            response_headers: Vec::new(),
            renamed_headers: Vec::new(),
        }
    }
}

/// LB-19, LB-34.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetGroupAttributes {
    pub deregistration_delay_seconds: u32,
    /// Network balancers: connections are closed at the end of the delay.
    pub connection_termination: bool,
    pub unhealthy_connection_termination: bool,
    pub algorithm: Algorithm,
    pub anomaly_mitigation: bool,
    /// 0: off.
    pub slow_start_seconds: u32,
    pub stickiness: Option<Stickiness>,
    pub proxy_protocol_v2: bool,
    pub preserve_client_ip: bool,
    /// With fewer healthy targets than this, requests go to all of them (fail open).
    pub minimum_healthy_count: u32,
    /// The same as a share, 1 to 100.
    pub minimum_healthy_percent: Option<u32>,
}

impl Default for TargetGroupAttributes {
    fn default() -> Self {
        Self {
            deregistration_delay_seconds: 300,
            connection_termination: false,
            unhealthy_connection_termination: true,
            algorithm: Algorithm::RoundRobin,
            anomaly_mitigation: false,
            slow_start_seconds: 0,
            stickiness: None,
            proxy_protocol_v2: false,
            preserve_client_ip: false,
            minimum_healthy_count: 1,
            minimum_healthy_percent: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    RoundRobin,
    LeastOutstandingRequests,
    WeightedRandom,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Stickiness {
    /// Our cookie AWSALB.
    LbCookie { duration_seconds: u32 },
    /// Follows the application's cookie of this name by AWSALBAPP-n.
    AppCookie { name: String, duration_seconds: u32 },
    /// Network balancers: by the client's address.
    SourceIp,
}
