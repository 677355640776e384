//! The ACS websocket: orders from the server, and acks once they are on disk (section 2).

use std::sync::Arc;

use agent_protocol::{AcsConnect, AcsFromAgent, AcsToAgent, RefusalKind};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use kit::Shutdown;
use tokio::time::Instant;

use super::channel::{Channel, Ended};
use super::inbox::Inbox;
use super::link::{Kind, Link};
use super::registration;
use crate::engine::Engine;
use crate::host::Host;

const PROTOCOL_VERSION: u32 = 2;

/// Keeps an ACS connection.
pub struct AcsSession {
    link: Arc<Link>,
    host: Arc<Host>,
    inbox: Inbox,
    /// Ask for the keys of all running tasks: they are not kept on disk.
    send_credentials: bool,
    /// The host was taken out on purpose: it does not come back when the server has forgotten it.
    deregistered: bool,
}

impl AcsSession {
    pub fn new(link: Arc<Link>, engine: Arc<Engine>, manifest_timeline: i64) -> Self {
        let host = engine.host().clone();
        let inbox = Inbox::new(engine, link.container_instance_arn.clone(), manifest_timeline);
        Self {
            link,
            host,
            inbox,
            send_credentials: true,
            deregistered: false,
        }
    }

    /// Connects again and again until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut pauses = self.link.pauses();
        while !shutdown.is_requested() {
            let Some(connected) = shutdown
                .unless_requested(self.link.connect(Kind::Acs, &self.query()))
                .await
            else {
                return;
            };
            let pause = match connected {
                Ok((mut channel, _)) => {
                    tracing::info!("connected to the server");
                    self.send_credentials = false;
                    let since = Instant::now();
                    let Some(ended) = shutdown.unless_requested(self.serve(&mut channel)).await else {
                        channel.close("the agent stops").await;
                        return;
                    };
                    tracing::info!(reason = %ended, "disconnected from the server");
                    pauses.after_end(&ended, since.elapsed())
                }
                Err(error) => {
                    let pause = pauses.after_failure(&error);
                    tracing::warn!(%error, ?pause, "no connection to the server");
                    match error.refusal() {
                        Some(RefusalKind::InactiveInstanceException) => self.deregistered = true,
                        Some(RefusalKind::InvalidInstanceException) if !self.deregistered => {
                            shutdown.unless_requested(self.register_again()).await;
                        }
                        _ => {}
                    }
                    pause
                }
            };
            shutdown.unless_requested(tokio::time::sleep(pause)).await;
        }
    }

    async fn serve(&mut self, channel: &mut Channel) -> Ended {
        let mut answers: FuturesUnordered<BoxFuture<'static, Vec<AcsFromAgent>>> = FuturesUnordered::new();
        loop {
            let answer = tokio::select! {
                Some(answer) = answers.next() => answer,
                frame = channel.receive() => match frame {
                    Err(ended) => return ended,
                    Ok(text) => match AcsToAgent::decode(&text) {
                        Err(error) => {
                            tracing::warn!(%error, "frame dropped");
                            continue;
                        }
                        Ok(message) => {
                            channel.heard();
                            answers.extend(self.inbox.take(message));
                            continue;
                        }
                    },
                },
            };
            for message in answer {
                if let Err(ended) = channel.send(message.encode()).await {
                    return ended;
                }
            }
        }
    }

    async fn register_again(&self) {
        match registration::register_again(&self.host, &self.link.api).await {
            Ok(()) => tracing::info!("registered again: the server did not know this host any more"),
            Err(error) => tracing::warn!(%error, "not registered again"),
        }
    }

    fn query(&self) -> String {
        let connect = AcsConnect {
            agent_hash: self.link.config.agent_hash.clone(),
            agent_version: self.link.config.agent_version.clone(),
            cluster_arn: self.link.config.cluster.clone(),
            container_instance_arn: self.link.container_instance_arn.clone(),
            docker_version: self.link.engine_version.clone(),
            protocol_version: PROTOCOL_VERSION,
            send_credentials: self.send_credentials,
            seq_num: 1,
        };
        connect.to_query()
    }
}
