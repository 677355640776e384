//! One connection, from Hello to its end.

use std::collections::HashSet;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use kit::Shutdown;
use routing::message::{FromProxy, REPLACED, ToProxy};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::connect::Socket;
use super::{End, Session};

/// Longest wait for the other side at the end.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(1);

impl Session {
    pub(super) async fn listen(&mut self, socket: Socket, shutdown: &Shutdown) -> End {
        let (mut sink, mut stream) = socket.split();
        let hello = FromProxy::Hello {
            name: self.config.name.clone(),
            boot: self.config.boot.clone(),
            version: self.config.version.clone(),
            metrics_address: self.config.metrics_address,
            balancers: self.config.balancers.clone(),
        };
        // Old words about health would be doubled by what is told anew.
        while self.health.try_recv().is_ok() {}
        self.outbox.tell_anew();
        if self.write(&mut sink, &hello).await.is_err() {
            return End::Gone;
        }
        let mut sent = HashSet::new();
        let mut synced = false;
        let mut silent_at = Instant::now() + self.config.silence;
        let end = loop {
            let due = match self.outbox.next() {
                Some(message) => Some(message),
                None => self.health.try_recv().ok(),
            };
            if let Some(message) = due {
                if let Err(end) = self.write(&mut sink, &message).await {
                    break end;
                }
                continue;
            }
            let step = tokio::select! {
                () = shutdown.requested() => Err(End::Shutdown),
                heard = hear(&mut stream, silent_at) => heard.map(|text| {
                    silent_at = Instant::now() + self.config.silence;
                    if let Some(text) = text {
                        self.obey(&text, &mut sent, &mut synced);
                    }
                }),
                Some(report) = self.health.recv() => self.write(&mut sink, &report).await,
                () = self.outbox.filled() => Ok(()),
                () = self.kept.write_when_due() => Ok(()),
            };
            if let Err(end) = step {
                break end;
            }
        };
        if end == End::Shutdown {
            let frame = CloseFrame {
                code: CloseCode::Away,
                reason: "the proxy is shutting down".into(),
            };
            let _ = timeout(GOODBYE, sink.send(Message::Close(Some(frame)))).await;
        }
        end
    }

    fn obey(&mut self, text: &str, sent: &mut HashSet<String>, synced: &mut bool) {
        let message: ToProxy = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "the server said something that this proxy does not understand");
                return;
            }
        };
        if !*synced && let Some(arn) = arn(&message) {
            sent.insert(arn.to_owned());
        }
        self.kept.note(&message);
        match message {
            ToProxy::Balancer { balancer } => self.served.set_balancer(*balancer),
            ToProxy::TargetGroup { target_group } => self.served.set_target_group(*target_group),
            ToProxy::Certificate { certificate } => self.served.set_certificate(certificate),
            ToProxy::Gone { arns } => {
                self.served.remove(&arns);
                self.outbox.forget(|arn| arns.iter().any(|gone| gone == arn));
            }
            ToProxy::Synced => {
                *synced = true;
                self.served.retain(sent);
                self.kept.retain(sent);
                self.outbox.forget(|arn| !sent.contains(arn));
                sent.clear();
                self.synced.send_replace(true);
            }
            ToProxy::Checks { target_groups } => self.served.assign_checks(target_groups),
            ToProxy::Acknowledged { sequence } => self.outbox.acknowledged(sequence),
        }
    }

    /// A server that does not read is as good as silent.
    async fn write(&self, sink: &mut SplitSink<Socket, Message>, message: &FromProxy) -> Result<(), End> {
        let text = serde_json::to_string(message).expect("messages are plain data with texts as keys");
        match timeout(self.config.silence, sink.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Silent),
        }
    }
}

/// The next text, or `None` for another sign of life. Pings are answered by the socket.
async fn hear(stream: &mut SplitStream<Socket>, silent_at: Instant) -> Result<Option<Utf8Bytes>, End> {
    match timeout_at(silent_at, stream.next()).await {
        Err(_) => Err(End::Silent),
        Ok(Some(Ok(Message::Text(text)))) => Ok(Some(text)),
        Ok(Some(Ok(Message::Close(frame)))) => match frame {
            Some(frame) if u16::from(frame.code) == REPLACED => Err(End::Replaced),
            _ => Err(End::Gone),
        },
        Ok(Some(Ok(_))) => Ok(None),
        Ok(Some(Err(_)) | None) => Err(End::Gone),
    }
}

fn arn(message: &ToProxy) -> Option<&str> {
    match message {
        ToProxy::Balancer { balancer } => Some(&balancer.arn),
        ToProxy::TargetGroup { target_group } => Some(&target_group.arn),
        ToProxy::Certificate { certificate } => Some(&certificate.arn),
        _ => None,
    }
}
