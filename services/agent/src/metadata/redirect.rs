//! The NAT rules that bring 169.254.170.2:80 to the metadata endpoint: from bridges, and from the host's own network.
//! Each rule carries a comment by which it is found again, replaced and removed.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;

const COMMENT: &str = "berth-agent-metadata";
const ROUTE_LOCALNET: &str = "/proc/sys/net/ipv4/conf/all/route_localnet";
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Why the rules are not in place.
#[derive(Debug, thiserror::Error)]
pub enum RedirectError {
    #[error("iptables cannot be run: {0}")]
    Run(std::io::Error),
    #[error("iptables {arguments}: {message}")]
    Refused { arguments: String, message: String },
    #[error("{ROUTE_LOCALNET} cannot be set: {0}")]
    Sysctl(std::io::Error),
    #[error("another agent on this host, at {0}, has them already")]
    Taken(SocketAddr),
}

/// A rule: its table and chain, and what it matches and does.
struct Rule {
    table: &'static str,
    chain: &'static str,
    body: Vec<String>,
}

/// Puts the rules for an endpoint at `listen` in place of any that an earlier process left.
///
/// # Errors
/// When the process may not do that, or another living agent has rules of its own.
pub async fn install(listen: SocketAddr) -> Result<(), RedirectError> {
    for address in installed().await? {
        if address != listen && answers(address).await {
            return Err(RedirectError::Taken(address));
        }
    }
    remove().await?;
    if listen.ip().is_loopback() {
        std::fs::write(ROUTE_LOCALNET, "1").map_err(RedirectError::Sysctl)?;
    }
    for rule in rules(listen) {
        let position = if rule.chain == "INPUT" { "-I" } else { "-A" };
        let mut arguments = vec![
            "-t".to_owned(),
            rule.table.to_owned(),
            position.to_owned(),
            rule.chain.to_owned(),
        ];
        arguments.extend(rule.body);
        iptables(&arguments).await?;
    }
    Ok(())
}

/// Removes the rules for an endpoint at `listen`, and leaves those of another agent.
///
/// # Errors
/// When the process may not do that.
pub async fn remove_own(listen: SocketAddr) -> Result<(), RedirectError> {
    if installed().await?.iter().all(|address| *address == listen) {
        remove().await
    } else {
        Ok(())
    }
}

/// Removes every rule that an agent of Berth made on this host.
///
/// # Errors
/// When the process may not do that.
pub async fn remove() -> Result<(), RedirectError> {
    for table in ["nat", "filter"] {
        for line in listed(table).await? {
            let mut arguments = vec!["-t".to_owned(), table.to_owned(), "-D".to_owned()];
            arguments.extend(
                line.split_whitespace()
                    .skip(1)
                    .map(|word| word.trim_matches('"').to_owned()),
            );
            iptables(&arguments).await?;
        }
    }
    Ok(())
}

fn rules(listen: SocketAddr) -> Vec<Rule> {
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    let to_endpoint = format!(
        "-d 169.254.170.2/32 -p tcp --dport 80 -m comment --comment {COMMENT} -j DNAT --to-destination {listen}"
    );
    let mut rules = vec![
        Rule {
            table: "nat",
            chain: "PREROUTING",
            body: words(&to_endpoint),
        },
        Rule {
            table: "nat",
            chain: "OUTPUT",
            body: words(&to_endpoint),
        },
    ];
    if listen.ip().is_loopback() {
        // route_localnet opens 127/8 to neighbours; only what the first rule brought there may pass.
        let guard = format!(
            "-d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment {COMMENT} -j DROP"
        );
        rules.push(Rule {
            table: "filter",
            chain: "INPUT",
            body: words(&guard),
        });
    }
    rules
}

/// Our rules of a table, as `-A CHAIN ...` lines.
async fn listed(table: &str) -> Result<Vec<String>, RedirectError> {
    let rules = iptables(&["-t".to_owned(), table.to_owned(), "-S".to_owned()]).await?;
    Ok(rules
        .lines()
        .filter(|line| line.starts_with("-A ") && line.contains(COMMENT))
        .map(ToOwned::to_owned)
        .collect())
}

/// Endpoints that our rules lead to.
async fn installed() -> Result<Vec<SocketAddr>, RedirectError> {
    let address = |line: String| {
        line.split("--to-destination ")
            .nth(1)?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    };
    Ok(listed("nat").await?.into_iter().filter_map(address).collect())
}

async fn answers(address: SocketAddr) -> bool {
    matches!(
        tokio::time::timeout(PROBE_TIMEOUT, TcpStream::connect(address)).await,
        Ok(Ok(_))
    )
}

async fn iptables(arguments: &[String]) -> Result<String, RedirectError> {
    let run = |program: &str| {
        Command::new(program)
            .arg("-w")
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
    };
    let output = match run("iptables").await {
        Err(error) if error.kind() == ErrorKind::NotFound => run("/usr/sbin/iptables").await,
        output => output,
    };
    let output = output.map_err(RedirectError::Run)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(RedirectError::Refused {
        arguments: arguments.join(" "),
        message,
    })
}
