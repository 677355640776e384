//! `berth server`: the AWS-compatible API, sessions of agents and proxies, and the reconcilers, over one database.

use std::net::SocketAddr;
use std::sync::Arc;

use agent_gateway::Gateway;
use anyhow::Context as _;
use api::edge::Edge;
use api::{Api, ApiConfig};
use auth::{KeyPair, MasterKey, StoredKeys, Vault, Verifier, VerifierSettings};
use chrono::TimeDelta;
use domain::{AccountId, Region};
use kit::{Clock, Random, Tasks};
use proxy_gateway::ProxyGateway;
use reconcilers::{ReconcilerConfig, Reconcilers, Surroundings};
use store::Db;
use store::placement::Placer;
use tokio::net::TcpListener;

use crate::keys::{self, DatabaseKeys};

/// What a control plane has to be told.
#[derive(Debug, Clone)]
pub struct ControlPlaneConfig {
    /// Base URL for clients and agents; from the listener's address if `None`.
    pub advertise_url: Option<String>,
    pub account: AccountId,
    /// Region in whose partition the operator's principal is named.
    pub region: Region,
    /// Regions that are served; every well-formed one if `None`.
    pub regions: Option<std::collections::BTreeSet<Region>>,
    pub key_pair: KeyPair,
    pub master_key: MasterKey,
    pub allow_reset: bool,
    /// Folder whose `<bucket>/<key>` stand for objects in S3.
    pub objects: Option<std::path::PathBuf>,
    pub reconcilers: ReconcilerConfig,
}

/// A control plane that is serving.
pub struct ControlPlane {
    /// Where it listens.
    pub address: SocketAddr,
    pub api: Api,
    /// The loops of this server.
    pub reconcilers: Reconcilers,
}

impl ControlPlane {
    /// Stores the first key pair, starts all loops under `tasks` and serves on `listener`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(
        db: Db,
        listener: TcpListener,
        config: ControlPlaneConfig,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the listener has no address")?;
        let vault = Arc::new(Vault::new(&config.master_key, Random::from_os()));
        keys::store_first_pair(
            &db,
            &vault,
            &config.account,
            &config.region,
            &config.key_pair,
            clock.now(),
        )
        .await
        .context("the first key pair could not be stored")?;
        let stored = StoredKeys::new(DatabaseKeys(db.clone()), vault.clone(), clock.clone());
        let settings = VerifierSettings {
            regions: config.regions.clone(),
            ..VerifierSettings::default()
        };
        let verifier = Arc::new(Verifier::new(Arc::new(stored), settings));

        tasks.spawn(
            "wakes-out",
            db.wakes()
                .clone()
                .run_sender(db.pool().clone(), tasks.shutdown().clone()),
        );
        tasks.spawn(
            "wakes-in",
            db.wakes()
                .clone()
                .run_receiver(db.pool().clone(), tasks.shutdown().clone()),
        );
        let placer = Placer::new(db.clone(), clock.clone(), tasks.clone());
        let api_config = ApiConfig {
            advertise_url: config
                .advertise_url
                .clone()
                .unwrap_or_else(|| format!("http://{address}")),
            stopped_task_retention: config.reconcilers.stopped_task_retention,
            allow_reset: config.allow_reset,
            operator_account: config.account.clone(),
            issues_certificates: config.reconcilers.acme.is_some(),
            objects: config.objects.clone(),
        };
        let api = Api {
            db: db.clone(),
            placer: placer.clone(),
            clock: clock.clone(),
            random: Random::from_os(),
            vault: vault.clone(),
            config: Arc::new(api_config),
        };
        let proxies = ProxyGateway::start(
            db.clone(),
            verifier.clone(),
            vault.clone(),
            clock.clone(),
            proxy_gateway::Settings::new(config.account.clone()),
            tasks,
        );
        let gateway = Gateway::start(
            db.clone(),
            verifier.clone(),
            clock.clone(),
            config.reconcilers.host_loss_after,
            tasks,
        );
        let surroundings = Surroundings {
            db,
            placer,
            clock,
            vault,
            random: Random::from_os(),
            config: Arc::new(config.reconcilers),
        };
        let reconcilers = Reconcilers::start(tasks, &surroundings);

        let router = Edge {
            api: api.clone(),
            verifier,
        }
        .router()
        .merge(gateway.router())
        .merge(proxies.router());
        tasks.spawn("http", crate::http::serve(listener, router, tasks.clone()));
        Ok(Self {
            address,
            api,
            reconcilers,
        })
    }
}

/// `TimeDelta` of a duration, for settings that are both.
pub fn time_delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
