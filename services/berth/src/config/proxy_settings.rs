//! The settings of the load balancer's proxy.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use routing::cidr::Cidr;

use super::layers::Layers;
use super::{ConfigError, absolute, parsed, values};

/// What can be configured about the proxy of this machine.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Base address of the server to join; the one of this machine if `None`.
    pub server: Option<String>,
    /// Unique among the proxies of a server; this machine's name if `None`.
    pub name: Option<String>,
    /// Single addresses that all balancers share, and blocks of which each balancer has one.
    pub addresses: Vec<Cidr>,
    /// Names or ARNs of the balancers to serve; empty: all.
    pub balancers: Vec<String>,
    pub metrics_address: Option<SocketAddr>,
    /// What outlives a restart: the routes, and the way to the sockets of the process before.
    pub state_dir: PathBuf,
    /// Where access logs go.
    pub log_dir: PathBuf,
    /// Worker threads; one a core if `None`.
    pub threads: Option<usize>,
}

impl ProxySettings {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Self {
            server: layers.optional("proxy.server", values::base_url)?,
            name: layers.optional("proxy.name", name)?,
            addresses: layers.required("proxy.addresses", |text| {
                values::list(text).map(address).collect()
            })?,
            balancers: layers
                .optional("proxy.balancers", |text| {
                    Ok(values::list(text).map(str::to_owned).collect())
                })?
                .unwrap_or_default(),
            metrics_address: layers.optional("proxy.metrics_address", parsed)?,
            state_dir: layers.required("proxy.state_dir", absolute)?,
            log_dir: layers.required("proxy.log_dir", absolute)?,
            threads: layers.optional("proxy.threads", threads)?,
        })
    }
}

fn name(text: &str) -> Result<String, String> {
    match (1..=128).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err("must have 1 to 128 characters".to_owned()),
    }
}

fn address(text: &str) -> Result<Cidr, String> {
    let single = text.parse::<IpAddr>().map(|address| match address {
        IpAddr::V4(_) => format!("{text}/32"),
        IpAddr::V6(_) => format!("{text}/128"),
    });
    let block = single.as_deref().unwrap_or(text);
    block
        .parse()
        .map_err(|_| format!("'{text}' is no address such as 10.0.0.5 and no block such as 127.0.64.0/20"))
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=1024).contains(&threads) => Ok(threads),
        _ => Err("must be a number from 1 to 1024".to_owned()),
    }
}
