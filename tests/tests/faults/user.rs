//! People who go on working while things are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use berth_tests::{CLUSTER, text};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use test_support::{Client, settles};

use crate::{PATIENCE, SERVICE};

/// What users were told, and may hold us to.
#[derive(Default)]
pub struct Acknowledged {
    /// Tokens of RunTask, and the tasks that the reply named.
    pub tasks: BTreeMap<String, Vec<String>>,
    pub stopped: BTreeSet<String>,
    /// Count and definition of the service.
    pub count: i64,
    pub definition: String,
}

/// A user with several servers to ask, who repeats a call until one of them has answered it.
pub struct User {
    pub clients: Vec<Client>,
    pub rng: StdRng,
    pub done: Arc<AtomicBool>,
    /// Calls so far.
    pub calls: usize,
}

impl User {
    async fn call(&mut self, operation: &str, input: Value) -> Value {
        self.calls += 1;
        let (clients, rng, mut reply) = (&self.clients, &mut self.rng, Value::Null);
        settles(&format!("{operation} {input}"), PATIENCE, async || {
            match clients[rng.random_range(0..clients.len())]
                .call(operation, input.clone())
                .await
            {
                Ok(answer) => reply = answer,
                Err(error) if error.is_final() => panic!("{operation} {input}: {error}"),
                Err(error) => return Err(error.to_string()),
            }
            Ok(())
        })
        .await;
        reply
    }

    async fn pause(&mut self, longest_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..longest_ms))).await;
    }

    /// Deploys and scales until it is enough.
    pub async fn deploy(mut self, definitions: [String; 2], mut told: Acknowledged) -> (Acknowledged, usize) {
        while !self.done.load(Ordering::SeqCst) {
            if self.rng.random_bool(0.5) {
                told.count = self.rng.random_range(2..7);
            } else {
                told.definition = definitions[self.rng.random_range(0..2)].clone();
            }
            let input = json!({"cluster": CLUSTER, "service": SERVICE, "desiredCount": told.count, "taskDefinition": told.definition});
            self.call("UpdateService", input).await;
            self.pause(1_500).await;
        }
        (told, self.calls)
    }

    /// Runs and stops tasks until it is enough.
    pub async fn run_and_stop(mut self, definition: String) -> (Acknowledged, usize) {
        let mut told = Acknowledged::default();
        let mut living: Vec<String> = Vec::new();
        while !self.done.load(Ordering::SeqCst) {
            if living.len() > 8 || (!living.is_empty() && self.rng.random_bool(0.35)) {
                let task = living.swap_remove(self.rng.random_range(0..living.len()));
                self.call("StopTask", json!({"cluster": CLUSTER, "task": task}))
                    .await;
                told.stopped.insert(task);
            } else {
                let token = format!("token-{}", told.tasks.len());
                let count = self.rng.random_range(1..4);
                let input = json!({"cluster": CLUSTER, "taskDefinition": definition, "count": count, "clientToken": token});
                let reply = self.call("RunTask", input).await;
                let arns: Vec<String> = reply["tasks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|task| text(task, "taskArn"))
                    .collect();
                living.extend(arns.iter().cloned());
                told.tasks.insert(json!([token, count]).to_string(), arns);
            }
            self.pause(250).await;
        }
        (told, self.calls)
    }
}
