//! The one address, asked as clients of AWS ask: signed requests in, whole answers out.

#![allow(clippy::unwrap_used)]

mod malformed;
mod protocols;

use std::sync::Arc;

use api::edge::{Edge, SERVICES, Service};
use async_trait::async_trait;
use auth::{Credentials, KeyRecord, KeyStatus, Keys, KeysError, Secret, Signer, Verifier, VerifierSettings};
use aws_model::query;
use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use kit::Clock;
use serde_json::Value;
use test_support::TestApi;
use tower::ServiceExt;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The one key that there is.
struct OneKey(Arc<KeyRecord>);

#[async_trait]
impl Keys for OneKey {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<KeyRecord>>, KeysError> {
        Ok((access_key_id == self.0.access_key_id).then(|| self.0.clone()))
    }
}

/// A server behind its routes.
struct Server {
    api: TestApi,
    router: Router,
}

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of the first element of this name; nothing when there is none.
    fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    }

    /// Status, code and text of an error in XML.
    fn error(&self) -> (u16, &str, &str) {
        let (code, message) = (self.element("Code"), self.element("Message"));
        (
            self.status.as_u16(),
            code.unwrap_or_default(),
            message.unwrap_or_default(),
        )
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Server {
    async fn start() -> Self {
        let api = TestApi::new().await;
        let key = KeyRecord {
            access_key_id: KEY.to_owned(),
            account: api.scope().account.clone(),
            principal_arn: api.principal_arn().to_owned(),
            user_id: api.scope().account.to_string(),
            secret: Secret::new(SECRET),
            status: KeyStatus::Active,
            session_token: None,
            expires_at: None,
        };
        let verifier = Verifier::new(Arc::new(OneKey(Arc::new(key))), VerifierSettings::default());
        let edge = Edge {
            api: api.api().clone(),
            verifier: Arc::new(verifier),
        };
        Self {
            api,
            router: edge.router(),
        }
    }

    /// Sends a request as it is.
    async fn send(&self, parts: Parts, body: Vec<u8>) -> Answer {
        let request = Request::from_parts(parts, Body::from(body));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Sends a request signed for a service.
    async fn signed(&self, mut parts: Parts, body: Vec<u8>, service: &str) -> Answer {
        let credentials = Credentials {
            access_key_id: KEY.to_owned(),
            secret: Secret::new(SECRET),
            session_token: None,
        };
        let signer = Signer::new(credentials, "us-east-1", service);
        signer.sign(&mut parts, &body, self.api.clock().now()).unwrap();
        self.send(parts, body).await
    }

    /// Sends a form to the service.
    async fn form(&self, service: &Service, form: impl Into<Vec<u8>>) -> Answer {
        self.signed(form_parts(), form.into(), service.model.signing_name)
            .await
    }

    /// Sends the operation's request as clients of its Query service do.
    async fn query(&self, service: &Service, operation: &str, input: &Value) -> Answer {
        let known = service.operations.iter().find(|known| known.name == operation);
        let form = query::request(service.model, known.unwrap(), input);
        self.form(service, form.to_string()).await
    }

    /// Sends a JSON body to what the target names.
    async fn json(&self, service: &str, target: &str, body: &str) -> Answer {
        let request = Request::post("http://localhost/")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target);
        self.signed(parts(request), body.into(), service).await
    }
}

fn form_parts() -> Parts {
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    let request = Request::post("http://localhost/")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, content_type);
    parts(request)
}

fn parts(request: axum::http::request::Builder) -> Parts {
    request.body(()).unwrap().into_parts().0
}

/// The service whose module has this name.
fn service(signing_name: &str) -> &'static Service {
    let named = |service: &&Service| service.model.signing_name == signing_name;
    SERVICES.into_iter().find(named).unwrap()
}
