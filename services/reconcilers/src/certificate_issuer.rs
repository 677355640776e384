//! Certificates that an ACME directory issues (RFC 8555): orders for requested ones, and renewals at two thirds of their life.
//!
//! Names are validated over HTTP-01: answers stand in rows, and the account's balancers give them. Where an order stands is written after
//! each step, before the next one that cannot be repeated; whoever goes on finds it there.

mod account;
mod failure;
mod order;

use std::sync::Arc;
use std::time::Duration;

use auth::Vault;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Scope;
use instant_acme::Account;
use kit::{Clock, Random};
use store::acme::{Issuing, Pending};
use store::certificates::Material;
use store::{Db, Result, StoreError, Wake, acme, certificates};
use tokio::sync::OnceCell;

use self::failure::Failure;
use crate::driver::{Concern, Looked, Reconciler, Sweep};
use crate::{AcmeConfig, Surroundings};

/// A request that is not validated for so long has failed.
const PATIENCE: TimeDelta = TimeDelta::hours(72);
/// Answers whose order is over by now.
const ANSWERS_KEPT: TimeDelta = TimeDelta::days(8);

/// Advances the orders of all accounts.
pub struct CertificateIssuer {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Random,
    vault: Arc<Vault>,
    acme: AcmeConfig,
    period: Duration,
    account: OnceCell<Account>,
}

/// What one look at an order came to.
enum Next {
    /// It stands like this now; look again then.
    Stands(Issuing, Option<DateTime<Utc>>),
    /// These answers are to be given first.
    Answers(Issuing, Vec<(String, String)>),
    Issued(Box<Material>),
}

impl CertificateIssuer {
    pub(crate) fn new(surroundings: &Surroundings, acme: AcmeConfig) -> Self {
        let Surroundings {
            db,
            clock,
            random,
            vault,
            config,
            ..
        } = surroundings;
        Self {
            db: db.clone(),
            clock: clock.clone(),
            random: random.clone(),
            vault: vault.clone(),
            acme,
            period: config.issuer_period,
            account: OnceCell::new(),
        }
    }

    /// Writes what came of a look.
    async fn write(&self, pending: &Pending, scope: &Scope, next: Next) -> Result<Looked> {
        let before = &pending.issuing.0;
        let mut tx = self.db.begin().await?;
        let (done, looked) = match next {
            Next::Stands(after, again_at) => {
                let looked = Looked {
                    again_now: again_at.is_none(),
                    again_at,
                    did: Vec::new(),
                };
                (acme::save(&mut tx, &pending.arn, before, &after).await?, looked)
            }
            Next::Answers(after, answers) => {
                let done = acme::save(&mut tx, &pending.arn, before, &after).await?;
                acme::answer(&mut tx, scope, &answers, self.clock.now()).await?;
                (done, again(self.clock.now() + order::LOOK, "answers"))
            }
            Next::Issued(material) => {
                let done = acme::save(&mut tx, &pending.arn, before, before).await?;
                certificates::install(&mut tx, &pending.arn, &material).await?;
                acme::forget(&mut tx, scope, &before.tokens).await?;
                let did = vec![("issued", 1)];
                (
                    done,
                    Looked {
                        did,
                        ..Looked::default()
                    },
                )
            }
        };
        // Somebody else went on with it, or the certificate is gone.
        if !done {
            return Ok(Looked::default());
        }
        self.db.commit(tx, [Wake::Routes]).await?;
        Ok(looked)
    }

    /// Notes a failure: the order begins anew after a while, or the request has failed for good.
    async fn fail(&self, pending: &Pending, scope: &Scope, failure: Failure) -> Result<Looked> {
        let (now, before) = (self.clock.now(), &pending.issuing.0);
        tracing::warn!(certificate = pending.arn, error = %failure, "a certificate could not be issued yet");
        let mut tx = self.db.begin().await?;
        let since = before.since.unwrap_or(pending.created_at);
        let first = pending.status == "PENDING_VALIDATION";
        let status = match failure.for_good() {
            Some(reason) if first => Some(("FAILED", Some(reason))),
            _ if first && now - since > PATIENCE => Some(("VALIDATION_TIMED_OUT", None)),
            _ => None,
        };
        let mut details = pending.details.0.clone();
        if let Some((status, reason)) = status {
            details.failure_reason = reason.map(str::to_owned);
            if !acme::save(&mut tx, &pending.arn, before, before).await? {
                return Ok(Looked::default());
            }
            certificates::set_status(&mut tx, &pending.arn, status, &details).await?;
            acme::forget(&mut tx, scope, &before.tokens).await?;
            self.db.commit(tx, [Wake::Routes]).await?;
            return Ok(Looked {
                did: vec![("gave_up", 1)],
                ..Looked::default()
            });
        }
        let after = failure.after(before, now, &self.random);
        let again_at = after.not_before;
        if !acme::save(&mut tx, &pending.arn, before, &after).await? {
            return Ok(Looked::default());
        }
        if after.order_url.is_none() {
            acme::forget(&mut tx, scope, &before.tokens).await?;
        }
        if !first {
            details.renewal = Some(("PENDING_AUTO_RENEWAL".to_owned(), now));
            certificates::set_details(&mut tx, &pending.arn, &details).await?;
        }
        self.db.commit(tx, [Wake::Routes]).await?;
        Ok(Looked {
            again_at,
            again_now: false,
            did: vec![("failed", 1)],
        })
    }
}

impl Reconciler for CertificateIssuer {
    /// The certificate's ARN.
    type Key = String;
    const NAME: &'static str = "certificate_issuer";
    const CONCURRENCY: usize = 4;

    fn period(&self) -> Duration {
        self.period
    }

    /// A request may be among the changes of routes.
    fn concern(&self, wake: Wake) -> Concern<String> {
        match wake {
            Wake::Routes => Concern::Noted,
            _ => Concern::Nothing,
        }
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Vec<String>> {
        let now = self.clock.now();
        if sweep == Sweep::Everything {
            acme::begin_renewals(&self.db, now).await?;
            acme::forget_before(&self.db, now - ANSWERS_KEPT).await?;
        }
        acme::pending(&self.db, now).await
    }

    async fn reconcile(&self, arn: String) -> Result<Looked> {
        let Some(pending) = acme::load(&self.db, &arn).await? else {
            return Ok(Looked::default());
        };
        if let Some(due) = pending.issuing.not_before.filter(|due| *due > self.clock.now()) {
            return Ok(again(due, "waits"));
        }
        let scope = scope_of(&pending)?;
        match self.advance(&pending, &scope).await {
            Ok(next) => self.write(&pending, &scope, next).await,
            Err(Failure::Store(error)) => Err(error),
            Err(failure) => self.fail(&pending, &scope, failure).await,
        }
    }
}

fn again(at: DateTime<Utc>, did: &'static str) -> Looked {
    Looked {
        again_at: Some(at),
        again_now: false,
        did: vec![(did, 1)],
    }
}

fn scope_of(pending: &Pending) -> Result<Scope> {
    let inconsistent = |error: domain::scope::ScopeError| StoreError::Inconsistent {
        table: "certificates",
        reason: error.to_string(),
    };
    let account = pending.account.parse().map_err(inconsistent)?;
    Ok(Scope::new(account, pending.region.parse().map_err(inconsistent)?))
}
