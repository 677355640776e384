//! A host's way to the servers that can be cut: a relay in front of each server, on a port of its own for each host.
//!
//! Servers tell agents their own addresses (DiscoverPollEndpoint); the relay puts its own in their place, which works because ports
//! have five digits and nothing that passes here is compressed or encrypted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the network does with this host's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Nothing gets through, and nobody is told.
    Silent,
    /// Connections break, new ones are refused.
    Cut,
}

/// One host's relays. They end when it is dropped.
pub struct Wire {
    weather: watch::Sender<Weather>,
    pub endpoints: Vec<String>,
    _relays: JoinSet<()>,
}

impl Wire {
    /// A relay for each of `servers`.
    pub async fn new(servers: &[SocketAddr]) -> io::Result<Self> {
        let (weather, watched) = watch::channel(Weather::Fair);
        let mut listeners = Vec::new();
        for server in servers {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            listeners.push((*server, listener.local_addr()?, listener));
        }
        let swaps: Vec<Swap> = listeners
            .iter()
            .map(|(server, relay, _)| Swap::new(*server, *relay))
            .collect();
        let swaps: Arc<[Swap]> = swaps.into();
        let endpoints = listeners
            .iter()
            .map(|(_, relay, _)| format!("http://{relay}"))
            .collect();
        let mut relays = JoinSet::new();
        for (server, _, listener) in listeners {
            relays.spawn(accept(listener, server, swaps.clone(), watched.clone()));
        }
        Ok(Self {
            weather,
            endpoints,
            _relays: relays,
        })
    }

    pub fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    pub fn silence(&self) {
        self.weather.send_replace(Weather::Silent);
    }

    pub fn mend(&self) {
        self.weather.send_replace(Weather::Fair);
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    swaps: Arc<[Swap]>,
    weather: watch::Receiver<Weather>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((agent, _)) = accepted {
                    connections.spawn(relay(agent, server, swaps.clone(), weather.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(agent: TcpStream, server: SocketAddr, swaps: Arc<[Swap]>, weather: watch::Receiver<Weather>) {
    let mut cut = weather.clone();
    let carried = async {
        fair(&mut weather.clone()).await;
        let server = TcpStream::connect(server).await?;
        let _ = (agent.set_nodelay(true), server.set_nodelay(true));
        let (agent_reads, agent_writes) = agent.into_split();
        let (server_reads, server_writes) = server.into_split();
        tokio::select! {
            done = carry(agent_reads, server_writes, &[], weather.clone()) => done,
            done = carry(server_reads, agent_writes, &swaps, weather.clone()) => done,
        }
    };
    tokio::select! {
        _ = cut.wait_for(|weather| *weather == Weather::Cut) => {}
        _ = carried => {}
    }
}

async fn fair(weather: &mut watch::Receiver<Weather>) {
    let _ = weather.wait_for(|weather| *weather == Weather::Fair).await;
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    swaps: &[Swap],
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let (mut held, mut chunk) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let count = from.read(&mut chunk).await?;
        fair(&mut weather).await;
        held.extend_from_slice(&chunk[..count]);
        for swap in swaps {
            swap.apply(&mut held);
        }
        // The end may be the beginning of an address.
        let kept = if count == 0 {
            0
        } else {
            swaps.iter().map(|swap| swap.begun(&held)).max().unwrap_or(0)
        };
        let ready: Vec<u8> = held.drain(..held.len() - kept).collect();
        to.write_all(&ready).await?;
        if count == 0 {
            return to.shutdown().await;
        }
    }
}

/// An address that stands for another one of the same length.
struct Swap {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Swap {
    fn new(from: SocketAddr, to: SocketAddr) -> Self {
        let (from, to) = (from.to_string().into_bytes(), to.to_string().into_bytes());
        assert_eq!(from.len(), to.len(), "both ports have five digits");
        Self { from, to }
    }

    fn apply(&self, bytes: &mut [u8]) {
        let mut at = 0;
        while at + self.from.len() <= bytes.len() {
            let window = &mut bytes[at..at + self.from.len()];
            if window == self.from.as_slice() {
                window.copy_from_slice(&self.to);
                at += self.from.len();
            } else {
                at += 1;
            }
        }
    }

    /// How many bytes at the end could be the beginning of the address.
    fn begun(&self, bytes: &[u8]) -> usize {
        let longest = bytes.len().min(self.from.len() - 1);
        (1..=longest)
            .rev()
            .find(|count| self.from.starts_with(&bytes[bytes.len() - count..]))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_swapped_also_when_they_come_in_pieces() {
        let swap = Swap::new(([127, 0, 0, 1], 40_000).into(), ([127, 0, 0, 1], 50_000).into());
        let mut bytes = b"a 127.0.0.1:40000 b 127.0.0.1:40001 127.0.0.1:4".to_vec();
        swap.apply(&mut bytes);
        assert_eq!(bytes, b"a 127.0.0.1:50000 b 127.0.0.1:40001 127.0.0.1:4");
        assert_eq!(swap.begun(&bytes), b"127.0.0.1:4".len());
        assert_eq!(swap.begun(b"nothing"), 0);
        assert_eq!(swap.begun(b"12"), 2);
    }
}
