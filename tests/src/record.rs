//! What was seen over time: looks at the database, each at one instant, as often as they come.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use tokio::task::JoinHandle;

/// States in their order (T-01).
const ORDER: &[&str] = &[
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
    "DELETED",
];

/// A task of a service at one instant.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Sight {
    pub task: String,
    pub definition: i64,
    pub last_status: String,
    pub desired_status: String,
    pub started_at: Option<DateTime<Utc>>,
    pub draining: bool,
}

/// A look at all tasks of a service.
#[derive(Debug, Clone)]
pub struct Look {
    pub at: DateTime<Utc>,
    pub tasks: Vec<Sight>,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}:", self.at.time())?;
        for task in self.tasks.iter().filter(|task| task.last_status != "STOPPED") {
            let Sight {
                task: id,
                definition,
                last_status,
                desired_status,
                started_at,
                draining,
            } = task;
            let started = started_at.map(|at| at.time());
            write!(
                f,
                "\n  {} of {definition}: {last_status} → {desired_status}, started {started:?}, draining {draining}",
                &id[..8]
            )?;
        }
        Ok(())
    }
}

impl Look {
    /// RUNNING and PENDING tasks, those included that have been told to stop but have not begun to.
    pub fn existing(&self) -> usize {
        let running = rank("RUNNING");
        self.tasks
            .iter()
            .filter(|task| rank(&task.last_status) <= running)
            .count()
    }

    /// Tasks that are RUNNING, are to go on, and have been for `healthy_after` (D-03), on hosts that are not draining (D-04).
    pub fn healthy(&self, healthy_after: TimeDelta) -> usize {
        let since = self.at - healthy_after;
        let healthy = |task: &&Sight| {
            task.last_status == "RUNNING"
                && task.desired_status == "RUNNING"
                && task.started_at.is_some_and(|at| at <= since)
                && !task.draining
        };
        self.tasks.iter().filter(healthy).count()
    }
}

/// What a rolling update may not leave (D-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub min_healthy: usize,
    pub max_running: usize,
}

impl Bounds {
    /// ceil(desired × minimum / 100) and floor(desired × maximum / 100).
    pub fn of(desired: usize, minimum_percent: usize, maximum_percent: usize) -> Self {
        Self {
            min_healthy: (desired * minimum_percent).div_ceil(100),
            max_running: (desired * maximum_percent / 100).max(desired),
        }
    }
}

/// A recorder of one service's tasks.
pub struct Record {
    stop: Arc<AtomicBool>,
    looks: JoinHandle<Vec<Look>>,
}

impl Record {
    /// Begins to look at the tasks of the service with this name.
    pub fn start(pool: PgPool, service: &str) -> Self {
        let (stop, service) = (Arc::new(AtomicBool::new(false)), service.to_owned());
        let stopped = stop.clone();
        let looks = tokio::spawn(async move {
            let mut looks = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                looks.push(look(&pool, &service).await);
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            looks
        });
        Self { stop, looks }
    }

    /// Ends the record and gives all looks.
    ///
    /// # Panics
    /// When the database did not answer.
    pub async fn end(self) -> Vec<Look> {
        self.stop.store(true, Ordering::SeqCst);
        self.looks.await.expect("the recorder does not panic")
    }
}

async fn look(pool: &PgPool, service: &str) -> Look {
    let tasks = sqlx::query_as(
        "SELECT t.id::text AS task, t.task_definition_id AS definition, t.last_status, t.desired_status, t.started_at, \
             coalesce(i.status = 'DRAINING', false) AS draining \
         FROM tasks t LEFT JOIN container_instances i ON i.id = t.instance_id WHERE t.task_group = 'service:' || $1 ORDER BY t.id",
    )
    .bind(service)
    .fetch_all(pool)
    .await
    .expect("the database answers");
    // Taken after the look: whoever was healthy then is healthy now.
    Look {
        at: Utc::now(),
        tasks,
    }
}

/// Waits until so many tasks of the service count as healthy: until then its minimum has not been reached, let alone left.
///
/// # Panics
/// When that takes too long.
pub async fn are_healthy(pool: &PgPool, service: &str, count: usize, healthy_after: TimeDelta) {
    test_support::settles(
        &format!("{count} tasks of {service} are healthy"),
        crate::PATIENCE,
        async || {
            let look = look(pool, service).await;
            if look.healthy(healthy_after) == count {
                Ok(())
            } else {
                Err(look.to_string())
            }
        },
    )
    .await;
}

/// Checks that no look was outside of the bounds.
///
/// # Panics
/// With the first look that was.
pub fn stayed_within(looks: &[Look], bounds: Bounds, healthy_after: TimeDelta) {
    assert!(looks.len() > 10, "only {} looks", looks.len());
    for look in looks {
        let (existing, healthy) = (look.existing(), look.healthy(healthy_after));
        assert!(
            existing <= bounds.max_running,
            "{existing} tasks, at most {}: {look}",
            bounds.max_running
        );
        assert!(
            healthy >= bounds.min_healthy,
            "{healthy} healthy tasks, at least {}: {look}",
            bounds.min_healthy
        );
    }
}

/// Checks that every task's states moved to the right only (T-01), and that no task was wanted again after it was to stop.
///
/// # Panics
/// With the task that went back.
pub fn moved_forward(looks: &[Look]) {
    let mut seen: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for sight in looks.iter().flat_map(|look| &look.tasks) {
        let now = (sight.last_status.as_str(), sight.desired_status.as_str());
        let before = seen
            .insert(&sight.task, now)
            .unwrap_or(("PROVISIONING", "RUNNING"));
        assert!(
            rank(before.0) <= rank(now.0),
            "task {} went from {} to {}",
            sight.task,
            before.0,
            now.0
        );
        assert!(
            before.1 == "RUNNING" || now.1 == "STOPPED",
            "task {} is wanted again after it was to stop",
            sight.task
        );
    }
}

/// A state's place in the order of T-01.
///
/// # Panics
/// When there is no such state.
pub fn rank(status: &str) -> usize {
    ORDER
        .iter()
        .position(|known| *known == status)
        .unwrap_or_else(|| panic!("{status} is no state of a task"))
}

/// The greatest number of tasks that were there at one instant.
pub fn most(looks: &[Look]) -> usize {
    looks.iter().map(Look::existing).max().unwrap_or(0)
}

/// The smallest number of healthy tasks at one instant.
pub fn fewest_healthy(looks: &[Look], healthy_after: TimeDelta) -> usize {
    looks
        .iter()
        .map(|look| look.healthy(healthy_after))
        .min()
        .unwrap_or(0)
}
