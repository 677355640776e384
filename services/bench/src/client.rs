//! A signing client that costs little, so that it measures the server and not itself.

use anyhow::{Context as _, bail};
use auth::{Credentials, KeyPair, Signer};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Calls ECS operations over kept-alive connections. Clones share them.
#[derive(Clone)]
pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    url: String,
    signer: Signer,
    balancing: Signer,
    networks: Signer,
    certificates: Signer,
}

impl Client {
    pub fn new(url: impl Into<String>, pair: &KeyPair) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = HyperClient::builder(TokioExecutor::new())
            .pool_max_idle_per_host(256)
            .build(connector);
        Self {
            http,
            url: url.into(),
            signer: Signer::new(Credentials::from(pair.clone()), "us-east-1", "ecs"),
            balancing: Signer::new(
                Credentials::from(pair.clone()),
                "us-east-1",
                "elasticloadbalancing",
            ),
            networks: Signer::new(Credentials::from(pair.clone()), "us-east-1", "ec2"),
            certificates: Signer::new(Credentials::from(pair.clone()), "us-east-1", "acm"),
        }
    }

    /// Calls an operation with a JSON body; gives the body of the reply.
    ///
    /// # Errors
    /// When the server does not answer 200.
    pub async fn raw(&self, operation: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.url))
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "x-amz-target",
                format!("AmazonEC2ContainerServiceV20141113.{operation}"),
            )
            .body(())?;
        self.send(&self.signer, operation, request, body).await
    }

    /// Calls an operation of ELBv2 with these parameters; gives the XML of the reply.
    ///
    /// # Errors
    /// When the server does not answer 200.
    pub async fn elbv2(&self, action: &str, parameters: &[(&str, &str)]) -> anyhow::Result<String> {
        self.query(&self.balancing, "2015-12-01", action, parameters)
            .await
    }

    /// The same of EC2.
    pub async fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> anyhow::Result<String> {
        self.query(&self.networks, "2016-11-15", action, parameters).await
    }

    async fn query(
        &self,
        signer: &Signer,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            form.push_str(&format!("&{name}={value}"));
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.url))
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(())?;
        let reply = self.send(signer, action, request, Bytes::from(form)).await?;
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    /// ACM's operations are JSON.
    ///
    /// # Errors
    /// When the server does not answer 200.
    pub async fn acm(&self, operation: &str, body: Value) -> anyhow::Result<Value> {
        let body = Bytes::from(body.to_string());
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.url))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("CertificateManager.{operation}"))
            .body(())?;
        let reply = self.send(&self.certificates, operation, request, body).await?;
        Ok(serde_json::from_slice(&reply)?)
    }

    async fn send(
        &self,
        signer: &Signer,
        operation: &str,
        request: Request<()>,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let (mut parts, ()) = request.into_parts();
        signer.sign(&mut parts, &body, chrono::Utc::now())?;
        let reply = self
            .http
            .request(Request::from_parts(parts, Full::new(body)))
            .await
            .context(operation.to_owned())?;
        let status = reply.status();
        let body = reply.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{operation}: {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    /// The same with JSON on both sides.
    pub async fn call(&self, operation: &str, body: Value) -> anyhow::Result<Value> {
        let reply = self.raw(operation, Bytes::from(body.to_string())).await?;
        Ok(serde_json::from_slice(&reply)?)
    }
}
