//! Agents' sessions: who is connected, through which server. The agent gateway owns these columns.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, InstanceStatus, Scope};
use sqlx::types::Json;
use uuid::Uuid;

use super::HealthRecord;
use crate::{Db, Result, Wake};

/// The attribute by which an agent gives the address of its host, if that is another one than it connects from.
pub const HOST_ADDRESS: &str = "ecs.host-address";

/// Numbers that a session reserves at a time.
const BLOCK: i64 = 1000;

/// The instance that a websocket is opened for.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionTarget {
    pub id: Uuid,
    pub cluster_id: i64,
    pub cluster_name: String,
    #[sqlx(try_from = "String")]
    pub status: InstanceStatus,
    /// Where its agent says that the host's ports are reached (attribute [`HOST_ADDRESS`]).
    pub host_address: Option<String>,
}

/// A session of an agent.
#[derive(Debug, Clone)]
pub struct Session {
    pub cluster_id: i64,
    pub instance: Uuid,
    pub server: Uuid,
    pub session: Uuid,
    /// Where the ports of the host's tasks are reached.
    pub address: Option<IpAddr>,
    /// Empty ones leave what is known.
    pub agent_version: String,
    pub agent_hash: String,
    pub docker_version: String,
}

/// The instance with this id in the caller's account and region.
pub async fn find_for_session(
    db: &Db,
    scope: &Scope,
    id: ContainerInstanceId,
) -> Result<Option<SessionTarget>> {
    let query = sqlx::query_as(
        "SELECT i.id, i.cluster_id, c.name AS cluster_name, i.status, i.attributes->>$4 AS host_address FROM container_instances i JOIN clusters c ON c.id = i.cluster_id \
         WHERE i.id = $1 AND c.account = $2 AND c.region = $3",
    );
    let (account, region) = (scope.account.as_str(), scope.region.as_str());
    Ok(query
        .bind(id.uuid())
        .bind(account)
        .bind(region)
        .bind(HOST_ADDRESS)
        .fetch_optional(db.pool())
        .await?)
}

/// Marks the instance connected through this session, which replaces any other. Gives the numbers that the session may use for
/// `seqNum` and `timeline`: greater than any before, also than those of an instance that an agent remembers and we do not, hence
/// counted from the time of day. `None` if the instance is not there any more. Services whose targets are reached elsewhere now are
/// woken.
pub async fn connect(db: &Db, session: &Session, now: DateTime<Utc>) -> Result<Option<std::ops::Range<i64>>> {
    let known: Option<(i64, bool)> = sqlx::query_as(
        "WITH before AS (SELECT address FROM container_instances WHERE id = $1 FOR NO KEY UPDATE) \
         UPDATE container_instances i SET agent_connected = true, session_server = $2, session_id = $3, connected_at = $4, \
             disconnected_at = NULL, agent_version = coalesce(nullif($5, ''), agent_version), \
             agent_hash = coalesce(nullif($6, ''), agent_hash), docker_version = coalesce(nullif($7, ''), docker_version), \
             last_seq_num = greatest(last_seq_num, $8) + $9, address = coalesce($10::inet, i.address), revision = revision + 1 \
         FROM before WHERE id = $1 AND status <> 'INACTIVE' \
         RETURNING last_seq_num, before.address IS NOT NULL AND before.address IS DISTINCT FROM i.address",
    )
    .bind(session.instance)
    .bind(session.server)
    .bind(session.session)
    .bind(now)
    .bind(&session.agent_version)
    .bind(&session.agent_hash)
    .bind(&session.docker_version)
    .bind(now.timestamp_millis())
    .bind(BLOCK)
    .bind(session.address.map(|address| address.to_string()))
    .fetch_optional(db.pool())
    .await?;
    let Some((last, moved)) = known else {
        return Ok(None);
    };
    db.wakes().send(Wake::Host(session.cluster_id, session.instance));
    crate::targets::follow_host(db, session.instance).await?;
    if moved {
        for service in services_with_targets(db, session.instance).await? {
            db.wakes().send(Wake::Service(service));
        }
    }
    Ok(Some(block(last)))
}

async fn services_with_targets(db: &Db, instance: Uuid) -> Result<Vec<i64>> {
    let query = sqlx::query_scalar(
        "SELECT DISTINCT t.service_id FROM tasks t JOIN targets g ON g.task_id = t.id \
         WHERE t.instance_id = $1 AND t.last_status <> 'STOPPED' AND t.service_id IS NOT NULL",
    );
    Ok(query.bind(instance).fetch_all(db.pool()).await?)
}

/// More numbers for a session that has used its own up. No placement depends on them, so `revision` stays.
pub async fn reserve_numbers(db: &Db, instance: Uuid) -> Result<std::ops::Range<i64>> {
    let query = sqlx::query_scalar(
        "UPDATE container_instances SET last_seq_num = last_seq_num + $2 WHERE id = $1 RETURNING last_seq_num",
    );
    Ok(block(
        query.bind(instance).bind(BLOCK).fetch_one(db.pool()).await?,
    ))
}

fn block(last: i64) -> std::ops::Range<i64> {
    last - BLOCK + 1..last + 1
}

/// Marks the instance disconnected since `last_heard`, unless another session has replaced this one. True if it did.
pub async fn disconnect(db: &Db, session: &Session, last_heard: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE container_instances SET agent_connected = false, session_server = NULL, session_id = NULL, disconnected_at = $3, \
             revision = revision + 1 WHERE id = $1 AND session_id = $2",
    )
    .bind(session.instance)
    .bind(session.session)
    .bind(last_heard)
    .execute(db.pool())
    .await?;
    if done.rows_affected() == 1 {
        db.wakes().send(Wake::Host(session.cluster_id, session.instance));
    }
    Ok(done.rows_affected() == 1)
}

/// Keeps what the agent says of its host's parts (I-12). `changed`: a status is another one than before, which is an event.
pub async fn report_health(db: &Db, instance: Uuid, health: &[HealthRecord], changed: bool) -> Result<()> {
    sqlx::query("UPDATE container_instances SET health = $2, revision = revision + $3 WHERE id = $1 AND status <> 'INACTIVE'")
        .bind(instance)
        .bind(Json(health))
        .bind(i64::from(changed))
        .execute(db.pool())
        .await?;
    Ok(())
}
