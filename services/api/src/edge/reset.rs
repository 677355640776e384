//! `POST /_berth/reset`: an empty Berth for the next test of somebody's suite.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};

use super::{Edge, json};

/// Everything of every account and region goes, containers are stopped. Only for the operator, over loopback, when it was allowed at
/// start. Hosts that are connected stay, as after a fresh start.
pub async fn reset(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    parts: Parts,
    body: Bytes,
) -> Response<Body> {
    let request_id = json::request_id();
    let refuse = |text: &str| {
        json::error(
            &request_id,
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            text,
            &[],
        )
    };
    if !edge.api.config.allow_reset {
        return refuse("This server was not started with --allow-reset.");
    }
    if !peer.ip().is_loopback() {
        return refuse("Only clients on this machine may reset the server.");
    }
    let caller = match edge.verifier.verify(&parts, &body, edge.api.clock.now()).await {
        Ok(caller) => caller,
        Err(error) => return json::auth_error(&request_id, &error),
    };
    if caller.account != edge.api.config.operator_account {
        return refuse("Only the operator's account may reset the server.");
    }
    match store::reset::reset(&edge.api.db, edge.api.clock.now()).await {
        Ok(()) => json::reply(&request_id, StatusCode::OK, b"{}".to_vec()),
        Err(error) => {
            tracing::error!(
                request_id,
                error = &error as &dyn std::error::Error,
                "reset failed"
            );
            let text = "The reset was not completed. See the server's log.";
            json::error(
                &request_id,
                StatusCode::INTERNAL_SERVER_ERROR,
                "ServerException",
                text,
                &[],
            )
        }
    }
}
