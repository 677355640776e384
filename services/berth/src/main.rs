//! `berth`: one binary, one subcommand for each role.

mod roles;

use std::process::ExitCode;

use berth::config::{Config, Flags, Surroundings};
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
    /// Everything on this machine: a private PostgreSQL, the server, and an agent on Docker Engine
    Dev(Flags),
    /// The control plane, over the PostgreSQL that DATABASE_URL names
    Server(Flags),
    /// This machine as a container instance of a server elsewhere
    Agent(Flags),
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
        Role::Env(flags) => roles::env(&load(&flags)?),
        Role::Config { get, flags } => roles::config(&load(&flags)?, get.as_deref()),
        Role::Clean(flags) => roles::clean(&load(&flags)?),
    }
}
