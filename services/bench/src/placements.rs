//! Placements per second, durable in PostgreSQL, and API requests per second, over HTTP against `berth server`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use domain::{ContainerInstanceId, Scope};
use futures::future::try_join_all;
use serde_json::{Value, json};
use store::Db;
use store::instances::{Registration, Session};
use uuid::Uuid;

use crate::client::Client;
use crate::report::Figure;
use crate::server::Server;

/// Callers at the same time.
const CALLERS: usize = 64;

/// Hosts that are connected as far as the database knows. Dropping it lets go of their lease.
pub struct Hosts {
    keep: Arc<AtomicBool>,
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.keep.store(false, Ordering::Relaxed);
    }
}

impl Hosts {
    /// Registers `count` hosts of 64 cores in three zones, connected through a server whose lease we renew.
    pub async fn register(db: &Db, scope: &Scope, cluster: &str, count: usize) -> anyhow::Result<Self> {
        let row = store::clusters::find_active(db, scope, cluster)
            .await?
            .context("no cluster")?;
        let server = Uuid::new_v4();
        store::leases::renew(db, server).await?;
        let keep = Arc::new(AtomicBool::new(true));
        let (renewing, lease) = (keep.clone(), db.clone());
        tokio::spawn(async move {
            while renewing.load(Ordering::Relaxed) {
                let _ = store::leases::renew(&lease, server).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        for numbers in (0..count).collect::<Vec<_>>().chunks(32) {
            try_join_all(
                numbers
                    .iter()
                    .map(|n| register_one(db, scope, row.id, &row.name, server, *n)),
            )
            .await?;
        }
        Ok(Self { keep })
    }
}

async fn register_one(
    db: &Db,
    scope: &Scope,
    cluster_id: i64,
    cluster: &str,
    server: Uuid,
    n: usize,
) -> anyhow::Result<()> {
    let zone = format!("us-east-1{}", ["a", "b", "c"][n % 3]);
    let mut attributes = BTreeMap::from([("ecs.availability-zone".to_owned(), Some(zone))]);
    for capability in [
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "ecs.capability.container-health-check",
    ] {
        attributes.insert(capability.to_owned(), None);
    }
    let id = ContainerInstanceId(Uuid::new_v4());
    let registration = Registration {
        cluster_id,
        cluster_name: cluster.to_owned(),
        id,
        again: false,
        client_token: None,
        ec2_instance_id: None,
        attributes,
        agent_version: None,
        agent_hash: None,
        docker_version: None,
        cpu: 64 * 1024,
        memory: 256 * 1024,
        reserved_ports: vec![22],
        reserved_ports_udp: Vec::new(),
        gpus: Vec::new(),
        tags: Vec::new(),
    };
    let now = chrono::Utc::now();
    store::instances::register(db, scope, &registration, now)
        .await?
        .context("not registered")?;
    let session = Session {
        cluster_id,
        instance: id.uuid(),
        server,
        session: Uuid::new_v4(),
        address: None,
        agent_version: String::new(),
        agent_hash: String::new(),
        docker_version: String::new(),
    };
    store::instances::connect(db, &session, now)
        .await?
        .context("not connected")?;
    Ok(())
}

/// Runs `total` calls of `CALLERS` callers; gives calls per second.
async fn rate(client: &Client, operation: &'static str, body: Bytes, total: usize) -> anyhow::Result<f64> {
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let (client, body, next) = (client.clone(), body.clone(), next.clone());
        async move {
            while next.fetch_add(1, Ordering::Relaxed) < total {
                client.raw(operation, body.clone()).await?;
            }
            anyhow::Ok(())
        }
    });
    try_join_all(callers).await?;
    Ok(total as f64 / started.elapsed().as_secs_f64())
}

/// All figures of this file.
pub async fn measure(server: &Server, tasks: usize) -> anyhow::Result<Vec<Figure>> {
    let db = Db::connect(server.database_url.parse()?, 8).await?;
    let scope = Scope::new("000000000000".parse()?, "us-east-1".parse()?);
    let client = &server.client;
    let container = json!([{"name": "app", "image": "fake/app", "cpu": 128, "memory": 128}]);
    client
        .call(
            "RegisterTaskDefinition",
            json!({"family": "bench", "containerDefinitions": container}),
        )
        .await?;
    let mut figures = Vec::new();
    for hosts in [1000, 5000] {
        let cluster = format!("hosts-{hosts}");
        client
            .call("CreateCluster", json!({"clusterName": cluster}))
            .await?;
        println!("registering {hosts} simulated hosts");
        let _hosts = Hosts::register(&db, &scope, &cluster, hosts).await?;
        let run = |count: usize| {
            Bytes::from(json!({"cluster": cluster, "taskDefinition": "bench", "count": count}).to_string())
        };
        rate(client, "RunTask", run(10), 20).await?;
        println!("placing {tasks} tasks on {hosts} hosts, 10 a call");
        let quarter = tasks / 4 / 10;
        let mut per_second = Vec::new();
        for _ in 0..4 {
            per_second.push(10.0 * rate(client, "RunTask", run(10), quarter).await?);
        }
        let least = 10_000.0;
        let name = format!("placements, {hosts} hosts, 0 to {tasks} tasks");
        figures.push(Figure::at_least(
            name,
            per_second.iter().sum::<f64>() / 4.0,
            "/s",
            least,
        ));
        let name = format!("placements, {hosts} hosts, the last quarter");
        figures.push(
            Figure::at_least(name, per_second[3], "/s", least).against("the first quarter", per_second[0]),
        );
        if hosts == 5000 {
            figures.push(Figure::at_least(
                "RunTask of one task, 5000 hosts",
                rate(client, "RunTask", run(1), 6000).await?,
                "req/s",
                1500.0,
            ));
            figures.push(describe(client, &cluster).await?);
        }
    }
    Ok(figures)
}

async fn describe(client: &Client, cluster: &str) -> anyhow::Result<Figure> {
    let listed: Value = client
        .call("ListTasks", json!({"cluster": cluster, "maxResults": 1}))
        .await?;
    let body = Bytes::from(json!({"cluster": cluster, "tasks": listed["taskArns"]}).to_string());
    rate(client, "DescribeTasks", body.clone(), 500).await?;
    Ok(Figure::at_least(
        "DescribeTasks of one task",
        rate(client, "DescribeTasks", body, 20_000).await?,
        "req/s",
        5000.0,
    ))
}
