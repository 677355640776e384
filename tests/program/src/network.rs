//! A small server for TCP and UDP, and its clients.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::thread;
use std::time::Duration;

use crate::signals;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers each HTTP request with the container's host name, and each datagram with itself.
pub fn serve(port: &str) -> io::Result<()> {
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    let socket = UdpSocket::bind(("0.0.0.0", port))?;
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    signals::wait_for(&["TERM=0"])
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let body = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// Prints the body of `http://host[:port]/path`; fails if the status is not 200.
pub fn fetch(url: &str) -> io::Result<()> {
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| io::Error::other("not an http:// address"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let address = first(&address)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{path} HTTP/1.0\r\nhost: {host}\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    println!("{body}");
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(io::Error::other(status.to_owned())),
    }
}

/// Sends a datagram and prints the answer.
pub fn talk(address: &str, text: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(text.as_bytes(), first(address)?)?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer)?;
    println!("{}", String::from_utf8_lossy(&buffer[..length]));
    Ok(())
}

/// The first address of `host:port`. `/etc/hosts` is read here: a static program has no resolver of the system's.
fn first(address: &str) -> io::Result<std::net::SocketAddr> {
    let unknown = || io::Error::other(format!("{address} is not known"));
    let (host, port) = address.rsplit_once(':').ok_or_else(unknown)?;
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let known = hosts.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let ip = words.next()?;
        words.any(|name| name == host).then_some(ip)
    });
    format!("{}:{port}", known.unwrap_or(host))
        .to_socket_addrs()?
        .next()
        .ok_or_else(unknown)
}
