//! Who may open a websocket: a verified caller, for an instance of its own account (2.1).

use agent_protocol::{Refusal, RefusalKind};
use auth::AuthError;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Arn, ContainerInstanceId, InstanceStatus, Scope, TaskId};
use store::instances::{self, SessionTarget};

use crate::gateway::Shared;
use crate::payload::Host;

/// Longest frame that is read: TCS frames have up to 1 MiB.
const MAX_MESSAGE: usize = 2 * 1024 * 1024;
/// There may be thousands of sessions, each with little to say.
const READ_BUFFER: usize = 4 * 1024;

/// Why there is no session.
pub(crate) enum Denied {
    Refused(StatusCode, Refusal),
    /// The request is no websocket's.
    Other(Box<Response>),
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Denied::Refused(status, refusal) => (
                status,
                [(header::CONTENT_TYPE, "application/json")],
                refusal.encode(),
            )
                .into_response(),
            Denied::Other(response) => *response,
        }
    }
}

fn refused(kind: RefusalKind, message: impl Into<String>) -> Denied {
    let status = match kind {
        RefusalKind::ServerException => StatusCode::INTERNAL_SERVER_ERROR,
        RefusalKind::AccessDeniedException => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    Denied::Refused(status, Refusal::new(kind, message))
}

pub(crate) fn bad_request(message: impl Into<String>) -> Denied {
    refused(RefusalKind::BadRequestException, message)
}

/// Verifies the signature of the upgrade request.
pub(crate) async fn caller(shared: &Shared, parts: &Parts) -> Result<Scope, Denied> {
    match shared.verifier.verify(parts, b"", shared.now()).await {
        Ok(caller) => Ok(caller.scope()),
        Err(error @ AuthError::Keys(_)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an agent's signature could not be checked"
            );
            Err(refused(
                RefusalKind::ServerException,
                "The signature could not be checked.",
            ))
        }
        Err(error) => Err(refused(RefusalKind::AccessDeniedException, error.to_string())),
    }
}

/// The instance that the query names, if it is the caller's and may connect. `cluster` is a name or an ARN, as the agent was configured.
pub(crate) async fn target(
    shared: &Shared,
    scope: &Scope,
    cluster: &str,
    instance_arn: &str,
) -> Result<(SessionTarget, Host), Denied> {
    if shared.tasks.shutdown().is_requested() {
        return Err(refused(
            RefusalKind::ServerException,
            "This server is shutting down.",
        ));
    }
    let arn: Arn = instance_arn
        .parse()
        .map_err(|_| bad_request("The container instance is not named by its ARN."))?;
    if arn.kind() != "container-instance" || !arn.is_in(scope) {
        return Err(refused(
            RefusalKind::AccessDeniedException,
            "The container instance belongs to someone else.",
        ));
    }
    let unknown = || {
        refused(
            RefusalKind::InvalidInstanceException,
            "The container instance is not known.",
        )
    };
    let id: ContainerInstanceId = arn
        .path()
        .last()
        .and_then(|id| id.parse().ok())
        .ok_or_else(unknown)?;
    let found = instances::find_for_session(&shared.db, scope, id)
        .await
        .map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an agent's instance could not be looked up"
            );
            refused(
                RefusalKind::ServerException,
                "The container instance could not be looked up.",
            )
        })?;
    let found = found.ok_or_else(unknown)?;
    let name = cluster
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("default");
    if name != found.cluster_name {
        return Err(refused(
            RefusalKind::InvalidClusterException,
            "The container instance is in another cluster.",
        ));
    }
    if found.status == InstanceStatus::Inactive {
        return Err(refused(
            RefusalKind::InactiveInstanceException,
            "The container instance has been deregistered.",
        ));
    }
    let host = Host {
        scope: scope.clone(),
        cluster: found.cluster_name.clone(),
        instance: id,
    };
    Ok((found, host))
}

/// The upgrade itself, with limits that suit agents.
pub(crate) async fn websocket(parts: &mut Parts) -> Result<WebSocketUpgrade, Denied> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| Denied::Other(Box::new(rejection.into_response())))?;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE))
}

/// The id of a task that an agent names by its ARN.
pub(crate) fn task_id(arn: &str) -> Option<TaskId> {
    let arn: Arn = arn.parse().ok()?;
    arn.path().last()?.parse().ok()
}
