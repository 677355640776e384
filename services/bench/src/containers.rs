//! Real containers: RunTask → RUNNING against `docker run -d`, a service's start against Docker Swarm, and idle memory.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::client::Client;
use crate::report::{Figure, median};
use crate::server::{Process, Server};

const IMAGE: &str = "berth-bench/hello:1";

fn docker(words: &[&str]) -> anyhow::Result<String> {
    let done = Command::new("docker").args(words).output().context("docker")?;
    if !done.status.success() {
        bail!(
            "docker {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// Removes what this file made, whatever happened.
struct CleanUp;

impl Drop for CleanUp {
    fn drop(&mut self) {
        for filter in [format!("ancestor={IMAGE}"), "label=berth-bench".to_owned()] {
            if let Ok(ids) = docker(&["ps", "-aq", "--filter", &filter]) {
                let mut words = vec!["rm", "-fv"];
                words.extend(ids.split_whitespace());
                if words.len() > 2 {
                    let _ = docker(&words);
                }
            }
        }
        let _ = docker(&["image", "rm", "-f", IMAGE]);
    }
}

/// All figures of this file. `program` is the static sample binary.
pub async fn measure(
    binary: &Path,
    program: &Path,
    server: &Server,
    folder: &Path,
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let _clean_up = CleanUp;
    import(program, folder)?;
    let mut figures = vec![Figure::at_most(
        "memory of a server without work",
        server.process.resident_mib()?,
        "MiB",
        80.0,
    )];
    let data = folder.join("agent").display().to_string();
    let flags = ["--server", &server.url, "--data-dir", &data, "--cluster", "bench"];
    server
        .client
        .call("CreateCluster", json!({"clusterName": "bench"}))
        .await?;
    let agent = Process::start(binary, "agent", &flags, &folder.join("agent.log"))?;
    until_connected(&server.client).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    figures.push(Figure::at_most(
        "memory of an agent without work",
        agent.resident_mib()?,
        "MiB",
        25.0,
    ));
    figures.push(one_task(&server.client, rounds).await?);
    figures.push(forty_tasks(&server.client).await?);
    agent.stop();
    Ok(figures)
}

fn import(program: &Path, folder: &Path) -> anyhow::Result<()> {
    let staging = folder.join("image");
    std::fs::create_dir_all(&staging)?;
    std::fs::copy(program, staging.join("hello"))?;
    let tar = folder.join("image.tar");
    let made = Command::new("tar")
        .arg("-C")
        .arg(&staging)
        .arg("-cf")
        .arg(&tar)
        .arg("hello")
        .status()?;
    if !made.success() {
        bail!("tar failed");
    }
    docker(&[
        "import",
        "-c",
        "ENTRYPOINT [\"/hello\"]",
        &tar.display().to_string(),
        IMAGE,
    ])
    .map(drop)
}

async fn until_connected(client: &Client) -> anyhow::Result<()> {
    for _ in 0..300 {
        let listed = client
            .call("ListContainerInstances", json!({"cluster": "bench"}))
            .await?;
        if let Some(arn) = listed["containerInstanceArns"].get(0) {
            let body = json!({"cluster": "bench", "containerInstances": [arn]});
            let shown = client.call("DescribeContainerInstances", body).await?;
            if shown["containerInstances"][0]["agentConnected"] == true {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the agent did not connect")
}

/// Alternates `docker run -d` and RunTask → RUNNING, so that both see the same machine.
async fn one_task(client: &Client, rounds: usize) -> anyhow::Result<Figure> {
    let container = json!([{"name": "app", "image": IMAGE, "memory": 32, "stopTimeout": 5}]);
    client
        .call(
            "RegisterTaskDefinition",
            json!({"family": "one", "containerDefinitions": container}),
        )
        .await?;
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    println!("RunTask against docker run -d, {rounds} rounds");
    for _ in 0..rounds {
        let started = Instant::now();
        let id = docker(&["run", "-d", "--memory", "32m", "--label", "berth-bench", IMAGE])?;
        plain.push(started.elapsed().as_secs_f64() * 1e3);
        docker(&["rm", "-f", &id])?;

        let started = Instant::now();
        let reply = client
            .call("RunTask", json!({"cluster": "bench", "taskDefinition": "one"}))
            .await?;
        let arn = reply["tasks"][0]["taskArn"].clone();
        until(client, &arn, "RUNNING").await?;
        ours.push(started.elapsed().as_secs_f64() * 1e3);
        client
            .call("StopTask", json!({"cluster": "bench", "task": arn}))
            .await?;
        until(client, &arn, "STOPPED").await?;
    }
    let (plain, ours) = (median(plain), median(ours));
    let figure = Figure::at_most(
        "RunTask to RUNNING, image on the host, median",
        ours,
        "ms",
        (plain + 50.0).round(),
    );
    Ok(figure.against("docker run -d", plain))
}

async fn until(client: &Client, arn: &Value, status: &str) -> anyhow::Result<()> {
    for _ in 0..20_000 {
        let shown = client
            .call("DescribeTasks", json!({"cluster": "bench", "tasks": [arn]}))
            .await?;
        let last = shown["tasks"][0]["lastStatus"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if last == status {
            return Ok(());
        }
        if last == "STOPPED" {
            bail!("{}", shown["tasks"][0]);
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    bail!("{arn} did not become {status}")
}

async fn forty_tasks(client: &Client) -> anyhow::Result<Figure> {
    let swarm = swarm_service()?;
    println!("a service of 40 tasks from 0 to steady");
    let started = Instant::now();
    let body =
        json!({"cluster": "bench", "serviceName": "forty", "taskDefinition": "one", "desiredCount": 40});
    client.call("CreateService", body).await?;
    loop {
        let shown = client
            .call(
                "DescribeServices",
                json!({"cluster": "bench", "services": ["forty"]}),
            )
            .await?;
        if shown["services"][0]["runningCount"] == 40 {
            break;
        }
        if started.elapsed() > Duration::from_secs(300) {
            bail!("40 tasks did not run within 5 minutes: {shown}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ours = started.elapsed().as_secs_f64();
    client
        .call(
            "DeleteService",
            json!({"cluster": "bench", "service": "forty", "force": true}),
        )
        .await?;
    loop {
        let listed = client
            .call("DescribeClusters", json!({"clusters": ["bench"]}))
            .await?;
        if listed["clusters"][0]["runningTasksCount"] == 0 && listed["clusters"][0]["pendingTasksCount"] == 0
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let figure = Figure::at_most(
        "a service of 40 tasks from 0 to running",
        ours,
        "s",
        (swarm * 0.7 * 10.0).round() / 10.0,
    );
    Ok(figure.against("Docker Swarm", swarm))
}

/// The same of a Swarm service on the same engine, in seconds.
fn swarm_service() -> anyhow::Result<f64> {
    println!("a Docker Swarm service of 40 tasks from 0 to running");
    docker(&[
        "swarm",
        "init",
        "--advertise-addr",
        "127.0.0.1",
        "--listen-addr",
        "127.0.0.1:2377",
    ])?;
    let measured = (|| {
        let started = Instant::now();
        let words = [
            "service",
            "create",
            "--detach",
            "--no-resolve-image",
            "--name",
            "berth-bench",
            "--replicas",
            "40",
            "--limit-memory",
            "32m",
            IMAGE,
        ];
        docker(&words)?;
        loop {
            let listed = docker(&["service", "ps", "berth-bench", "--format", "{{.CurrentState}}"])?;
            if listed.lines().filter(|line| line.starts_with("Running")).count() == 40 {
                return anyhow::Ok(started.elapsed().as_secs_f64());
            }
            if started.elapsed() > Duration::from_secs(300) {
                bail!("Swarm's 40 tasks did not run within 5 minutes");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    })();
    let _ = docker(&["service", "rm", "berth-bench"]);
    for _ in 0..600 {
        if docker(&[
            "ps",
            "-q",
            "--filter",
            "label=com.docker.swarm.service.name=berth-bench",
        ])?
        .is_empty()
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    docker(&["swarm", "leave", "--force"])?;
    measured
}
