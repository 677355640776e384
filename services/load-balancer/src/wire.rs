//! A connection with what was read from it and not yet understood, and what is still to be written to it.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection of a client or to a target, with or without TLS.
#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    Client(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    Target(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Read at most so much at once.
const SCRATCH: usize = 64 * 1024;
/// Data up to this size is copied behind what waits already, instead of being written from where it stands.
const COPIED: usize = 16 * 1024;

thread_local! {
    /// Where a worker reads to: connections own memory only for what they have not dealt with yet.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// A connection with its buffers.
#[derive(Debug)]
pub struct Wire {
    pub stream: Stream,
    pub input: BytesMut,
    output: BytesMut,
    /// Goes out after `output`.
    queue: Bytes,
    /// The peer has ended its half.
    pub ended: bool,
    pub received: u64,
    pub sent: u64,
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            queue: Bytes::new(),
            ended: false,
            received: 0,
            sent: 0,
        }
    }

    /// Reads more; 0: the peer has ended.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        READ.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            self.ended = read.is_empty();
            self.received += read.len() as u64;
            self.input.extend_from_slice(read);
            Poll::Ready(Ok(read.len()))
        })
    }

    pub async fn fill(&mut self) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Where to write the next octets.
    pub fn output(&mut self) -> &mut BytesMut {
        if !self.queue.is_empty() {
            let queue = std::mem::take(&mut self.queue);
            self.output.extend_from_slice(&queue);
        }
        &mut self.output
    }

    /// Writes `data` next, without copying if it is large.
    pub fn write(&mut self, data: Bytes) {
        if data.len() <= COPIED || !self.queue.is_empty() {
            self.output().extend_from_slice(&data);
        } else {
            self.queue = data;
        }
    }

    /// Octets that wait to be written.
    pub fn pending(&self) -> usize {
        self.output.len() + self.queue.len()
    }

    /// Ready when little enough waits that more may be added.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pending() < COPIED {
            return Poll::Ready(Ok(()));
        }
        self.poll_drain(cx)
    }

    /// Writes all that waits.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.pending() > 0 {
            let stream = Pin::new(&mut self.stream);
            let written = if self.queue.is_empty() {
                ready!(stream.poll_write(cx, &self.output))?
            } else if self.output.is_empty() {
                ready!(stream.poll_write(cx, &self.queue))?
            } else {
                let slices = [IoSlice::new(&self.output), IoSlice::new(&self.queue)];
                ready!(stream.poll_write_vectored(cx, &slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written as u64;
            let first = written.min(self.output.len());
            self.output.advance(first);
            self.queue.advance(written - first);
        }
        // A TLS session may hold back what it was given.
        match &mut self.stream {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            stream => Pin::new(stream).poll_flush(cx),
        }
    }

    pub async fn drain(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_drain(cx)).await
    }

    /// Gives back the memory of empty buffers, before a long wait.
    pub fn shrink(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.output.is_empty() {
            self.output = BytesMut::new();
        }
    }

    /// Whether an idle connection can still be used: its peer has neither ended it nor said anything.
    pub fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        self.input.is_empty() && self.poll_fill(cx).is_pending()
    }

    /// Ends our half of the connection.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    pub async fn shutdown(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_shutdown(cx)).await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
            Self::Target(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_write(cx, data),
            Self::Target(stream) => Pin::new(stream.as_mut()).poll_write(cx, data),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, data),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, data),
            Self::Target(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, data),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Target(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Target(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
