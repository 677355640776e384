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
}

impl Coalesced {
    pub fn new(stream: Stream) -> Self {
        let output = BytesMut::new();
        Self {
            shared: Arc::new(Mutex::new(Shared { stream, output })),
        }
    }

    /// Writes all that waits.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().poll_drain(cx)
    }
}

impl Shared {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
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
