//! Requests through the load balancer against HAProxy and nginx: the same backend, the same run, one processor for the proxy and the
//! other for the load and the backend.

mod contenders;
mod load;
mod sockets;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::report::{Figure, median};
use crate::server::Server;
use contenders::{Berth, Contender, HaProxy, Nginx, Origin};
use load::Scenario;

/// How long and how often each scenario runs.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub seconds: u32,
    pub sockets: usize,
}

/// All figures of this file.
pub async fn measure(
    binary: &Path,
    server: &Server,
    folder: &Path,
    effort: Effort,
) -> anyhow::Result<Vec<Figure>> {
    if let Some(missing) = load::missing_tool() {
        println!("the load balancer is not measured: there is no `{missing}` here");
        return Ok(Vec::new());
    }
    let folder = folder.join("balancer");
    std::fs::create_dir_all(&folder)?;
    let certificate = contenders::certificate(&folder)?;
    let origin = Origin::start(&folder, sockets::Backend::start().await?.port)?;
    let haproxy = HaProxy::start(&folder, &origin, &certificate)?;
    let nginx = Nginx::start(&folder, &origin, &certificate)?;
    let berth = Berth::start(binary, server, &folder, &origin, &certificate).await?;
    let contenders: [&dyn Contender; 3] = [&berth, &haproxy, &nginx];
    for contender in contenders {
        load::until_serving(contender).await?;
    }
    let idle = berth.resident_mib()?;
    let mut figures = vec![Figure::at_most(
        "memory of a proxy without work",
        idle,
        "MiB",
        25.0,
    )];
    for scenario in Scenario::ALL {
        figures.push(throughput(&contenders, scenario, effort)?);
    }
    for scenario in [Scenario::KeepAlive64, Scenario::Tls64] {
        figures.extend(latency(&contenders, scenario, effort)?);
    }
    figures.extend(sockets::measure(&contenders[..2], effort.sockets).await?);
    figures.push(time_to_effect(&berth, effort.rounds * 5).await?);
    figures.push(thousand_rules(&berth, server, effort).await?);
    Ok(figures)
}

/// Requests per second, rounds of all contenders taking turns.
fn throughput(contenders: &[&dyn Contender], scenario: Scenario, effort: Effort) -> anyhow::Result<Figure> {
    let mut results: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for _ in 0..effort.rounds {
        for (contender, results) in contenders.iter().zip(&mut results) {
            results.push(load::requests_per_second(*contender, scenario, effort.seconds)?);
        }
    }
    let medians: Vec<f64> = results.into_iter().map(median).collect();
    let name = format!("requests/s through the balancer, {scenario}");
    let mut figure =
        Figure::at_least(name, medians[0], "/s", medians[1].round()).against("haproxy", medians[1]);
    figure.against = Some(format!(
        "haproxy ({:.0}/s), nginx ({:.0}/s)",
        medians[1], medians[2]
    ));
    Ok(figure)
}

/// p50, p99 and p99.9 at half of what HAProxy can do.
fn latency(contenders: &[&dyn Contender], scenario: Scenario, effort: Effort) -> anyhow::Result<Vec<Figure>> {
    let rate = load::requests_per_second(contenders[1], scenario, effort.seconds)? / 2.0;
    let mut results: Vec<Vec<[f64; 3]>> = vec![Vec::new(); contenders.len()];
    for _ in 0..effort.rounds {
        for (contender, results) in contenders.iter().zip(&mut results) {
            results.push(load::percentiles_at(*contender, scenario, rate, effort.seconds)?);
        }
    }
    let of = |contender: usize, which: usize| {
        median(results[contender].iter().map(|round| round[which]).collect())
    };
    let names = ["p50", "p99", "p99.9"];
    Ok(names
        .iter()
        .enumerate()
        .map(|(which, name)| {
            let (berth, haproxy, nginx) = (of(0, which), of(1, which), of(2, which));
            let name = format!("{name} at {rate:.0} requests/s, {scenario}");
            let mut figure = match which {
                1 => Figure::at_most(name, berth, "ms", (haproxy * 1.2 * 1000.0).round() / 1000.0),
                _ => Figure::only(name, berth, "ms"),
            }
            .against("haproxy", haproxy);
            figure.against = Some(format!("haproxy ({haproxy:.2} ms), nginx ({nginx:.2} ms)"));
            figure
        })
        .collect())
}

/// From the answer to CreateRule until a request meets the rule.
async fn time_to_effect(berth: &Berth, rounds: usize) -> anyhow::Result<Figure> {
    let mut times = Vec::new();
    for round in 0..rounds {
        let path = format!("/effect-{round}");
        let begun = Instant::now();
        let arn = berth.create_rule(1000 + round, &path).await?;
        while !load::answers(berth, &path, 418).await? {
            anyhow::ensure!(
                begun.elapsed() < Duration::from_secs(10),
                "the rule did not come into force"
            );
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        berth.delete_rule(&arn).await?;
    }
    Ok(Figure::at_most(
        "from the CreateRule call to its effect, median",
        median(times),
        "ms",
        100.0,
    ))
}

/// What a thousand rules in front of the one that matches cost.
async fn thousand_rules(berth: &Berth, server: &Server, effort: Effort) -> anyhow::Result<Figure> {
    let one = load::requests_per_second(berth, Scenario::KeepAlive64, effort.seconds)?;
    berth
        .insert_rules(&server.database_url, 1000)
        .await
        .context("a thousand rules")?;
    let path = "/rule-999/x";
    let mut waited = 0;
    while !load::answers(berth, path, 418).await? {
        waited += 1;
        anyhow::ensure!(waited < 1000, "the rules did not come into force");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let many = load::requests_per_second(berth, Scenario::KeepAlive64, effort.seconds)?;
    Ok(Figure::only("requests/s with 1,000 rules", many, "/s").against("the same with none", one))
}
