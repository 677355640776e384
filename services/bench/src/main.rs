//! `make bench`: figures against their targets, each as a ratio within one run where there is something to compare with.
//!
//! `bench <berth binary> <sample binary> [--quick] [--balancer]`

mod agents;
mod balancer;
mod client;
mod containers;
mod placements;
mod report;
mod server;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use balancer::Effort;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let path = |n: usize| {
        words
            .get(n)
            .map(PathBuf::from)
            .context("usage: bench <berth binary> <sample binary> [--quick] [--balancer]")
    };
    let (binary, program) = (path(0)?, path(1)?);
    let quick = words.iter().any(|word| word == "--quick");
    let (tasks, rounds) = if quick { (20_000, 10) } else { (100_000, 50) };

    let folder = server::Folder::new()?;
    let server = server::Server::start(&binary, &folder.0).await?;
    let mut figures = Vec::new();
    if !words.iter().any(|word| word == "--balancer") {
        figures.extend(containers::measure(&binary, &program, &server, &folder.0, rounds).await?);
        figures.extend(placements::measure(&server, tasks).await?);
        figures.extend(agents::measure(&server, 300, if quick { 1500 } else { 3000 }).await?);
    }
    let effort = match quick {
        true => Effort {
            rounds: 3,
            seconds: 3,
            sockets: 2000,
        },
        false => Effort {
            rounds: 5,
            seconds: 5,
            sockets: 10_000,
        },
    };
    figures.extend(balancer::measure(&binary, &server, &folder.0, effort).await?);
    server.stop().await?;
    report::publish(&figures, Path::new("target/bench.json"))
}
