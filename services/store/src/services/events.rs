//! What happened to services, in the words that people and tools look for (S-11).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::record::EventRow;
use crate::{Db, Result, Tx};

/// How many events of a service are kept and shown.
pub const KEPT: i64 = 100;

/// Adds messages, the oldest first, and drops what is beyond the newest hundred. The caller holds the service's row.
pub async fn add(tx: &mut Tx, service_id: i64, messages: &[String], now: DateTime<Utc>) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = messages.iter().map(|_| Uuid::new_v4()).collect();
    sqlx::query(
        "INSERT INTO service_events (id, service_id, created_at, message) \
         SELECT e.id, $1, $2, e.message FROM unnest($3::uuid[], $4::text[]) WITH ORDINALITY AS e(id, message, place) ORDER BY e.place",
    )
    .bind(service_id)
    .bind(now)
    .bind(ids)
    .bind(messages)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "DELETE FROM service_events WHERE service_id = $1 AND ordinal <= \
         (SELECT ordinal FROM service_events WHERE service_id = $1 ORDER BY ordinal DESC OFFSET $2 LIMIT 1)",
    )
    .bind(service_id)
    .bind(KEPT)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The same was said after `since` (S-11).
pub(super) async fn was_said(
    tx: &mut Tx,
    service_id: i64,
    message: &str,
    since: DateTime<Utc>,
) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM service_events WHERE service_id = $1 AND message = $2 AND created_at > $3)",
    );
    Ok(query
        .bind(service_id)
        .bind(message)
        .bind(since)
        .fetch_one(&mut **tx)
        .await?)
}

/// The newest events of these services, newest first.
pub async fn latest(db: &Db, service_ids: &[i64]) -> Result<Vec<EventRow>> {
    let query = sqlx::query_as(
        "SELECT e.id, e.service_id, e.created_at, e.message FROM unnest($1::bigint[]) AS s(id), \
         LATERAL (SELECT * FROM service_events WHERE service_id = s.id ORDER BY ordinal DESC LIMIT $2) e \
         ORDER BY e.service_id, e.ordinal DESC",
    );
    Ok(query.bind(service_ids).bind(KEPT).fetch_all(db.pool()).await?)
}
