//! Restart and upgrade without a refused connection: a proxy gives copies of its listening sockets to the process that follows it, over a
//! unix socket. Both take connections for a moment; then the old one stops, and finishes what it has.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kit::Shutdown;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::net::UnixListener;

use crate::listeners::{Listeners, Place};

/// The other process has this long for each step.
const STEP: Duration = Duration::from_secs(30);
/// A place as JSON is shorter.
const MESSAGE: usize = 512;
/// What stands in place of a place behind the last one.
const END: &[u8] = b"end";
const ACKNOWLEDGED: u8 = b'+';
const SERVING: u8 = b's';

/// The process before this one, which goes on serving until it is told that this one does.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
}

/// What came over, with the process that it came from.
pub type Taken = (Predecessor, Vec<(Place, OwnedFd)>);

/// Takes the sockets of the process that offers them at `path`; none when there is no such process. Blocks for a short time.
///
/// # Errors
/// When the other process breaks off or is no proxy.
pub fn take(path: &Path) -> io::Result<Option<Taken>> {
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(STEP))?;
    stream.set_write_timeout(Some(STEP))?;
    let mut sockets = Vec::new();
    loop {
        let (text, descriptor) = receive(&stream)?;
        (&stream).write_all(&[ACKNOWLEDGED])?;
        if text == END {
            return Ok(Some((Predecessor { stream }, sockets)));
        }
        let place = serde_json::from_slice(&text).map_err(io::Error::other)?;
        let descriptor = descriptor.ok_or_else(|| io::Error::other("a socket is missing"))?;
        sockets.push((place, descriptor));
    }
}

impl Predecessor {
    /// Tells the process before that this one serves, and waits until it takes no more connections.
    ///
    /// # Errors
    /// When it has gone meanwhile, which does no harm.
    pub fn relieve(mut self) -> io::Result<()> {
        self.stream.write_all(&[SERVING])?;
        let mut answer = [0];
        self.stream.read_exact(&mut answer)
    }
}

/// Offers the sockets of `listeners` at `path` until a process has taken them over, or the shutdown. True in the first case: this process
/// takes no more connections.
///
/// # Errors
/// When there can be no socket at `path`.
pub async fn offer(path: &Path, listeners: &Listeners, shutdown: &Shutdown) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixListener::bind(path)?;
    while let Some(accepted) = shutdown.unless_requested(socket.accept()).await {
        let stream = accepted?.0.into_std()?;
        let sockets = listeners.duplicate()?;
        let given = tokio::task::spawn_blocking(move || give(stream, &sockets)).await;
        match given.map_err(io::Error::other).flatten() {
            Ok(stream) => {
                listeners.close();
                // The place is the successor's from here on.
                let _ = std::fs::remove_file(path);
                answer(&stream);
                return Ok(true);
            }
            Err(error) => tracing::warn!(%error, "a successor broke off; serving on"),
        }
    }
    let _ = std::fs::remove_file(path);
    Ok(false)
}

/// Sends all sockets and waits until the successor serves.
fn give(stream: UnixStream, sockets: &[(Place, OwnedFd)]) -> io::Result<UnixStream> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(STEP))?;
    stream.set_write_timeout(Some(STEP))?;
    for (place, descriptor) in sockets {
        let text = serde_json::to_vec(place).map_err(io::Error::other)?;
        send(&stream, &text, Some(descriptor))?;
        expect(&stream, ACKNOWLEDGED)?;
    }
    send(&stream, END, None)?;
    expect(&stream, ACKNOWLEDGED)?;
    expect(&stream, SERVING)?;
    Ok(stream)
}

fn answer(mut stream: &UnixStream) {
    // A successor that does not wait for it serves all the same.
    let _ = stream.write_all(&[ACKNOWLEDGED]);
}

fn expect(mut stream: &UnixStream, wanted: u8) -> io::Result<()> {
    let mut got = [0];
    stream.read_exact(&mut got)?;
    if got[0] == wanted {
        Ok(())
    } else {
        Err(io::Error::other("the other process is no proxy"))
    }
}

fn send(stream: &UnixStream, text: &[u8], descriptor: Option<&OwnedFd>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(AsFd::as_fd);
    if let Some(descriptor) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(descriptor)));
    }
    let sent = sendmsg(stream, &[IoSlice::new(text)], &mut control, SendFlags::NOSIGNAL)?;
    if sent == text.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

fn receive(stream: &UnixStream) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut text = [0; MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut text)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    Ok((text[..received.bytes].to_vec(), descriptors.next()))
}
