//! ACS: an agent's control session.

mod deliveries;
mod messages;
mod session;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use agent_protocol::AcsConnect;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use store::instances::{self, Session, SessionTarget};
use uuid::Uuid;

use crate::entry::{self, Denied};
use crate::gateway::Shared;
use crate::payload::Host;

/// `GET /agent/acs/ws`.
pub(crate) async fn upgrade(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Denied> {
    let (mut parts, _) = request.into_parts();
    let scope = entry::caller(&shared, &parts).await?;
    let query = parts.uri.query().unwrap_or_default();
    let connect = AcsConnect::from_query(query).map_err(|error| entry::bad_request(error.to_string()))?;
    let (target, host) = entry::target(
        &shared,
        &scope,
        &connect.cluster_arn,
        &connect.container_instance_arn,
    )
    .await?;
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let upgrade = entry::websocket(&mut parts).await?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let name = format!("agent-session {}", host.instance);
        let tasks = shared.tasks.clone();
        tasks.spawn_job(name, async move {
            shared.lease.held().await;
            let session = described(&shared, &target, &connect, peer);
            match instances::connect(&shared.db, &session, shared.now()).await {
                Ok(Some(numbers)) => {
                    let talk = session::run(shared.clone(), host.clone(), session.clone(), numbers, socket);
                    if let Err(panic) = kit::catching_panics(talk).await {
                        tracing::error!(instance = %host.instance, panic, "a session panicked");
                        shared.dispatcher.leave(session.instance, session.session);
                        mark_disconnected(&shared, &host, &session, shared.now()).await;
                    }
                }
                // Deregistered just now: the next attempt is told.
                Ok(None) => {}
                // The socket is dropped, and the agent comes back.
                Err(error) => tracing::warn!(%error, instance = %host.instance, "an agent could not be marked connected"),
            }
        });
    }))
}

/// The host's ports are reached where its agent says, else where the agent connects from.
fn described(shared: &Shared, target: &SessionTarget, connect: &AcsConnect, peer: Option<IpAddr>) -> Session {
    let given = target
        .host_address
        .as_deref()
        .and_then(|address| address.parse().ok());
    Session {
        cluster_id: target.cluster_id,
        instance: target.id,
        server: shared.server,
        session: Uuid::new_v4(),
        address: given.or(peer),
        agent_version: connect.agent_version.clone(),
        agent_hash: connect.agent_hash.clone(),
        docker_version: connect.docker_version.clone(),
    }
}

/// Marks the end of a session, as often as it takes: until it is done the instance counts as connected.
async fn mark_disconnected(
    shared: &Shared,
    host: &Host,
    session: &Session,
    last_heard: chrono::DateTime<chrono::Utc>,
) {
    while let Err(error) = instances::disconnect(&shared.db, session, last_heard).await {
        tracing::warn!(%error, instance = %host.instance, "an agent could not be marked disconnected");
        let pause = tokio::time::sleep(std::time::Duration::from_secs(1));
        if shared.tasks.shutdown().unless_requested(pause).await.is_none() {
            return;
        }
    }
}
