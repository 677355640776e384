//! Load by Debian's `wrk` and `h2load`.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::contenders::{Contender, LOAD_CPU};

/// What is asked for, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    KeepAlive64,
    KeepAlive512,
    Tls64,
    Http2,
}

impl Scenario {
    pub const ALL: [Self; 4] = [Self::KeepAlive64, Self::KeepAlive512, Self::Tls64, Self::Http2];

    fn url(self, contender: &dyn Contender) -> String {
        let base = match self {
            Self::KeepAlive64 | Self::KeepAlive512 => contender.http(),
            Self::Tls64 | Self::Http2 => contender.https(),
        };
        format!("{base}/1k")
    }

    const fn connections(self) -> u32 {
        match self {
            Self::KeepAlive64 | Self::Tls64 => 64,
            Self::KeepAlive512 => 512,
            Self::Http2 => 8,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeepAlive64 => "1 KB, 64 connections",
            Self::KeepAlive512 => "1 KB, 512 connections",
            Self::Tls64 => "1 KB, TLS, 64 connections",
            Self::Http2 => "1 KB, HTTP/2, 8 x 16 streams",
        })
    }
}

/// The first program that the measurements need and that is not here.
pub fn missing_tool() -> Option<&'static str> {
    let here = |tool: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(tool).exists())
    };
    ["haproxy", "nginx", "wrk", "h2load", "openssl", "taskset"]
        .into_iter()
        .find(|tool| !here(tool))
}

fn run(program: &str, words: &[String]) -> anyhow::Result<String> {
    let done = Command::new("taskset")
        .args(["-c", LOAD_CPU, program])
        .args(words)
        .output()
        .context(program.to_owned())?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        bail!(
            "{program} {}: {text}{}",
            words.join(" "),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(text)
}

/// As many as it can take.
pub fn requests_per_second(
    contender: &dyn Contender,
    scenario: Scenario,
    seconds: u32,
) -> anyhow::Result<f64> {
    let connections = scenario.connections();
    if scenario == Scenario::Http2 {
        let words = [
            format!("-c{connections}"),
            "-m16".into(),
            "-t1".into(),
            format!("-D{seconds}"),
            scenario.url(contender),
        ];
        let text = run("h2load", &words)?;
        refuse_failures(&text)?;
        let line = text
            .lines()
            .find(|line| line.starts_with("finished in"))
            .context("h2load said nothing")?;
        let figure = line
            .split(',')
            .nth(1)
            .and_then(|part| part.split_whitespace().next());
        return Ok(figure.context("h2load gave no figure")?.parse()?);
    }
    let words = [
        "-t1".into(),
        format!("-c{connections}"),
        format!("-d{seconds}s"),
        scenario.url(contender),
    ];
    let text = run("wrk", &words)?;
    if let Some(bad) = text
        .lines()
        .find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
    {
        bail!("{}: {}", scenario.url(contender), bad.trim());
    }
    let figure = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(figure.context("wrk gave no figure")?.trim().parse()?)
}

/// h2load's line `status codes: 100 2xx, 0 3xx, 0 4xx, 0 5xx`.
fn refuse_failures(text: &str) -> anyhow::Result<()> {
    let line = text
        .lines()
        .find(|line| line.starts_with("status codes:"))
        .context("h2load gave no status codes")?;
    match line.contains(" 0 3xx, 0 4xx, 0 5xx") {
        true => Ok(()),
        false => bail!("h2load: {line}"),
    }
}

/// p50, p99 and p99.9 in milliseconds at a fixed rate.
pub fn percentiles_at(
    contender: &dyn Contender,
    scenario: Scenario,
    rate: f64,
    seconds: u32,
) -> anyhow::Result<[f64; 3]> {
    let connections = scenario.connections();
    let log = std::env::temp_dir().join(format!("berth-bench-latency-{}", std::process::id()));
    let _ = std::fs::remove_file(&log);
    let words = [
        "--h1".into(),
        "-t1".into(),
        format!("-c{connections}"),
        format!("-D{seconds}"),
        format!("--rps={:.1}", rate / f64::from(connections)),
        format!("--log-file={}", log.display()),
        scenario.url(contender),
    ];
    refuse_failures(&run("h2load", &words)?)?;
    let text = std::fs::read_to_string(&log)?;
    let _ = std::fs::remove_file(&log);
    let mut times: Vec<f64> = text
        .lines()
        .filter_map(|line| line.split('\t').nth(2)?.trim().parse().ok())
        .collect();
    times.sort_by(f64::total_cmp);
    anyhow::ensure!(times.len() > 1000, "h2load made only {} requests", times.len());
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] / 1000.0;
    Ok([at(0.5), at(0.99), at(0.999)])
}

/// Status of one GET over a connection of its own.
async fn status(base: &str, path: &str) -> anyhow::Result<u16> {
    let authority = base.strip_prefix("http://").context("not http")?;
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let text = String::from_utf8_lossy(&reply);
    Ok(text.split(' ').nth(1).context("no answer")?.parse()?)
}

/// Whether the plain listener answers this path with this status now.
pub async fn answers(contender: &dyn Contender, path: &str, wanted: u16) -> anyhow::Result<bool> {
    Ok(status(contender.http(), path)
        .await
        .is_ok_and(|found| found == wanted))
}

pub async fn until_serving(contender: &dyn Contender) -> anyhow::Result<()> {
    for _ in 0..600 {
        if answers(contender, "/1k", 200).await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{} did not serve within a minute", contender.http())
}
