//! `berth`: one binary, one subcommand for each role.

mod roles;

use std::net::IpAddr;
use std::process::ExitCode;

use berth::config::{Config, Flags, Surroundings};
use berth::lb::Question;
use clap::{Parser, Subcommand};

/// A self-hosted Amazon ECS.
#[derive(Parser)]
#[command(name = "berth", version, about, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Everything on this machine: a private PostgreSQL, the server, a load balancer proxy, and an agent on Docker Engine
    Dev(Flags),
    /// The control plane, over the PostgreSQL that DATABASE_URL names
    Server(Flags),
    /// This machine as a container instance of a server elsewhere
    Agent(Flags),
    /// The load balancers' traffic on this machine, as a proxy of a server elsewhere
    Proxy(Flags),
    /// Show load balancers: where they can be reached, their rules in order, their targets, and what is wrong
    #[command(args_conflicts_with_subcommands = true)]
    Lb {
        #[command(subcommand)]
        trace: Option<LbCommand>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Print the exports that point any AWS client at Berth: eval "$(berth env)"
    Env(Flags),
    /// Show all settings, their values and where they come from
    Config {
        /// Print only the value of this setting
        #[arg(long, value_name = "NAME")]
        get: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Remove what the agent left on this machine besides containers: redirections and control groups
    Clean(Flags),
}

#[derive(Subcommand)]
enum LbCommand {
    /// Say which rule a request meets, and why
    Trace {
        /// Such as http://127.0.64.1/img/cat.png?size=2; an address, or a host that leads to a load balancer
        url: String,
        #[arg(long, default_value = "GET")]
        method: String,
        /// A header of the request, as 'Name: value'; Host counts before the URL's
        #[arg(long = "header", value_name = "HEADER")]
        headers: Vec<String>,
        /// The client's address [default: 127.0.0.1]
        #[arg(long, value_name = "ADDRESS")]
        source_ip: Option<IpAddr>,
        #[command(flatten)]
        flags: Flags,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.role) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("berth: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role) -> anyhow::Result<ExitCode> {
    let surroundings = Surroundings::of_process();
    let load = |flags: &Flags| Config::load(flags, &surroundings);
    match role {
        Role::Dev(flags) => roles::dev(&load(&flags)?, surroundings.variable("PATH")),
        Role::Server(flags) => roles::server(&load(&flags)?),
        Role::Agent(flags) => roles::agent(&load(&flags)?),
        Role::Proxy(flags) => roles::proxy(&load(&flags)?),
        Role::Lb { trace: None, flags } => roles::lb(&load(&flags)?, &surroundings, None),
        Role::Lb {
            trace:
                Some(LbCommand::Trace {
                    url,
                    method,
                    headers,
                    source_ip,
                    flags,
                }),
            ..
        } => {
            let question = Question::new(&url, &method, &headers, source_ip)?;
            roles::lb(&load(&flags)?, &surroundings, Some(&question))
        }
        Role::Env(flags) => roles::env(&load(&flags)?),
        Role::Config { get, flags } => roles::config(&load(&flags)?, get.as_deref()),
        Role::Clean(flags) => roles::clean(&load(&flags)?),
    }
}
