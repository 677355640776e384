//! What containers may ask the agent: metadata about themselves, the keys of their role, protection of their task
//! (sections 6.3 and 6.4, EP-01 to EP-03).

mod protection;
pub mod redirect;
mod routes;
mod shapes;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kit::Shutdown;
use runtime::Runtime;
use tokio::net::TcpListener;

use crate::config::MetadataConfig;
use crate::engine::Engine;
use crate::session::api::ApiClient;

/// Where SDKs look for credentials.
pub const WELL_KNOWN: &str = "http://169.254.170.2";
/// Ports after the configured one that are tried when it is taken.
const PORTS_TRIED: u16 = 16;

/// The endpoint, listening and not served yet, and how containers reach it.
pub struct Endpoint {
    listeners: Vec<TcpListener>,
    /// Base of the URLs that containers are given.
    pub base: String,
    /// Whether containers reach it at 169.254.170.2, where SDKs look for credentials.
    pub well_known: bool,
}

impl Endpoint {
    /// Listens, and makes the endpoint reachable for containers.
    ///
    /// # Errors
    /// When neither the configured port nor one of those after it can be listened on.
    pub async fn open(config: &MetadataConfig, runtime: &dyn Runtime) -> std::io::Result<Self> {
        let listener = listen(config.listen).await?;
        let listen = listener.local_addr()?;
        if config.redirect {
            match redirect::install(listen).await {
                Ok(()) => {
                    return Ok(Self {
                        listeners: vec![listener],
                        base: WELL_KNOWN.to_owned(),
                        well_known: true,
                    });
                }
                Err(error) => tracing::warn!(
                    %error,
                    "containers cannot reach the metadata endpoint at 169.254.170.2; they are given the bridge's address, \
                     and role credentials do not work in them"
                ),
            }
        }
        Self::on_the_bridge(listener, listen, runtime).await
    }

    async fn on_the_bridge(
        listener: TcpListener,
        listen: SocketAddr,
        runtime: &dyn Runtime,
    ) -> std::io::Result<Self> {
        let reached_as = |address: SocketAddr| format!("http://{address}");
        let mut endpoint = Self {
            listeners: vec![listener],
            base: reached_as(listen),
            well_known: false,
        };
        if let Some(gateway) = bridge_gateway(runtime)
            .await
            .filter(|gateway| *gateway != listen.ip())
        {
            match TcpListener::bind((gateway, listen.port())).await {
                Ok(listener) => {
                    endpoint.base = reached_as(listener.local_addr()?);
                    endpoint.listeners.push(listener);
                }
                Err(error) => {
                    tracing::warn!(%gateway, %error, "the metadata endpoint does not listen on the bridge")
                }
            }
        }
        Ok(endpoint)
    }

    /// Addresses it listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Answers containers until the shutdown.
    ///
    /// # Errors
    /// When a listener breaks.
    pub async fn serve(
        self,
        engine: Arc<Engine>,
        api: Arc<ApiClient>,
        shutdown: Shutdown,
    ) -> std::io::Result<()> {
        let routes = routes::routes(engine, api);
        let serve = |listener| {
            let (routes, shutdown) = (routes.clone(), shutdown.clone());
            async move {
                let serving = axum::serve(listener, routes);
                serving
                    .with_graceful_shutdown(async move { shutdown.requested().await })
                    .await
            }
        };
        futures::future::try_join_all(self.listeners.into_iter().map(serve))
            .await
            .map(drop)
    }
}

/// Listens on `address`, or on the next port that is free: several agents may share a host, and each should find its own
/// port again after a restart, as containers go on asking there.
async fn listen(mut address: SocketAddr) -> std::io::Result<TcpListener> {
    let last = address.port().saturating_add(PORTS_TRIED);
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && address.port() < last => {
                address.set_port(address.port() + 1);
            }
            bound => return bound,
        }
    }
}

async fn bridge_gateway(runtime: &dyn Runtime) -> Option<IpAddr> {
    let network = runtime.network_inspect("bridge").await.ok()?;
    network
        .subnets
        .iter()
        .find_map(|subnet| subnet.gateway.filter(IpAddr::is_ipv4))
}
