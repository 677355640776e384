//! Opens listening sockets.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use socket2::{Domain, Protocol, SockAddr, Type};

use super::{Place, Transport};

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// A socket that takes connections or datagrams. Clones are the same one.
#[derive(Debug, Clone)]
pub enum Socket {
    Tcp(Arc<TcpListener>),
    Udp(Arc<UdpSocket>),
}

impl Socket {
    /// A descriptor of the same socket.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(socket) => socket.as_fd().try_clone_to_owned(),
            Self::Udp(socket) => socket.as_fd().try_clone_to_owned(),
        }
    }
}

/// Opens a socket, or takes the one that was inherited.
pub fn open(place: Place, inherited: Option<OwnedFd>) -> io::Result<Socket> {
    match place.transport {
        Transport::Tcp => {
            let listener = match inherited {
                Some(inherited) => TcpListener::from(inherited),
                None => listen(place)?,
            };
            listener.set_nonblocking(true)?;
            Ok(Socket::Tcp(Arc::new(listener)))
        }
        Transport::Udp => {
            let socket = match inherited {
                Some(inherited) => UdpSocket::from(inherited),
                None => {
                    let socket = new(place, Type::DGRAM, Protocol::UDP)?;
                    socket.bind(&SockAddr::from(place.address))?;
                    socket.into()
                }
            };
            socket.set_nonblocking(true)?;
            Ok(Socket::Udp(Arc::new(socket)))
        }
    }
}

fn listen(place: Place) -> io::Result<TcpListener> {
    let socket = new(place, Type::STREAM, Protocol::TCP)?;
    // A port whose last connections are still in TIME_WAIT is free.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(place.address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn new(place: Place, kind: Type, protocol: Protocol) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(place.address);
    let socket = socket2::Socket::new(domain, kind, Some(protocol))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Why a socket could not be opened, for people.
pub fn sentence(place: Place, error: &io::Error) -> String {
    let (port, address) = (place.address.port(), place.address.ip());
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {port} of {address} is taken by another process"),
        io::ErrorKind::AddrNotAvailable => format!("{address} is not an address of this machine"),
        io::ErrorKind::PermissionDenied => format!("this process may not listen on port {port}"),
        _ => format!("port {port} of {address} cannot be opened: {error}"),
    }
}
