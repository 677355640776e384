//! Which servers live. A server renews its lease while it reaches the database; agents' sessions of one that does not are void.
//!
//! Leases are compared by the database's clock, the only one that all servers share.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Db, Result, Tx, Wake};

/// How often a server should renew its lease.
pub const RENEWAL: Duration = Duration::from_secs(2);
/// How long a lease lasts after its last renewal.
pub const LIFE: Duration = Duration::from_secs(10);
/// Agents that find no server pause between their attempts for up to this part of the time for which they have tried, …
const PAUSE_PART: f64 = 0.7;
/// … but never longer than this (2.1 of the agent protocol; ours are more eager).
const LONGEST_PAUSE: Duration = Duration::from_secs(150);
/// A server that goes marks its agents disconnected within this time.
const GOODBYES: Duration = Duration::from_secs(5);

/// Takes the first lease of a server that has started.
///
/// If there was no server for longer than a lease lasts, agents had no place to be and may be in a long pause now. Those that were there
/// when the last server went count as heard until their pause must be over, so that nobody takes their hosts for lost. Gives how many
/// these are.
pub async fn begin(db: &Db, server: Uuid, now: DateTime<Utc>) -> Result<u64> {
    let mut tx = db.begin().await?;
    // Of several servers that start together, only the first finds nobody.
    sqlx::query("LOCK TABLE servers IN EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await?;
    let last: Option<DateTime<Utc>> = sqlx::query_scalar(
        "SELECT greatest((SELECT $1 - (now() - max(seen_at)) FROM servers), \
             (SELECT max(disconnected_at) FROM container_instances WHERE disconnected_at <= $1))",
    )
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    let awaited = match last {
        Some(last) => await_agents(&mut tx, last, now).await?,
        None => 0,
    };
    sqlx::query(
        "INSERT INTO servers (id, started_at, seen_at) VALUES ($1, now(), now()) \
         ON CONFLICT (id) DO UPDATE SET seen_at = now()",
    )
    .bind(server)
    .execute(&mut *tx)
    .await?;
    db.commit(tx, []).await?;
    Ok(awaited)
}

/// There was no server since `last`.
async fn await_agents(tx: &mut Tx, last: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
    let away = (now - last).to_std().unwrap_or_default();
    if away <= LIFE {
        return Ok(0);
    }
    let done = sqlx::query(
        "UPDATE container_instances SET agent_connected = false, session_server = NULL, session_id = NULL, disconnected_at = $1, \
             revision = revision + 1 WHERE status <> 'INACTIVE' AND (agent_connected OR disconnected_at >= $2)",
    )
    .bind(now + away.mul_f64(PAUSE_PART).min(LONGEST_PAUSE))
    .bind(last - GOODBYES)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Renews this server's lease, or takes it again.
pub async fn renew(db: &Db, server: Uuid) -> Result<()> {
    sqlx::query(
        "INSERT INTO servers (id, started_at, seen_at) VALUES ($1, now(), now()) \
         ON CONFLICT (id) DO UPDATE SET seen_at = now()",
    )
    .bind(server)
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Ends the leases that were not renewed, and marks the instances disconnected whose sessions hung on a server without a lease.
/// They count as silent from now on, so that their agents have time to find another server. Gives how many.
pub async fn expire(db: &Db, now: DateTime<Utc>) -> Result<usize> {
    sqlx::query("DELETE FROM servers WHERE seen_at < now() - make_interval(secs => $1)")
        .bind(LIFE.as_secs_f64())
        .execute(db.pool())
        .await?;
    let freed: Vec<(i64, Uuid)> = sqlx::query_as(
        "WITH void AS (SELECT id FROM container_instances \
             WHERE agent_connected AND NOT EXISTS (SELECT 1 FROM servers s WHERE s.id = session_server) ORDER BY id FOR UPDATE) \
         UPDATE container_instances i SET agent_connected = false, session_server = NULL, session_id = NULL, disconnected_at = $1, \
             revision = revision + 1 FROM void WHERE i.id = void.id AND i.agent_connected \
             AND NOT EXISTS (SELECT 1 FROM servers s WHERE s.id = i.session_server) RETURNING i.cluster_id, i.id",
    )
    .bind(now)
    .fetch_all(db.pool())
    .await?;
    for (cluster, instance) in &freed {
        db.wakes().send(Wake::Host(*cluster, *instance));
    }
    Ok(freed.len())
}

/// This server goes: gives its lease back and marks the instances of its sessions disconnected.
pub async fn leave(db: &Db, server: Uuid, now: DateTime<Utc>) -> Result<usize> {
    sqlx::query("DELETE FROM servers WHERE id = $1")
        .bind(server)
        .execute(db.pool())
        .await?;
    expire(db, now).await
}
