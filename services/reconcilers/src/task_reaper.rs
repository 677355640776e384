//! Forgets what was kept long enough: stopped tasks first, then what nothing refers to any more.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kit::Clock;
use store::{Db, Result, instances, retention, task_definitions};

use crate::driver::Looked;
use crate::driver::round::Round;
use crate::{ReconcilerConfig, Surroundings};

/// Rows of one kind that go in one look; if there may be more, the next look comes at once.
const BATCH: i64 = 1_000;
/// Task definitions are looked for among all tasks, which is dear.
const DEFINITIONS: i64 = 20;
/// Idempotency tokens that go in one look: each call of a client may leave one.
const TOKENS: i64 = 10_000;
/// How long idempotency tokens are remembered.
const TOKENS_KEPT: TimeDelta = TimeDelta::hours(24);
/// Minutes of load balancers' counts that go in one look: each minute has some for each balancer and group.
const MINUTES: i64 = 10_000;
/// How long they are kept, as in CloudWatch.
const MINUTES_KEPT: TimeDelta = TimeDelta::days(15);

/// Removes old rows of all accounts, a bounded number in each look.
pub struct TaskReaper {
    db: Db,
    clock: Arc<dyn Clock>,
    config: Arc<ReconcilerConfig>,
}

impl TaskReaper {
    pub fn new(surroundings: &Surroundings) -> Self {
        let Surroundings {
            db, clock, config, ..
        } = surroundings;
        Self {
            db: db.clone(),
            clock: clock.clone(),
            config: config.clone(),
        }
    }
}

impl Round for TaskReaper {
    const NAME: &'static str = "task_reaper";

    fn period(&self) -> Duration {
        self.config.reaper_period
    }

    async fn look(&self) -> Result<Looked> {
        let (db, now) = (&self.db, self.clock.now());
        let before = now - self.config.stopped_task_retention;
        let finished_before = now - self.config.deployment_retention;
        // What refers goes before what it refers to.
        let bounded = [
            ("tasks", retention::stopped_tasks(db, before, BATCH).await?),
            ("services", retention::inactive_services(db, before, BATCH).await?),
            (
                "deployments",
                retention::finished_deployments(db, finished_before, BATCH).await?,
            ),
            ("tokens", retention::tokens(db, now - TOKENS_KEPT, TOKENS).await?),
            (
                "balancer_metrics",
                retention::balancer_metrics(db, now - MINUTES_KEPT, MINUTES).await?,
            ),
            (
                "proxy_reports",
                retention::proxy_reports(db, now - MINUTES_KEPT, BATCH).await?,
            ),
        ];
        let again_now = bounded.iter().any(|(_, gone)| *gone >= BATCH as u64);
        let mut did = Vec::from(bounded);
        did.extend([
            ("container_instances", instances::forget_before(db, before).await?),
            (
                "task_definitions",
                task_definitions::purge(db, DEFINITIONS).await?,
            ),
            ("clusters", retention::inactive_clusters(db, before, BATCH).await?),
        ]);
        Ok(Looked {
            again_now,
            did,
            again_at: None,
        })
    }
}
