//! Carries bytes between two connections until both have said all they had to.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::idle::Idle;

/// Read at most so much at once.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    /// Where a worker reads to: an idle flow owns no memory for data.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// How a flow came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Both sides ended their halves.
    Finished,
    /// The client broke off.
    ClientReset,
    /// The target broke off.
    TargetReset,
    /// Nothing came for the idle timeout.
    Idle,
    /// Its target drained to the end or turned unhealthy.
    Terminated,
    /// There was no target to connect to.
    NoTarget,
    /// The client's TLS handshake failed.
    HandshakeFailed,
}

/// Both directions of a flow.
pub(super) struct Relay {
    to_target: Direction,
    to_client: Direction,
    idle_time: Duration,
    idle: Idle,
    last_progress: Instant,
}

/// One direction.
#[derive(Default)]
struct Direction {
    /// Read, but not taken yet by the other side.
    pending: BytesMut,
    must_flush: bool,
    has_ended: bool,
    is_done: bool,
    bytes: u64,
}

/// Which of a direction's two connections failed.
enum Broken {
    Reader,
    Writer,
}

impl Relay {
    pub fn new(idle_time: Duration) -> Self {
        Self {
            to_target: Direction::default(),
            to_client: Direction::default(),
            idle_time,
            idle: Idle::new(),
            last_progress: Instant::now(),
        }
    }

    /// Bytes of the client that the target has taken.
    pub fn received(&self) -> u64 {
        self.to_target.bytes
    }

    /// Bytes of the target that the client has taken.
    pub fn sent(&self) -> u64 {
        self.to_client.bytes
    }

    /// Carries until the end. The end of one half is passed on while the other goes on.
    pub async fn run<C, T>(&mut self, client: &mut C, target: &mut T) -> End
    where
        C: AsyncRead + AsyncWrite + Unpin,
        T: AsyncRead + AsyncWrite + Unpin,
    {
        std::future::poll_fn(|cx| self.poll(cx, client, target)).await
    }

    fn poll<C, T>(&mut self, cx: &mut Context<'_>, client: &mut C, target: &mut T) -> Poll<End>
    where
        C: AsyncRead + AsyncWrite + Unpin,
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let before = self.to_target.bytes + self.to_client.bytes;
        let up = self.to_target.poll(cx, client, target);
        let down = self.to_client.poll(cx, target, client);
        match (up, down) {
            (Poll::Ready(Err(Broken::Reader)), _) | (_, Poll::Ready(Err(Broken::Writer))) => {
                return Poll::Ready(End::ClientReset);
            }
            (Poll::Ready(Err(Broken::Writer)), _) | (_, Poll::Ready(Err(Broken::Reader))) => {
                return Poll::Ready(End::TargetReset);
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(End::Finished),
            _ => {}
        }
        if self.to_target.bytes + self.to_client.bytes != before {
            self.last_progress = Instant::now();
        }
        self.idle
            .poll_past(cx, self.last_progress + self.idle_time)
            .map(|()| End::Idle)
    }
}

impl Direction {
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, reader: &mut R, writer: &mut W) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        while !self.is_done {
            while !self.pending.is_empty() {
                let written = ready!(poll_write(cx, writer, &self.pending)?);
                self.pending.advance(written);
                self.bytes += written as u64;
            }
            if self.has_ended {
                ready!(Pin::new(&mut *writer).poll_shutdown(cx)).map_err(|_| Broken::Writer)?;
                self.is_done = true;
                break;
            }
            if self.poll_read(cx, reader, writer)?.is_pending() {
                // What was written may stand in the buffers of TLS until it is told to go.
                if self.must_flush {
                    ready!(Pin::new(&mut *writer).poll_flush(cx)).map_err(|_| Broken::Writer)?;
                    self.must_flush = false;
                }
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once and writes what there is room for.
    fn poll_read<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Result<Poll<()>, Broken>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        READ.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(reader).poll_read(cx, &mut buffer) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Err(error)) if is_end(&error) => {}
                Poll::Ready(Err(_)) => return Err(Broken::Reader),
                Poll::Ready(Ok(())) => {}
            }
            let mut rest = buffer.filled();
            self.has_ended = rest.is_empty();
            self.must_flush |= !rest.is_empty();
            while !rest.is_empty() {
                let Poll::Ready(written) = poll_write(cx, writer, rest)? else {
                    self.pending.extend_from_slice(rest);
                    break;
                };
                self.bytes += written as u64;
                rest = &rest[written..];
            }
            Ok(Poll::Ready(()))
        })
    }
}

fn poll_write<W: AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    writer: &mut W,
    data: &[u8],
) -> Result<Poll<usize>, Broken> {
    match Pin::new(writer).poll_write(cx, data) {
        Poll::Pending => Ok(Poll::Pending),
        Poll::Ready(Ok(0) | Err(_)) => Err(Broken::Writer),
        Poll::Ready(Ok(written)) => Ok(Poll::Ready(written)),
    }
}

/// Many peers end TLS without saying so; that is an end like any other.
fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
