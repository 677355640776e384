//! The TCS websocket: telemetry to the server (section 3).

use std::sync::Arc;

use agent_protocol::tcs::TcsFrame;
use agent_protocol::{TcsConnect, TcsFromAgent, TcsToAgent};
use futures::future::{BoxFuture, FutureExt, OptionFuture};
use http::Uri;
use kit::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::channel::{Channel, Ended};
use super::link::{Kind, Link};
use super::telemetry::{self, EngineHealth};
use crate::engine::Engine;

/// Keeps a TCS connection.
pub struct TcsSession {
    link: Arc<Link>,
    engine: Arc<Engine>,
    engine_health: EngineHealth,
}

impl TcsSession {
    pub fn new(link: Arc<Link>, engine: Arc<Engine>) -> Self {
        Self {
            link,
            engine,
            engine_health: EngineHealth::default(),
        }
    }

    /// Connects again and again until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut pauses = self.link.pauses();
        while !shutdown.is_requested() {
            let Some(connected) = shutdown
                .unless_requested(self.link.connect(Kind::Tcs, &self.query()))
                .await
            else {
                return;
            };
            let pause = match connected {
                Ok((mut channel, uri)) => {
                    let since = Instant::now();
                    let Some(ended) = shutdown.unless_requested(self.serve(&mut channel, &uri)).await else {
                        channel.close("the agent stops").await;
                        return;
                    };
                    tracing::debug!(reason = %ended, "telemetry disconnected");
                    pauses.after_end(&ended, since.elapsed())
                }
                Err(error) => {
                    let pause = pauses.after_failure(&error);
                    tracing::debug!(%error, ?pause, "no telemetry connection");
                    pause
                }
            };
            shutdown.unless_requested(tokio::time::sleep(pause)).await;
        }
    }

    async fn serve(&mut self, channel: &mut Channel, uri: &Uri) -> Ended {
        let host = self.engine.host().clone();
        let mut ticks = interval(self.link.config.session.telemetry_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut measuring: Option<BoxFuture<'static, Vec<TcsFromAgent>>> = None;
        loop {
            let messages = tokio::select! {
                frame = channel.receive() => match frame {
                    Err(ended) => return ended,
                    Ok(text) => {
                        if counts_as_life(&text) {
                            channel.heard();
                        }
                        continue;
                    }
                },
                _ = ticks.tick(), if measuring.is_none() => {
                    measuring = Some(report(self.engine.clone(), self.link.config.session.metrics).boxed());
                    continue;
                }
                Some(messages) = OptionFuture::from(measuring.as_mut()) => {
                    measuring = None;
                    messages
                }
                () = host.health_changed.notified() => telemetry::health(&self.engine),
                () = host.heartbeat.notified() => {
                    let before = std::mem::take(&mut self.engine_health);
                    let (health, message) = telemetry::instance_status(&host, before).await;
                    self.engine_health = health;
                    vec![message]
                }
            };
            for message in messages {
                if let Err(ended) = channel.send(self.frame(uri, &message)).await {
                    return ended;
                }
            }
        }
    }

    /// A frame carries its own signature in a block of headers before the JSON.
    fn frame(&self, uri: &Uri, message: &TcsFromAgent) -> String {
        let body = message.encode();
        let headers = self.link.sign_frame(uri, &body);
        let name = |name: &str| match name {
            "authorization" => "Authorization",
            "host" => "Host",
            "x-amz-date" => "X-Amz-Date",
            _ => "X-Amz-Security-Token",
        };
        let headers = headers
            .iter()
            .map(|(header, value)| (name(header), value.as_str()))
            .collect();
        TcsFrame { headers, body: &body }.join()
    }

    fn query(&self) -> String {
        let connect = TcsConnect {
            agent_hash: self.link.config.agent_hash.clone(),
            agent_version: self.link.config.agent_version.clone(),
            cluster: self.link.config.cluster.clone(),
            container_instance: self.link.container_instance_arn.clone(),
            docker_version: self.link.engine_version.clone(),
        };
        connect.to_query()
    }
}

async fn report(engine: Arc<Engine>, metrics: bool) -> Vec<TcsFromAgent> {
    let mut messages = match metrics {
        true => telemetry::metrics(&engine).await,
        false => telemetry::no_metrics(engine.host()),
    };
    messages.extend(telemetry::health(&engine));
    messages
}

/// Only acks and heartbeats do.
fn counts_as_life(text: &str) -> bool {
    match TcsToAgent::decode(text) {
        Ok(
            TcsToAgent::AckPublishMetric(_)
            | TcsToAgent::AckPublishHealth(_)
            | TcsToAgent::AckPublishInstanceStatus(_)
            | TcsToAgent::Heartbeat(_),
        ) => true,
        Ok(other) => {
            tracing::debug!(kind = other.message_type(), "passed over");
            false
        }
        Err(error) => {
            tracing::debug!(%error, "frame dropped");
            false
        }
    }
}
