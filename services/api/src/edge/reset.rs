//! `POST /_berth/reset`: an empty Berth for the next test of somebody's suite.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};

use super::asked::Tongue;
use super::refused::refused;
use super::{Edge, json, log, request_id};
use crate::error::Code;
use crate::{Error, Result};

/// Everything of every account and region goes, containers are stopped. Only for the operator, over loopback, when it was allowed at
/// start. Hosts that are connected stay, as after a fresh start.
pub async fn reset(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    parts: Parts,
    body: Bytes,
) -> Response<Body> {
    let request_id = request_id();
    match edge.reset(peer, &parts, &body).await {
        Ok(()) => json::reply(&request_id, StatusCode::OK, b"{}".to_vec()),
        Err(error) => {
            log(&request_id, None, "reset", &error);
            json::refusal(&request_id, &error)
        }
    }
}

impl Edge {
    async fn reset(&self, peer: SocketAddr, parts: &Parts, body: &[u8]) -> Result<()> {
        let denied = |text: &str| Error::new(Code::with_status("AccessDeniedException", 403), text);
        if !self.api.config.allow_reset {
            return Err(denied("This server was not started with --allow-reset."));
        }
        if !peer.ip().is_loopback() {
            return Err(denied("Only clients on this machine may reset the server."));
        }
        let verified = self.verifier.verify(parts, body, self.api.clock.now()).await;
        let caller = verified.map_err(|error| refused(Tongue::Json, error))?;
        if caller.account != self.api.config.operator_account {
            return Err(denied("Only the operator's account may reset the server."));
        }
        let done = store::reset::reset(&self.api.db, self.api.clock.now()).await;
        done.map_err(|error| Error {
            message: "The reset was not completed. See the server's log.".to_owned(),
            ..Error::server(error)
        })
    }
}
