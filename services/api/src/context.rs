//! What an operation may use.

use std::path::PathBuf;
use std::sync::Arc;

use auth::{Caller, Vault};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Scope;
use kit::{Clock, Random};
use store::Db;
use store::placement::Placer;

/// Settings of the edge.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Base URL under which agents and clients reach this server, e.g. `http://127.0.0.1:8400`.
    pub advertise_url: String,
    /// How long stopped tasks stay visible (T-05).
    pub stopped_task_retention: TimeDelta,
    /// `POST /_berth/reset` is answered.
    pub allow_reset: bool,
    /// Account of the first key pair: the operator.
    pub operator_account: domain::AccountId,
    /// Certificates are issued on request: the operator named an ACME directory.
    pub issues_certificates: bool,
    /// Folder whose `<bucket>/<key>` stand for objects in S3 where an operation reads one.
    pub objects: Option<PathBuf>,
}

/// The parts that all operations share. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub db: Db,
    pub placer: Placer,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    /// Seals what must not be read from the database alone.
    pub vault: Arc<Vault>,
    pub config: Arc<ApiConfig>,
}

/// One request: who asks, and in which namespace.
pub struct Context {
    pub api: Api,
    pub caller: Caller,
    /// The account and region that the request is about; the first argument of every store function.
    pub scope: Scope,
    pub request_id: String,
}

impl Context {
    pub fn db(&self) -> &Db {
        &self.api.db
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.api.clock.now()
    }
}
