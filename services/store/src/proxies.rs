//! Proxies that are connected, and what they report: how listeners stand, the health of targets, and counts.
//!
//! A proxy counts as live while the server that holds its session renews its row; that is compared by the database's clock.

mod health;
mod metrics;

use std::time::Duration;

use chrono::{DateTime, Utc};
use routing::message::ListenerStatus;
use uuid::Uuid;

use crate::{Db, Result, Wake};

pub use health::{begin_checks, report_health};
pub use metrics::count_metrics;

/// How often a server renews the rows of its sessions.
pub const RENEWAL: Duration = Duration::from_secs(2);
/// How long a proxy counts as live after the last renewal.
pub const LIFE: Duration = Duration::from_secs(10);
/// Rows of proxies that nobody renewed for this long are removed. Far longer than any outage of the database, after which servers find
/// their sessions' rows as they were.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// A session of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySession {
    pub name: String,
    /// Of the process.
    pub boot: String,
    pub version: String,
    pub metrics_address: Option<String>,
    /// Names or ARNs of the balancers that it serves; empty: all.
    pub balancers: Vec<String>,
    pub server: Uuid,
    pub session: Uuid,
}

/// A proxy that is connected somewhere.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LiveProxy {
    pub name: String,
    pub version: String,
    pub metrics_address: Option<String>,
    pub balancers: Vec<String>,
    pub session_id: Uuid,
    pub connected_at: DateTime<Utc>,
}

/// The proxy is connected through this session, which replaces any other of its name.
pub async fn connect(db: &Db, session: &ProxySession, now: DateTime<Utc>) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO proxies (name, boot, version, metrics_address, balancers, session_server, session_id, connected_at, seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now()) ON CONFLICT (name) DO UPDATE SET boot = excluded.boot, \
         version = excluded.version, metrics_address = excluded.metrics_address, balancers = excluded.balancers, \
         session_server = excluded.session_server, session_id = excluded.session_id, connected_at = excluded.connected_at, seen_at = now()",
    )
    .bind(&session.name)
    .bind(&session.boot)
    .bind(&session.version)
    .bind(&session.metrics_address)
    .bind(&session.balancers)
    .bind(session.server)
    .bind(session.session)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    // It tells anew how its listeners stand.
    sqlx::query("DELETE FROM listener_statuses WHERE proxy = $1")
        .bind(&session.name)
        .execute(&mut *tx)
        .await?;
    db.commit(tx, [Wake::Routes]).await
}

/// What became of a session that is not in force any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Another session of the same name has replaced it, through another server.
    Replaced,
    /// Nobody has: the database was restored from a backup and does not know it. The proxy has to connect again.
    Forgotten,
}

/// Renews these sessions, each with its proxy's name. Gives those that are not in force any more.
/// Also forgets proxies that nobody has heard of for long.
pub async fn renew(db: &Db, sessions: &[(String, Uuid)]) -> Result<Vec<(Uuid, Lost)>> {
    let (names, ids): (Vec<&str>, Vec<Uuid>) = sessions.iter().map(|(name, id)| (name.as_str(), *id)).unzip();
    let lost: Vec<(Uuid, bool)> = sqlx::query_as(
        "WITH mine AS (SELECT * FROM unnest($1::text[], $2::uuid[]) AS m(name, session_id)), \
         held AS (SELECT name FROM proxies WHERE session_id = ANY($2) ORDER BY name FOR UPDATE), \
         renewed AS (UPDATE proxies p SET seen_at = now() FROM held WHERE p.name = held.name AND p.session_id = ANY($2) RETURNING p.session_id) \
         SELECT m.session_id, EXISTS (SELECT 1 FROM proxies p WHERE p.name = m.name \
             AND p.seen_at > now() - make_interval(secs => $3)) FROM mine m \
         WHERE NOT EXISTS (SELECT 1 FROM renewed r WHERE r.session_id = m.session_id)",
    )
    .bind(names)
    .bind(ids)
    .bind(LIFE.as_secs_f64())
    .fetch_all(db.pool())
    .await?;
    sqlx::query("DELETE FROM proxies WHERE seen_at < now() - make_interval(secs => $1)")
        .bind(FORGOTTEN.as_secs_f64())
        .execute(db.pool())
        .await?;
    let told = |is_there| if is_there { Lost::Replaced } else { Lost::Forgotten };
    Ok(lost
        .into_iter()
        .map(|(id, is_there)| (id, told(is_there)))
        .collect())
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// The proxy said goodbye: it serves nobody any more.
    Goodbye,
    /// The connection broke, or its server goes: the proxy may serve on with what it has.
    CutOff,
}

/// The session is over. True unless another one has replaced it. A proxy that is cut off counts as away: its row stays without a session.
pub async fn disconnect(db: &Db, session: Uuid, parting: Parting) -> Result<bool> {
    let query = match parting {
        Parting::Goodbye => sqlx::query("DELETE FROM proxies WHERE session_id = $1").bind(session),
        // Nobody who still holds the session can renew it.
        Parting::CutOff => sqlx::query(
            "UPDATE proxies SET seen_at = now() - make_interval(secs => $2), session_id = gen_random_uuid() WHERE session_id = $1",
        )
        .bind(session)
        .bind(LIFE.as_secs_f64()),
    };
    let done = query.execute(db.pool()).await?;
    let was_there = done.rows_affected() > 0;
    if was_there {
        db.wakes().send(Wake::Routes);
    }
    Ok(was_there)
}

/// All proxies that are connected, by name. The sessions that the caller holds itself live whatever their rows say: nobody could renew
/// them while the database was away.
pub async fn live(db: &Db, held: &[Uuid]) -> Result<Vec<LiveProxy>> {
    let query = sqlx::query_as(
        "SELECT name, version, metrics_address, balancers, session_id, connected_at FROM proxies \
         WHERE seen_at > now() - make_interval(secs => $1) OR session_id = ANY($2) ORDER BY name",
    );
    Ok(query
        .bind(LIFE.as_secs_f64())
        .bind(held)
        .fetch_all(db.pool())
        .await?)
}

/// A balancer's revision is in force on a proxy: this is how its listeners stand there. Listeners that are not named do not stand there
/// any more, and of one that is being deleted nothing is written. The last word of a session counts, also when the revision went back
/// with the database. Nothing happens if another session has replaced this one.
pub async fn applied(
    db: &Db,
    session: Uuid,
    balancer: &str,
    revision: i64,
    listeners: &[ListenerStatus],
) -> Result<()> {
    let arns: Vec<&str> = listeners.iter().map(|status| status.listener.as_str()).collect();
    let addresses: Vec<String> = listeners
        .iter()
        .map(|status| {
            let addresses: Vec<String> = status.addresses.iter().map(ToString::to_string).collect();
            addresses.join(" ")
        })
        .collect();
    let failures: Vec<Option<&str>> = listeners.iter().map(|status| status.failure.as_deref()).collect();
    sqlx::query(
        "WITH proxy AS (SELECT name FROM proxies WHERE session_id = $1 FOR KEY SHARE), \
         gone AS (DELETE FROM listener_statuses s USING listeners l, proxy WHERE s.proxy = proxy.name AND l.arn = s.listener_arn \
             AND l.load_balancer_arn = $2 AND s.listener_arn <> ALL($4)) \
         INSERT INTO listener_statuses (listener_arn, proxy, revision, addresses, failure) \
         SELECT l.arn, proxy.name, $3, array_remove(string_to_array(g.addresses, ' '), ''), g.failure \
         FROM unnest($4::text[], $5::text[], $6::text[]) AS g(listener, addresses, failure) \
         JOIN listeners l ON l.arn = g.listener AND l.load_balancer_arn = $2 CROSS JOIN proxy FOR KEY SHARE OF l \
         ON CONFLICT (listener_arn, proxy) DO UPDATE SET revision = excluded.revision, addresses = excluded.addresses, \
             failure = excluded.failure",
    )
    .bind(session)
    .bind(balancer)
    .bind(revision)
    .bind(&arns)
    .bind(&addresses)
    .bind(&failures)
    .execute(db.pool())
    .await?;
    Ok(())
}
