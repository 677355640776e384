//! A signed websocket to the server, with the protocol's rules of liveness (sections 2.1 and 2.3).

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{SinkExt, StreamExt};
use http::Uri;
use kit::Random;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::handshake::{self, OpenError, Socket};
use super::signer::Signer;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection is renewed up to this much later than asked, so that agents do not come back all at once.
const LIFETIME_SPREAD: Duration = Duration::from_secs(5 * 60);

/// Why a channel is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// To be opened again at once: the server went away in an orderly way, or the connection had its age.
    #[error("{0}")]
    Normally(String),
    /// To be opened again after a pause.
    #[error("{0}")]
    Broken(String),
}

/// How long a channel may live and stay silent.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub silence: Duration,
    pub lifetime: Duration,
}

/// An open websocket that carries text frames.
pub struct Channel {
    socket: Socket,
    silence: Duration,
    silent_at: Instant,
    expires_at: Instant,
}

impl Channel {
    /// Opens `uri` with a signed request.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open(
        uri: &Uri,
        signer: &Signer,
        now: DateTime<Utc>,
        limits: Limits,
        random: &Random,
    ) -> Result<Self, OpenError> {
        let opened = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake::open(uri, signer, now)).await;
        let socket = opened.map_err(|_| OpenError::Failed("no websocket within 30 s".to_owned()))??;
        let silence = limits.silence.mul_f64(1.0 + random.fraction());
        let started = Instant::now();
        let expires_at = started + limits.lifetime + LIFETIME_SPREAD.mul_f64(random.fraction());
        Ok(Self {
            socket,
            silence,
            silent_at: started + silence,
            expires_at,
        })
    }

    /// Counts what was just received as a sign of life.
    pub fn heard(&mut self) {
        self.silent_at = Instant::now() + self.silence;
    }

    /// The next text frame. May be dropped and called again.
    ///
    /// # Errors
    /// When the connection is over, was silent for too long or has its age.
    pub async fn receive(&mut self) -> Result<Utf8Bytes, Ended> {
        loop {
            let deadline = self.silent_at.min(self.expires_at);
            let Ok(received) = tokio::time::timeout_at(deadline, self.socket.next()).await else {
                return Err(self.give_up().await);
            };
            match received {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => return Err(closed_by_server(frame)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Ended::Normally(format!("connection lost: {error}"))),
                None => return Err(Ended::Normally("connection lost".to_owned())),
            }
        }
    }

    /// Sends one text frame.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn send(&mut self, text: String) -> Result<(), Ended> {
        let sent = tokio::time::timeout(self.silence, self.socket.send(Message::text(text))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended::Normally(format!("connection lost: {error}"))),
            Err(_) => Err(Ended::Broken("the server does not read".to_owned())),
        }
    }

    /// Closes the connection from this side.
    pub async fn close(&mut self, reason: &'static str) {
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: reason.into(),
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.socket.close(Some(frame))).await;
    }

    async fn give_up(&mut self) -> Ended {
        if Instant::now() >= self.expires_at {
            self.close("ConnectionExpired: Reconnect to continue").await;
            return Ended::Normally("the connection had its age".to_owned());
        }
        Ended::Broken(format!("nothing heard for {} s", self.silence.as_secs()))
    }
}

/// 1000, 1001, 1006 and 1011 mean "come back at once".
fn closed_by_server(frame: Option<CloseFrame>) -> Ended {
    match frame {
        None => Ended::Normally("closed by the server".to_owned()),
        Some(frame) => {
            let text = format!("closed by the server: {} {}", frame.code, frame.reason);
            match u16::from(frame.code) {
                1000 | 1001 | 1005 | 1006 | 1011 => Ended::Normally(text),
                _ => Ended::Broken(text),
            }
        }
    }
}
