//! Services that sleep: after an idle time their desired count goes to 0, and the first request wakes them. Tags opt a service in.
//!
//! Proxies hold requests for a sleeping service's target group and say so; they also say when requests come while it is awake.

use chrono::{DateTime, Utc};
use domain::ServiceStatus;
use sqlx::AssertSqlSafe;

use crate::services::record::ServiceRow;
use crate::services::{COLUMNS, changes, events};
use crate::{Db, Result, Tx, Wake};

/// Seconds without a request after which the service sleeps: opts it in.
pub const AFTER_TAG: &str = "berth:scale-to-zero-after";
/// Requests that one proxy holds at a time; more get 503.
pub const HELD_TAG: &str = "berth:held-requests";
/// Longest hold in seconds; then 503.
pub const HOLD_TAG: &str = "berth:hold-seconds";

pub const HELD_DEFAULT: i32 = 100;
pub const HOLD_DEFAULT: i32 = 60;

/// Brings the sleepers in step with the tags: services that are no longer opted in are awake again.
pub async fn follow_tags(db: &Db, now: DateTime<Utc>) -> Result<()> {
    // With those to whom it is told, so that nobody sleeps of whom the proxies do not know.
    let mut tx = db.begin().await?;
    let changed: Vec<i64> = sqlx::query_scalar(
        "INSERT INTO sleepers AS z (service_id, idle_seconds, held_requests, hold_seconds, active_at) \
         SELECT s.id, a.value::int, coalesce(h.value::int, $4), coalesce(o.value::int, $5), $6 \
         FROM tags a JOIN clusters c ON c.account = a.account AND c.region = a.region AND c.status = 'ACTIVE' \
         JOIN services s ON s.cluster_id = c.id AND s.status = 'ACTIVE' AND s.scheduling_strategy = 'REPLICA' \
             AND a.arn = 'arn:aws:ecs:' || c.region || ':' || c.account || ':service/' || c.name || '/' || s.name \
         LEFT JOIN tags h ON (h.account, h.region, h.arn, h.key) = (a.account, a.region, a.arn, $2) \
         LEFT JOIN tags o ON (o.account, o.region, o.arn, o.key) = (a.account, a.region, a.arn, $3) \
         WHERE a.key = $1 AND a.key LIKE 'berth:%' AND NOT EXISTS (SELECT 1 FROM sleepers k WHERE k.service_id = s.id \
             AND (k.idle_seconds, k.held_requests, k.hold_seconds) = (a.value::int, coalesce(h.value::int, $4), coalesce(o.value::int, $5))) \
         ORDER BY s.id \
         ON CONFLICT (service_id) DO UPDATE SET idle_seconds = excluded.idle_seconds, held_requests = excluded.held_requests, \
             hold_seconds = excluded.hold_seconds RETURNING service_id",
    )
    .bind(AFTER_TAG)
    .bind(HELD_TAG)
    .bind(HOLD_TAG)
    .bind(HELD_DEFAULT)
    .bind(HOLD_DEFAULT)
    .bind(now)
    .fetch_all(&mut *tx)
    .await?;
    tell_proxies(&mut tx, &changed).await?;
    db.commit(tx, (!changed.is_empty()).then_some(Wake::Routes))
        .await?;
    let opted_out: Vec<i64> = sqlx::query_scalar(
        "SELECT z.service_id FROM sleepers z JOIN services s ON s.id = z.service_id JOIN clusters c ON c.id = s.cluster_id \
         WHERE s.status <> 'ACTIVE' OR NOT EXISTS (SELECT 1 FROM tags a WHERE a.account = c.account AND a.region = c.region AND a.key = $1 \
             AND a.key LIKE 'berth:%' \
             AND a.arn = 'arn:aws:ecs:' || c.region || ':' || c.account || ':service/' || c.name || '/' || s.name)",
    )
    .bind(AFTER_TAG)
    .fetch_all(db.pool())
    .await?;
    for service in &opted_out {
        let woken = wake(db, *service, now, "is not set to sleep any more").await;
        alone(*service, woken)?;
        let mut tx = db.begin().await?;
        sqlx::query("DELETE FROM sleepers WHERE service_id = $1")
            .bind(service)
            .execute(&mut *tx)
            .await?;
        tell_proxies(&mut tx, &[*service]).await?;
        db.commit(tx, [Wake::Routes]).await?;
    }
    Ok(())
}

/// Requests for these groups are held, or came lately: services behind them are awake from now on.
pub async fn active(db: &Db, target_groups: &[String], now: DateTime<Utc>) -> Result<()> {
    let asleep: Vec<(i64, bool)> = sqlx::query_as(
        "WITH asked AS (SELECT z.service_id FROM sleepers z \
             WHERE EXISTS (SELECT 1 FROM deployments d, jsonb_array_elements(d.spec->'load_balancers') b \
                 WHERE d.service_id = z.service_id AND d.status <> 'INACTIVE' AND b->>'targetGroupArn' = ANY($1)) \
             ORDER BY z.service_id FOR UPDATE) \
         UPDATE sleepers z SET active_at = greatest(z.active_at, $2) FROM asked WHERE z.service_id = asked.service_id \
         RETURNING z.service_id, z.awake_count IS NOT NULL",
    )
    .bind(target_groups)
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    for (service, _) in asleep.into_iter().filter(|(_, asleep)| *asleep) {
        alone(service, wake(db, service, now, "wakes up for a request").await)?;
    }
    Ok(())
}

/// Lets services sleep for which no request came for their idle time. None does while a proxy is away that may see requests, and the
/// time in which there was no server to hear of them counts for nothing.
pub async fn fall_asleep(db: &Db, now: DateTime<Utc>) -> Result<u64> {
    let idle: Vec<i64> = sqlx::query_scalar(
        "SELECT z.service_id FROM sleepers z JOIN services s ON s.id = z.service_id \
         WHERE z.awake_count IS NULL AND s.status = 'ACTIVE' AND s.settled AND s.desired_count > 0 \
         AND greatest(z.active_at, (SELECT min(started_at) FROM servers WHERE seen_at > now() - interval '10 seconds')) \
             + make_interval(secs => z.idle_seconds) <= $1 \
         AND NOT EXISTS (SELECT 1 FROM proxies WHERE seen_at BETWEEN now() - interval '1 hour' AND now() - interval '10 seconds')",
    )
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    let mut count = 0;
    for service in idle {
        count += u64::from(alone(service, sleep(db, service, now).await)?);
    }
    Ok(count)
}

/// A service that cannot be read keeps no other, of whatever account, from anything.
fn alone<T: Default>(service: i64, done: Result<T>) -> Result<T> {
    match done {
        Err(error) if error.is_unreadable() => {
            tracing::error!(service, %error, "a service that may sleep cannot be read");
            Ok(T::default())
        }
        done => done,
    }
}

async fn sleep(db: &Db, service: i64, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = db.begin().await?;
    let Some(mut row) = locked(&mut tx, service).await? else {
        return Ok(false);
    };
    let idle: Option<i32> = sqlx::query_scalar(
        "UPDATE sleepers SET awake_count = $2 WHERE service_id = $1 AND awake_count IS NULL \
         AND active_at + make_interval(secs => idle_seconds) <= $3 RETURNING idle_seconds",
    )
    .bind(service)
    .bind(row.desired_count)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(idle) = idle.filter(|_| row.desired_count > 0 && row.settled) else {
        return Ok(false);
    };
    row.desired_count = 0;
    changes::save(&mut tx, &mut row).await?;
    let told = format!(
        "(service {}) sleeps: no request came for {idle} seconds.",
        row.name
    );
    events::add(&mut tx, service, &[told], now).await?;
    db.commit(tx, [Wake::Service(service)]).await?;
    Ok(true)
}

/// Gives a sleeping service its desired count back, unless somebody has set one meanwhile.
async fn wake(db: &Db, service: i64, now: DateTime<Utc>, why: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    let Some(mut row) = locked(&mut tx, service).await? else {
        return Ok(());
    };
    let count: Option<i32> = sqlx::query_scalar(
        "UPDATE sleepers z SET awake_count = NULL, active_at = $2 FROM sleepers old \
         WHERE z.service_id = $1 AND old.service_id = $1 AND old.awake_count IS NOT NULL RETURNING old.awake_count",
    )
    .bind(service)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(count) = count else { return Ok(()) };
    if row.desired_count == 0 {
        row.desired_count = count;
        changes::save(&mut tx, &mut row).await?;
        let told = format!(
            "(service {}) {why}: its desired count is {count} again.",
            row.name
        );
        events::add(&mut tx, service, &[told], now).await?;
    }
    db.commit(tx, [Wake::Service(service)]).await
}

async fn locked(tx: &mut Tx, service: i64) -> Result<Option<ServiceRow>> {
    let sql = format!("SELECT {COLUMNS} FROM services WHERE id = $1 FOR NO KEY UPDATE");
    let row: Option<ServiceRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(service)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.filter(|row| row.status == ServiceStatus::Active))
}

/// How requests are held is part of what proxies run by.
async fn tell_proxies(tx: &mut Tx, services: &[i64]) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH held AS (SELECT arn FROM target_groups WHERE arn IN ( \
             SELECT b->>'targetGroupArn' FROM deployments d, jsonb_array_elements(d.spec->'load_balancers') b WHERE d.service_id = ANY($1)) \
             ORDER BY arn FOR NO KEY UPDATE) \
         UPDATE target_groups g SET revision = nextval('route_revisions') FROM held WHERE g.arn = held.arn",
    )
    .bind(services)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
