//! The one address: signature, operation, answer (W-01, W-02, W-07, W-08).

pub mod json;
mod payload;
pub mod query;
mod reset;
mod service;

use std::sync::Arc;
use std::time::Duration;

use auth::Verifier;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};

pub use payload::Payload;
pub use service::{Carried, Conventions, Service};
pub(crate) use service::{carry_out, operations};

use crate::{Api, Context};

/// Largest body that is read. The largest legal one (a task definition) is 64 KiB of text, which escapes can blow up.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Longest wait for a body, so that nobody holds connections by sending it ever so slowly.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// The edge with its verifier. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    pub api: Api,
    pub verifier: Arc<Verifier>,
}

impl Edge {
    /// Routes of the AWS address. Agents' websockets are added beside them.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", post(aws).get(not_signed_here))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/_berth/reset", post(reset::reset))
            .fallback(unknown_path)
            .with_state(self)
    }
}

/// Ready when the database answers.
async fn ready(State(edge): State<Edge>) -> Response {
    match edge.api.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n").into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

async fn not_signed_here() -> Response {
    let text =
        "This is Berth, a self-hosted Amazon ECS. Point an AWS client at this address: AWS_ENDPOINT_URL.\n";
    (StatusCode::OK, text).into_response()
}

async fn unknown_path() -> Response {
    json::error(
        &json::request_id(),
        StatusCode::NOT_FOUND,
        "UnknownOperationException",
        "There is nothing at this path.",
        &[],
    )
}

async fn aws(State(edge): State<Edge>, request: Request<Body>) -> Response {
    let request_id = json::request_id();
    let (parts, body) = request.into_parts();
    let reading = tokio::time::timeout(BODY_PATIENCE, Limited::new(body, BODY_LIMIT).collect());
    let body = match reading.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            let text = format!("The request body is larger than {BODY_LIMIT} bytes.");
            return json::error(
                &request_id,
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                &text,
                &[],
            );
        }
        Ok(Err(_)) | Err(_) => {
            let text = "The request body ended before it was complete.";
            return json::error(&request_id, StatusCode::BAD_REQUEST, "IncompleteBody", text, &[]);
        }
    };
    edge.answer(request_id, parts, body).await
}

impl Edge {
    async fn answer(&self, request_id: String, parts: axum::http::request::Parts, body: Bytes) -> Response {
        let caller = match self.verifier.verify(&parts, &body, self.api.clock.now()).await {
            Ok(caller) => caller,
            Err(error) => return json::auth_error(&request_id, &error),
        };
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let found = target
            .split_once('.')
            .and_then(|(prefix, operation)| Some((service_of_target(prefix)?, operation)));
        let scope = caller.scope();
        let cx = Context {
            api: self.api.clone(),
            caller,
            scope,
            request_id,
        };
        let Some((service, operation)) = found else {
            return json::failure(&cx, target, &json::unknown_operation(target));
        };
        match (service.dispatch)(&cx, operation, &Payload::Json(body)).await {
            Ok(body) => json::reply(&cx.request_id, StatusCode::OK, body),
            Err(error) => json::failure(&cx, operation, &error),
        }
    }
}

/// The services behind the address.
pub static SERVICES: [&Service; 4] = [
    &crate::acm::dispatch::SERVICE,
    &crate::ec2::dispatch::SERVICE,
    &crate::ecs::dispatch::SERVICE,
    &crate::elbv2::dispatch::SERVICE,
];

fn service_of_target(prefix: &str) -> Option<&'static Service> {
    SERVICES
        .into_iter()
        .find(|service| service.model.target_prefix == Some(prefix))
}
