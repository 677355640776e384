//! Which servers live. A server renews its lease while it reaches the database; agents' sessions of one that does not are void.
//!
//! Leases are compared by the database's clock, the only one that all servers share.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Db, Result, Wake};

/// How often a server should renew its lease.
pub const RENEWAL: Duration = Duration::from_secs(2);
/// How long a lease lasts after its last renewal.
pub const LIFE: Duration = Duration::from_secs(10);

/// Takes or renews this server's lease.
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
