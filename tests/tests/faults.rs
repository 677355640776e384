//! Servers, agents and PostgreSQL are killed at random instants while users go on working. In the end everything that was
//! acknowledged has come to be, nothing ran twice, nothing is left over and the books balance.
//!
//! `BERTH_FAULT_ROUNDS` says how often something is killed, `BERTH_FAULT_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use berth::postgres::{PostgresError, PrivatePostgres};
use berth_tests::{CLUSTER, define, steady, text};
use chrono::TimeDelta;
use kit::Shutdown;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use test_support::{Client, ControlPlane, Settings, SimHosts, TestDb, books, eventually, settles};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(60);
const SERVICE: &str = "web";

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn seed() -> u64 {
    let seed = setting("BERTH_FAULT_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("BERTH_FAULT_SEED={seed}");
    seed
}

/// A PostgreSQL of this test's own, which may be killed and starts again by itself as under `berth dev`.
struct Postgres {
    folder: PathBuf,
    options: PgConnectOptions,
    stop: Shutdown,
    /// None once it was ended.
    supervised: Option<JoinHandle<Result<(), PostgresError>>>,
}

impl Postgres {
    async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!(
            "berth-faults-{}-{}",
            std::process::id(),
            uuid::Uuid::new_v4().simple()
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let postgres = PrivatePostgres::start(&folder, search_path().as_deref())
            .await
            .unwrap();
        let options = postgres.url().parse().unwrap();
        let stop = Shutdown::new();
        let supervised = Some(tokio::spawn(keep_running(postgres, folder.clone(), stop.clone())));
        Self {
            folder,
            options,
            stop,
            supervised,
        }
    }

    /// The server's first process; none while it is starting.
    fn pid(&self) -> Option<Pid> {
        let file = std::fs::read_to_string(self.folder.join("postgres/data/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok().map(Pid::from_raw)
    }

    fn kill(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    async fn end(mut self) {
        self.stop.request();
        self.supervised.take().unwrap().await.unwrap().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn search_path() -> Option<String> {
    std::env::var("PATH").ok()
}

/// The supervisor gives up when it dies too often, for which there is a reason here; then whoever runs `berth dev` starts it again.
async fn keep_running(
    mut postgres: PrivatePostgres,
    folder: PathBuf,
    stop: Shutdown,
) -> Result<(), PostgresError> {
    while let Err(error) = postgres.supervise(stop.clone()).await {
        println!("{error}");
        postgres = PrivatePostgres::start(&folder, search_path().as_deref()).await?;
    }
    Ok(())
}

impl Drop for Postgres {
    /// Only when a test fails: it ends in an orderly way otherwise.
    fn drop(&mut self) {
        if let Some(supervised) = self.supervised.take() {
            supervised.abort();
            self.kill();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// What users were told, and may hold us to.
#[derive(Default)]
struct Acknowledged {
    /// Tokens of RunTask, and the tasks that the reply named.
    tasks: BTreeMap<String, Vec<String>>,
    stopped: BTreeSet<String>,
    /// Count and definition of the service.
    count: i64,
    definition: String,
}

/// A user with several servers to ask, who repeats a call until one of them has answered it.
struct User {
    clients: Vec<Client>,
    rng: StdRng,
    done: Arc<AtomicBool>,
    calls: usize,
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
    async fn deploy(mut self, definitions: [String; 2], mut told: Acknowledged) -> (Acknowledged, usize) {
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
    async fn run_and_stop(mut self, definition: String) -> (Acknowledged, usize) {
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

/// What is killed.
struct Victims<'a> {
    servers: &'a [ControlPlane],
    hosts: &'a SimHosts,
    postgres: Option<&'a Postgres>,
    /// Longest time that an agent stays away.
    absence_ms: u64,
    counts: BTreeMap<&'static str, usize>,
}

impl Victims<'_> {
    async fn strike(&mut self, rng: &mut StdRng) {
        let away = |limit: u64, rng: &mut StdRng| Duration::from_millis(rng.random_range(0..limit));
        let what = match rng.random_range(0..100) {
            0..40 => {
                let server = &self.servers[rng.random_range(0..self.servers.len())];
                assert_eq!(server.failure().await, None, "a loop of the server broke");
                server.kill().await;
                tokio::time::sleep(away(250, rng)).await;
                start_again(server).await;
                "server"
            }
            40..75 => {
                let host = &self.hosts[rng.random_range(0..self.hosts.len())];
                assert!(host.is_alive(), "the agent of {} ended by itself", host.name());
                host.kill().await;
                tokio::time::sleep(away(self.absence_ms, rng)).await;
                host.start();
                "agent"
            }
            75..88 => {
                let host = &self.hosts[rng.random_range(0..self.hosts.len())];
                host.cut();
                tokio::time::sleep(away(250, rng)).await;
                host.mend();
                "network"
            }
            _ => match self.postgres {
                Some(postgres) => {
                    postgres.kill();
                    "postgres"
                }
                None => "nothing",
            },
        };
        *self.counts.entry(what).or_default() += 1;
        tokio::time::sleep(away(400, rng)).await;
    }
}

/// Starts a server that may find no database at first.
async fn start_again(server: &ControlPlane) {
    settles("the server starts", PATIENCE, async || {
        server.start_again().await.map_err(|error| format!("{error:#}"))
    })
    .await;
}

struct Scene {
    servers: Vec<ControlPlane>,
    hosts: SimHosts,
    definitions: [String; 2],
    client: Client,
}

impl Scene {
    async fn set(
        database: PgConnectOptions,
        settings: Settings,
        servers: usize,
        hosts: usize,
        seed: u64,
    ) -> Self {
        let mut all = Vec::new();
        for _ in 0..servers {
            all.push(ControlPlane::start(database.clone(), settings.clone()).await);
        }
        let client = all[0].client();
        client.ok("CreateCluster", json!({"clusterName": CLUSTER})).await;
        let references: Vec<&ControlPlane> = all.iter().collect();
        let hosts = SimHosts::of(&references)
            .with_wires()
            .seed(seed)
            .connected(hosts)
            .await;
        let definitions = [
            define(&client, "web", "fake/start-slow:30ms").await,
            define(&client, "web", "fake/graceful:50ms").await,
        ];
        let input = json!({"cluster": CLUSTER, "serviceName": SERVICE, "taskDefinition": definitions[0], "desiredCount": 4});
        client.ok("CreateService", input).await;
        steady(&client, SERVICE).await;
        Self {
            servers: all,
            hosts,
            definitions,
            client,
        }
    }

    /// Lets users work while `rounds` things are killed. Gives what they were told.
    async fn play(
        &self,
        rounds: u64,
        postgres: Option<&Postgres>,
        absence_ms: u64,
        seed: u64,
    ) -> Acknowledged {
        let done = Arc::new(AtomicBool::new(false));
        let user = |salt: u64| User {
            clients: self.servers.iter().map(ControlPlane::client).collect(),
            rng: StdRng::seed_from_u64(seed ^ salt),
            done: done.clone(),
            calls: 0,
        };
        let first = Acknowledged {
            count: 4,
            definition: self.definitions[0].clone(),
            ..Acknowledged::default()
        };
        let deploying = user(1).deploy(self.definitions.clone(), first);
        let running = user(2).run_and_stop(self.definitions[1].clone());
        let (begun, mut rng) = (Instant::now(), StdRng::seed_from_u64(seed));
        let mut victims = Victims {
            servers: &self.servers,
            hosts: &self.hosts,
            postgres,
            absence_ms,
            counts: BTreeMap::new(),
        };
        let killing = async {
            for _ in 0..rounds {
                victims.strike(&mut rng).await;
            }
            done.store(true, Ordering::SeqCst);
        };
        let ((deployed, updates), (ran, calls), ()) = tokio::join!(deploying, running, killing);
        println!(
            "killed {:?} in {:?}; {updates} updates, {calls} calls about tasks, {} tasks",
            victims.counts,
            begun.elapsed(),
            ran.tasks.values().map(Vec::len).sum::<usize>()
        );
        Acknowledged {
            tasks: ran.tasks,
            stopped: ran.stopped,
            ..deployed
        }
    }

    /// All that was acknowledged has come to be. `lost` says whether a task may have ended with its host.
    async fn check(&self, told: &Acknowledged, hosts_were_lost: bool, pool: &PgPool) {
        self.hosts.are_connected().await;
        let service = steady(&self.client, SERVICE).await;
        assert_eq!(
            (&service["desiredCount"], &service["taskDefinition"]),
            (&json!(told.count), &json!(told.definition))
        );
        for (call, arns) in &told.tasks {
            self.replay(call, arns).await;
            for arn in arns {
                self.came_to_be(arn, told.stopped.contains(arn), hosts_were_lost)
                    .await;
            }
        }
        self.hosts.no_container_left_over().await;
        self.hosts.nothing_ran_twice();
        books::balance(pool).await;
        self.nothing_beyond(told, pool).await;
        for server in &self.servers {
            assert_eq!(server.failure().await, None);
        }
    }

    /// the same token gives the same tasks.
    async fn replay(&self, call: &str, arns: &[String]) {
        let call: Value = serde_json::from_str(call).unwrap();
        let input = json!({"cluster": CLUSTER, "taskDefinition": self.definitions[1], "clientToken": call[0], "count": call[1]});
        if !arns.is_empty() {
            let reply = self.client.ok("RunTask", input).await;
            let again: BTreeSet<String> = reply["tasks"]
                .as_array()
                .unwrap()
                .iter()
                .map(|task| text(task, "taskArn"))
                .collect();
            assert_eq!(again, arns.iter().cloned().collect());
        }
    }

    async fn came_to_be(&self, arn: &str, was_stopped: bool, hosts_were_lost: bool) {
        settles(arn, PATIENCE, async || {
            let shown = self
                .client
                .ok("DescribeTasks", json!({"cluster": CLUSTER, "tasks": [arn]}))
                .await;
            let task = &shown["tasks"][0];
            let is_right = match task["lastStatus"].as_str() {
                Some("RUNNING") => !was_stopped,
                Some("STOPPED") => {
                    was_stopped || (hosts_were_lost && task["stopCode"] == "TerminationNotice")
                }
                _ => false,
            };
            if is_right {
                Ok(())
            } else {
                Err(format!("stopped by the user: {was_stopped}; {task}"))
            }
        })
        .await;
    }

    /// No task came to be of which nobody knows.
    async fn nothing_beyond(&self, told: &Acknowledged, pool: &PgPool) {
        let known: BTreeSet<&str> = told
            .tasks
            .values()
            .flatten()
            .filter_map(|arn| arn.rsplit('/').next())
            .collect();
        let made: Vec<String> =
            sqlx::query_scalar("SELECT replace(id::text, '-', '') FROM tasks WHERE service_id IS NULL")
                .fetch_all(pool)
                .await
                .unwrap();
        let unknown: Vec<&String> = made.iter().filter(|id| !known.contains(id.as_str())).collect();
        assert!(unknown.is_empty(), "tasks that nobody was told of: {unknown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_of_servers_agents_and_postgres_lose_and_double_nothing() {
    let (seed, rounds) = (seed(), setting("BERTH_FAULT_ROUNDS").unwrap_or(100));
    let postgres = Postgres::start().await;
    let settings = Settings {
        host_loss_after: TimeDelta::seconds(60),
        ..Settings::default()
    };
    let scene = Scene::set(postgres.options.clone(), settings, 2, 4, seed).await;
    let told = scene.play(rounds, Some(&postgres), 400, seed).await;
    let pool = pool(&postgres).await;
    scene.check(&told, false, &pool).await;
    pool.close().await;
    drop(scene);
    postgres.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_given_up_while_servers_die_run_nothing_twice() {
    let seed = seed();
    let db = TestDb::new().await;
    let settings = Settings {
        host_loss_after: TimeDelta::milliseconds(1_200),
        ..Settings::default()
    };
    let scene = Scene::set(db.options(), settings, 2, 4, seed).await;
    let told = scene.play(18, None, 3_000, seed).await;
    scene.check(&told, true, db.db().pool()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_comes_back_and_nobody_stops() {
    let postgres = Postgres::start().await;
    let scene = Scene::set(postgres.options.clone(), Settings::default(), 1, 2, 1).await;
    for count in [5, 2, 6] {
        let before = postgres.pid();
        postgres.kill();
        eventually("PostgreSQL runs again", PATIENCE, async || {
            postgres.pid().filter(|pid| Some(*pid) != before)
        })
        .await;
        let input = json!({"cluster": CLUSTER, "service": SERVICE, "desiredCount": count});
        scene.client.insist("UpdateService", input).await;
        eventually("the new count is there", PATIENCE, async || {
            let service = scene.client.service(CLUSTER, SERVICE).await.ok()?;
            (service["runningCount"] == json!(count)).then_some(())
        })
        .await;
        assert_eq!(scene.servers[0].failure().await, None);
    }
    let told = Acknowledged {
        count: 6,
        definition: scene.definitions[0].clone(),
        ..Acknowledged::default()
    };
    let pool = pool(&postgres).await;
    scene.check(&told, false, &pool).await;
    pool.close().await;
    drop(scene);
    postgres.end().await;
}

async fn pool(postgres: &Postgres) -> PgPool {
    PgPool::connect_with(postgres.options.clone()).await.unwrap()
}
