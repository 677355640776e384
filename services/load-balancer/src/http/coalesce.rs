//! Writes of an HTTP/2 connection, put together: what all streams have to say in one turn goes out at once.
//!
//! h2 flushes behind each larger frame, which would be a TLS record and a system call for each answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::Stream;

/// When so much waits, more is taken only after some has gone.
const FULL: usize = 64 * 1024;

/// A stream whose writes wait until [`Coalesced::poll_drain`]. Clones are the same stream: one for h2, one for who drives it.
#[derive(Clone)]
pub struct Coalesced {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    stream: Stream,
    output: BytesMut,
    /// Something was written, and TLS may still hold it back.
    must_flush: bool,
}

impl Coalesced {
    pub fn new(stream: Stream) -> Self {
        let output = BytesMut::new();
        Self {
            shared: Arc::new(Mutex::new(Shared {
                stream,
                output,
                must_flush: false,
            })),
        }
    }

    /// Writes all that waits.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().poll_drain(cx)
    }
}

impl Shared {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
            self.must_flush = true;
        }
        if self.must_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.must_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Coalesced {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.shared.lock().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Coalesced {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut shared = self.shared.lock();
        if shared.output.len() >= FULL {
            ready!(shared.poll_drain(cx))?;
        }
        shared.output.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    /// Nothing: whoever drives the connection drains it at the end of its turn.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut shared = self.shared.lock();
        ready!(shared.poll_drain(cx))?;
        Pin::new(&mut shared.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{RootCertStore, ServerConfig};
    use socket2::SockRef;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// Less than TLS takes at once, more than goes through the sockets.
    const LENGTH: usize = 60 * 1024;

    async fn connected() -> (Coalesced, tokio_rustls::client::TlsStream<TcpStream>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["web.test".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        SockRef::from(&listener).set_send_buffer_size(4096).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        SockRef::from(&near).set_recv_buffer_size(4096).unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let name = ServerName::try_from("web.test").unwrap();
        let (far, near) = tokio::join!(
            TlsAcceptor::from(Arc::new(server)).accept(far),
            TlsConnector::from(Arc::new(client)).connect(name, near),
        );
        (
            Coalesced::new(Stream::Client(Box::new(far.unwrap()))),
            near.unwrap(),
        )
    }

    #[tokio::test]
    async fn what_tls_holds_back_goes_out_when_there_is_room_again() {
        let (mut ours, mut theirs) = connected().await;
        let data = vec![b'x'; LENGTH];
        poll_fn(|cx| Pin::new(&mut ours).poll_write(cx, &data))
            .await
            .unwrap();
        let first = poll_fn(|cx| Poll::Ready(ours.poll_drain(cx))).await;
        assert!(first.is_pending() && ours.shared.lock().output.is_empty());
        let mut read = vec![0; LENGTH];
        let (drained, read) = tokio::join!(poll_fn(|cx| ours.poll_drain(cx)), async {
            let reading = theirs.read_exact(&mut read);
            tokio::time::timeout(std::time::Duration::from_secs(20), reading).await
        });
        drained.unwrap();
        read.expect("the rest comes").unwrap();
    }
}
