//! Who may open a websocket as a proxy: the root of the operator's account.

use std::sync::Arc;

use auth::{AuthError, Caller};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::gateway::Shared;
use crate::session;

/// Longest message that is read: the metrics of some minutes.
const MAX_MESSAGE: usize = 8 * 1024 * 1024;

/// Why a request is not carried out.
pub(crate) struct Denied(StatusCode, String);

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "message": self.1 });
        (self.0, axum::Json(body)).into_response()
    }
}

pub(crate) fn failed(error: &store::StoreError) -> Denied {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "load balancers could not be read"
    );
    Denied(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The load balancers could not be read.".to_owned(),
    )
}

/// Verifies the signature of a request without a body.
pub(crate) async fn caller(shared: &Shared, parts: &Parts) -> Result<Caller, Denied> {
    match shared.verifier.verify(parts, b"", shared.now()).await {
        Ok(caller) => Ok(caller),
        Err(error @ AuthError::Keys(_)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a proxy's signature could not be checked"
            );
            Err(Denied(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The signature could not be checked.".to_owned(),
            ))
        }
        Err(error) => Err(Denied(StatusCode::FORBIDDEN, error.to_string())),
    }
}

/// `GET /_berth/proxy`.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Response> {
    let (mut parts, _) = request.into_parts();
    let caller = caller(&shared, &parts)
        .await
        .map_err(IntoResponse::into_response)?;
    if caller.account != shared.settings.operator || caller.principal_arn != caller.scope().root_arn() {
        let text = "Only the operator's own key pair connects proxies.".to_owned();
        return Err(Denied(StatusCode::FORBIDDEN, text).into_response());
    }
    if shared.tasks.shutdown().is_requested() {
        let text = "This server is shutting down.".to_owned();
        return Err(Denied(StatusCode::SERVICE_UNAVAILABLE, text).into_response());
    }
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(IntoResponse::into_response)?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(async move |socket| {
        let tasks = shared.tasks.clone();
        tasks.spawn_job("proxy-session", async move { session::run(shared, socket).await });
    }))
}
