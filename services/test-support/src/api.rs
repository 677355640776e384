//! Operations called without HTTP: decoded, carried out and encoded as the edge does, for a caller of the test's choosing.

use std::sync::Arc;

use api::edge::{Payload, Service};
use api::{Api, ApiConfig, Context};
use auth::{Caller, MasterKey, Vault};
use chrono::TimeDelta;
use domain::Scope;
use kit::{ManualClock, Random, Shutdown, Tasks};
use serde_json::Value;
use store::Db;
use store::placement::Placer;

use crate::TestDb;

/// An operation's error as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `ClusterNotFoundException`.
    pub code: String,
    pub message: String,
}

impl Refusal {
    /// True for a 5xx: the server failed, not the request.
    pub fn is_fault(&self) -> bool {
        ["ServerException", "InternalFailure", "InternalError"].contains(&self.code.as_str())
    }
}

/// A server's operations on a database of their own. Starts as the root of account 000000000000 in us-east-1, on
/// 2026-01-01.
pub struct TestApi {
    test_db: Arc<TestDb>,
    api: Api,
    clock: ManualClock,
    tasks: Tasks,
    scope: Scope,
    principal_arn: String,
    service: &'static Service,
}

impl TestApi {
    pub async fn new() -> Self {
        let test_db = Arc::new(TestDb::new().await);
        let (clock, tasks) = (ManualClock::default(), Tasks::new(Shutdown::new()));
        let scope = scope("000000000000", "us-east-1");
        let config = ApiConfig {
            advertise_url: "http://127.0.0.1:8400".to_owned(),
            stopped_task_retention: TimeDelta::days(7),
            allow_reset: false,
            operator_account: scope.account.clone(),
            issues_certificates: false,
            objects: None,
        };
        let api = Api {
            db: test_db.db(),
            placer: Placer::new(test_db.db(), Arc::new(clock.clone()), tasks.clone()),
            clock: Arc::new(clock.clone()),
            random: Random::from_os(),
            vault: Arc::new(Vault::new(
                &MasterKey::generate(&Random::from_os()),
                Random::from_os(),
            )),
            config: Arc::new(config),
        };
        let principal_arn = scope.root_arn();
        Self {
            test_db,
            api,
            clock,
            tasks,
            scope,
            principal_arn,
            service: &api::ecs::dispatch::SERVICE,
        }
    }

    /// The same server, asked for operations of Elastic Load Balancing. Their bodies are JSON here, with the model's names.
    pub fn elbv2(&self) -> Self {
        self.speaking(&api::elbv2::dispatch::SERVICE)
    }

    /// The same server, asked for operations of Certificate Manager.
    pub fn acm(&self) -> Self {
        self.speaking(&api::acm::dispatch::SERVICE)
    }

    /// The same server, asked for operations of EC2. Their bodies are JSON here, with the model's names.
    pub fn ec2(&self) -> Self {
        self.speaking(&api::ec2::dispatch::SERVICE)
    }

    /// The same server with a folder that stands for S3.
    pub fn with_objects(&self, folder: &std::path::Path) -> Self {
        self.configured(|config| config.objects = Some(folder.to_owned()))
    }

    /// The same server where the operator named an ACME directory.
    pub fn issuing_certificates(&self) -> Self {
        self.configured(|config| config.issues_certificates = true)
    }

    fn configured(&self, change: impl FnOnce(&mut ApiConfig)) -> Self {
        let mut config = (*self.api.config).clone();
        change(&mut config);
        let mut same = self.with(self.scope.clone(), self.principal_arn.clone());
        same.api.config = Arc::new(config);
        same
    }

    fn speaking(&self, service: &'static Service) -> Self {
        let mut api = self.with(self.scope.clone(), self.principal_arn.clone());
        api.service = service;
        api
    }

    /// The same server, asked by the root of another account or in another region.
    pub fn elsewhere(&self, account: &str, region: &str) -> Self {
        let scope = scope(account, region);
        let principal_arn = scope.root_arn();
        self.with(scope, principal_arn)
    }

    /// The same server and account, asked by another principal, such as `user/alice` or `role/deploy`.
    pub fn as_principal(&self, name: &str) -> Self {
        let principal_arn = format!("arn:aws:iam::{}:{name}", self.scope.account);
        self.with(self.scope.clone(), principal_arn)
    }

    fn with(&self, scope: Scope, principal_arn: String) -> Self {
        Self {
            test_db: self.test_db.clone(),
            api: self.api.clone(),
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
            scope,
            principal_arn,
            service: self.service,
        }
    }

    pub fn db(&self) -> Db {
        self.api.db.clone()
    }

    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn principal_arn(&self) -> &str {
        &self.principal_arn
    }

    /// What the server's operations share.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// A request's context, for calling parts of operations.
    pub fn context(&self) -> Context {
        let caller = Caller {
            account: self.scope.account.clone(),
            region: self.scope.region.clone(),
            service: self.service.model.signing_name.to_owned(),
            principal_arn: self.principal_arn.clone(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            user_id: self.scope.account.to_string(),
        };
        Context {
            api: self.api.clone(),
            caller,
            scope: self.scope.clone(),
            request_id: "a-test".to_owned(),
        }
    }

    /// Calls an operation with a JSON body.
    ///
    /// # Errors
    /// The code and text that the client gets; `SerializationException` and `UnknownOperationException` included.
    pub async fn call(&self, operation: &str, body: Value) -> Result<Value, Refusal> {
        self.call_raw(operation, body.to_string().as_bytes()).await
    }

    /// Calls an operation with a body that need not be JSON.
    ///
    /// # Errors
    /// As [`TestApi::call`].
    pub async fn call_raw(&self, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
        let payload = Payload::Json(body.to_vec().into());
        match (self.service.dispatch)(&self.context(), operation, &payload).await {
            Ok(body) => Ok(serde_json::from_slice(&body).expect("a reply is JSON")),
            Err(error) => Err(Refusal {
                code: error.code.name().to_owned(),
                message: error.message,
            }),
        }
    }

    /// Calls an operation that is expected to work.
    ///
    /// # Panics
    /// With the refusal when it does not.
    pub async fn ok(&self, operation: &str, body: Value) -> Value {
        match self.call(operation, body.clone()).await {
            Ok(reply) => reply,
            Err(refusal) => panic!("{operation} {body}: {}: {}", refusal.code, refusal.message),
        }
    }

    /// Calls an operation that is expected to be refused.
    ///
    /// # Panics
    /// With the reply when it works.
    pub async fn refused(&self, operation: &str, body: Value) -> Refusal {
        match self.call(operation, body.clone()).await {
            Ok(reply) => panic!("{operation} {body} is answered {reply}"),
            Err(refusal) => refusal,
        }
    }
}

impl Drop for TestApi {
    /// The last one ends the placer's loops.
    fn drop(&mut self) {
        if Arc::strong_count(&self.test_db) == 1 {
            self.tasks.shutdown().request();
        }
    }
}

fn scope(account: &str, region: &str) -> Scope {
    Scope::new(
        account.parse().expect("an account id"),
        region.parse().expect("a region name"),
    )
}
