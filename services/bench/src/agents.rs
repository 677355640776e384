//! Simulated hosts that are real agents over an engine in memory, hundreds in this process: how fast a service comes to run when
//! starting a container costs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::{AccessKey, Agent, AgentConfig, HttpClient};
use anyhow::bail;
use futures::future::join_all;
use kit::Shutdown;
use runtime::FakeRuntime;
use runtime::fake::FakeHost;
use serde_json::json;

use crate::report::Figure;
use crate::server::{Server, key_pair};

const CLUSTER: &str = "simulated";

/// Connects `hosts` agents and brings a service of `tasks` tasks to run on them.
pub async fn measure(server: &Server, hosts: usize, tasks: usize) -> anyhow::Result<Vec<Figure>> {
    let client = &server.client;
    client
        .call("CreateCluster", json!({"clusterName": CLUSTER}))
        .await?;
    println!("connecting {hosts} simulated agents");
    let (http, shutdown) = (HttpClient::new(), Shutdown::new());
    let agents: Vec<_> = (0..hosts)
        .map(|n| tokio::spawn(agent(server, n, &http).run(shutdown.clone())))
        .collect();
    let body = json!({"cluster": CLUSTER, "filter": "agentConnected == true", "maxResults": 100});
    wait(Duration::from_secs(120), async || {
        let (mut connected, mut body) = (0, body.clone());
        loop {
            let page = client.call("ListContainerInstances", body.clone()).await?;
            connected += page["containerInstanceArns"].as_array().map_or(0, Vec::len);
            match page.get("nextToken") {
                Some(token) => body["nextToken"] = token.clone(),
                None => return Ok(connected == hosts),
            }
        }
    })
    .await?;

    println!("a service of {tasks} tasks from 0 to running on them");
    let started = Instant::now();
    let service =
        json!({"cluster": CLUSTER, "serviceName": "many", "taskDefinition": "bench", "desiredCount": tasks});
    client.call("CreateService", service).await?;
    wait(Duration::from_secs(300), async || {
        let shown = client
            .call(
                "DescribeServices",
                json!({"cluster": CLUSTER, "services": ["many"]}),
            )
            .await?;
        Ok(shown["services"][0]["runningCount"] == tasks)
    })
    .await?;
    let seconds = started.elapsed().as_secs_f64();
    shutdown.request();
    join_all(agents).await;
    let name = format!("a service of {tasks} tasks on {hosts} simulated agents, to running");
    Ok(vec![Figure::only(name, tasks as f64 / seconds, "/s")])
}

fn agent(server: &Server, n: usize, http: &HttpClient) -> Agent {
    let pair = key_pair();
    let key = AccessKey {
        access_key_id: pair.access_key_id.clone(),
        secret_access_key: pair.secret.expose().to_owned(),
        session_token: None,
    };
    let mut config = AgentConfig::new(server.url.clone(), CLUSTER, key);
    config.availability_zone = Some(format!("us-east-1{}", ["a", "b", "c"][n % 3]));
    config.task_cgroups = false;
    let engine = FakeRuntime::new(FakeHost {
        name: format!("host-{n}"),
        cpus: 64,
        memory_bytes: 256 << 30,
        ..FakeHost::default()
    });
    engine.add_image("fake/app");
    Agent::new(config, Arc::new(engine)).with_http(http.clone())
}

async fn wait(limit: Duration, mut done: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let started = Instant::now();
    while !done().await? {
        if started.elapsed() > limit {
            bail!("not within {} s", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
