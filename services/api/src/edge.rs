//! The one address: signature, operation, answer (W-01, W-02, W-07, W-08).

mod asked;
pub mod json;
mod payload;
pub mod query;
mod refused;
mod reset;
mod service;

use std::sync::Arc;
use std::time::Duration;

use auth::{AuthError, Caller, Verifier};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use uuid::Uuid;

pub use payload::Payload;
pub use service::{Carried, Conventions, Service};
pub(crate) use service::{carry_out, operations};

use asked::{Call, Tongue};
use refused::refused;

use crate::error::Code;
use crate::{Api, Context, Error, Result};

/// Largest body that is read. The largest legal one (a task definition) is 64 KiB of text, which escapes can blow up.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Longest wait for a body, so that nobody holds connections by sending it ever so slowly.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// The services behind the address.
pub static SERVICES: [&Service; 4] = [
    &crate::acm::dispatch::SERVICE,
    &crate::ec2::dispatch::SERVICE,
    &crate::ecs::dispatch::SERVICE,
    &crate::elbv2::dispatch::SERVICE,
];

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
            .route("/", post(aws).get(by_get))
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

/// A GET with an `Action` is an operation of a Query service (W-03); anybody else is told where they are.
async fn by_get(edge: State<Edge>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    if asked::has_action(&parts) {
        return aws(edge, Request::from_parts(parts, body)).await;
    }
    let text =
        "This is Berth, a self-hosted Amazon ECS. Point an AWS client at this address: AWS_ENDPOINT_URL.\n";
    (StatusCode::OK, text).into_response()
}

async fn unknown_path(request: Request<Body>) -> Response {
    let code = Code::with_status("UnknownOperationException", 404);
    let error = Error::new(code, "There is nothing at this path.");
    let (parts, _) = request.into_parts();
    Tongue::of(&parts).refusal(&request_id(), &error)
}

async fn aws(State(edge): State<Edge>, request: Request<Body>) -> Response {
    let request_id = request_id();
    let (parts, body) = request.into_parts();
    let tongue = Tongue::of(&parts);
    match whole(body).await {
        Ok(body) => edge.answer(request_id, tongue, parts, body).await,
        Err(error) => tongue.refusal(&request_id, &error),
    }
}

/// The request's body, all of it.
async fn whole(body: Body) -> Result<Bytes> {
    let reading = tokio::time::timeout(BODY_PATIENCE, Limited::new(body, BODY_LIMIT).collect());
    match reading.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            let code = Code::with_status("RequestEntityTooLargeException", 413);
            let text = format!("The request body is larger than {BODY_LIMIT} bytes.");
            Err(Error::new(code, text))
        }
        Ok(Err(_)) | Err(_) => {
            let text = "The request body ended before it was complete.";
            Err(Error::new(Code::client("IncompleteBody"), text))
        }
    }
}

impl Edge {
    async fn answer(&self, request_id: String, tongue: Tongue, parts: Parts, body: Bytes) -> Response {
        let failed = |who: Option<&Caller>, operation: &str, error: Error| {
            log(&request_id, who, operation, &error);
            tongue.refusal(&request_id, &error)
        };
        let caller = match self.verifier.verify(&parts, &body, self.api.clock.now()).await {
            Ok(caller) => caller,
            Err(error) => return failed(None, "", refused(tongue, error)),
        };
        let call = match Call::read(&parts, body) {
            Ok(call) => call,
            Err(error) => return failed(Some(&caller), "", error),
        };
        let signing_name = call.service.model.signing_name;
        if caller.service != signing_name {
            let text = format!("Credential should be scoped to correct service: '{signing_name}'.");
            let error = refused(tongue, AuthError::InvalidSignature(text));
            return failed(Some(&caller), &call.operation, error);
        }
        let cx = Context {
            api: self.api.clone(),
            scope: caller.scope(),
            caller,
            request_id: request_id.clone(),
        };
        match (call.service.dispatch)(&cx, &call.operation, &call.payload).await {
            Ok(body) => tongue.reply(&request_id, body),
            Err(error) => failed(Some(&cx.caller), &call.operation, error),
        }
    }
}

/// Faults of ours are logged here, once, with all their causes.
fn log(request_id: &str, who: Option<&Caller>, operation: &str, error: &Error) {
    if let Some(source) = &error.source {
        let account = who.map(|caller| tracing::field::display(&caller.account));
        let source: &(dyn std::error::Error + 'static) = source.as_ref();
        tracing::error!(request_id, operation, account, error = source, "operation failed");
    }
}

/// A fresh request id.
fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// The HTTP status of an error.
fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn respond(request_id: &str, status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}
