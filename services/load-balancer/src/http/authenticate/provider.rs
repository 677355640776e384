//! Requests to identity providers, over HTTP or HTTPS trusted as the host trusts: bounded in time, size and number, redirects not followed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(10);
/// Requests to all providers at one time; more wait as part of their patience.
const AT_ONCE: usize = 256;
/// Octets of an answer, as ALB bounds key sets.
const LONGEST: usize = 150 * 1024;

/// Why a provider said nothing that can be used.
#[derive(Debug, Error)]
pub enum ProviderError {
    #[error("the endpoint is no http:// or https:// address")]
    Address,
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("the exchange broke off, or the answer is too long: {0}")]
    Broken(String),
    #[error("it answers with status {0}")]
    Refused(u16),
    #[error("its answer is not what was asked for: {0}")]
    Unusable(&'static str),
}

pub struct Reply {
    pub status: u16,
    pub body: Bytes,
}

/// What is asked of an endpoint.
pub enum Ask<'a> {
    Get {
        bearer: Option<&'a str>,
    },
    Form {
        /// User and password, encoded for HTTP Basic.
        basic: Option<&'a str>,
        body: String,
    },
}

/// The client of all providers.
pub struct Providers {
    tls: OnceCell<TlsConnector>,
    open: Semaphore,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            tls: OnceCell::new(),
            open: Semaphore::new(AT_ONCE),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Providers {
    /// The answer, whatever its status.
    pub async fn ask(&self, endpoint: &str, ask: Ask<'_>) -> Result<Reply, ProviderError> {
        let exchange = async {
            let _permit = self.open.acquire().await;
            self.exchange(endpoint, ask).await
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| ProviderError::TimedOut)?
    }

    async fn exchange(&self, endpoint: &str, ask: Ask<'_>) -> Result<Reply, ProviderError> {
        let uri: Uri = endpoint.parse().map_err(|_| ProviderError::Address)?;
        let request = request(&uri, ask)?;
        let stream = TokioIo::new(self.connect(&uri).await?);
        let broken = |error: hyper::Error| ProviderError::Broken(error.to_string());
        let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| ProviderError::Broken(error.to_string()))?;
            Ok(Reply {
                status,
                body: body.to_bytes(),
            })
        };
        let drive = async {
            // What ends the connection shows on the answer.
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            () = drive => Err(ProviderError::TimedOut),
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<Box<dyn Stream>, ProviderError> {
        let (tls, default_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(ProviderError::Address),
        };
        let authority = uri.authority().ok_or(ProviderError::Address)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(default_port))).await?;
        stream.set_nodelay(true)?;
        if !tls {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ProviderError::Address)?;
        let connector = self.tls.get_or_try_init(trusting).await?;
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

fn request(uri: &Uri, ask: Ask<'_>) -> Result<Request<Full<Bytes>>, ProviderError> {
    let authority = uri.authority().ok_or(ProviderError::Address)?;
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::builder()
        .uri(target)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close");
    let request = match ask {
        Ask::Get { bearer } => {
            let request = match bearer {
                Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
                None => request,
            };
            request.body(Full::default())
        }
        Ask::Form { basic, body } => {
            let request = match basic {
                Some(credentials) => request.header(header::AUTHORIZATION, format!("Basic {credentials}")),
                None => request,
            };
            request
                .method(http::Method::POST)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::from(body))
        }
    };
    request.map_err(|_| ProviderError::Unusable("it cannot be put into a request"))
}

/// Trusts the authorities that the host trusts. They are read once, away from the workers.
async fn trusting() -> Result<TlsConnector, ProviderError> {
    let read = tokio::task::spawn_blocking(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    let roots = read.await.map_err(std::io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
