//! The gateway as a whole: what its sessions share, and its routes.

use std::sync::Arc;
use std::time::Duration;

use auth::{Vault, Verifier};
use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use domain::AccountId;
use kit::{Clock, Tasks};
use store::Db;
use uuid::Uuid;

use crate::keeper::Keeper;
use crate::loader::Loader;
use crate::sealed::Opener;
use crate::{entry, overview};

/// What a gateway has to be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Only its root may connect proxies: what they are sent spans accounts and holds private keys.
    pub operator: AccountId,
    /// A proxy of which nothing is heard for so long is disconnected.
    pub silence: Duration,
    /// Time between two looks at everything.
    pub sweep: Duration,
}

impl Settings {
    /// Proxies that are silent for 10 s are gone; everything is looked at each 3 s.
    pub fn new(operator: AccountId) -> Self {
        Self {
            operator,
            silence: Duration::from_secs(10),
            sweep: Duration::from_secs(3),
        }
    }
}

/// What all sessions share.
pub(crate) struct Shared {
    pub db: Db,
    pub verifier: Arc<Verifier>,
    pub opener: Opener,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    pub settings: Settings,
    pub server: Uuid,
    pub loader: Loader,
    pub keeper: Keeper,
}

impl Shared {
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// The proxies' side of a server. Clones share the same sessions.
#[derive(Clone)]
pub struct ProxyGateway {
    shared: Arc<Shared>,
}

impl ProxyGateway {
    /// Starts the loops under `tasks`.
    pub fn start(
        db: Db,
        verifier: Arc<Verifier>,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        tasks: &Tasks,
    ) -> Self {
        let shared = Arc::new(Shared {
            loader: Loader::new(db.clone()),
            keeper: Keeper::default(),
            opener: Opener(vault),
            tasks: tasks.clone(),
            server: Uuid::new_v4(),
            db,
            verifier,
            clock,
            settings,
        });
        let of = shared.clone();
        tasks.spawn("routes-loader", async move { of.loader.run(&of).await });
        let of = shared.clone();
        tasks.spawn("proxies-keeper", async move { of.keeper.run(&of).await });
        Self { shared }
    }

    /// `GET /_berth/proxy` for proxies, `GET /_berth/load-balancers` for people.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/_berth/proxy", get(entry::upgrade))
            .route("/_berth/load-balancers", get(overview::show))
            .with_state(self.shared.clone())
    }
}
