//! What each subcommand does.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use berth::config::Config;
use berth::control_plane::{ControlPlane, ControlPlaneConfig, time_delta};
use berth::host;
use berth::postgres::PrivatePostgres;
use kit::{Random, Shutdown, SystemClock, Tasks};
use reconcilers::ReconcilerConfig;
use sqlx::postgres::PgConnectOptions;
use store::Db;
use tokio::net::TcpListener;

/// Longest wait for requests and sessions at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// Connections to PostgreSQL of one server.
const CONNECTIONS: u32 = 24;

/// `berth dev`.
pub fn dev(config: &Config) -> anyhow::Result<ExitCode> {
    on_runtime(config, |tasks| async move {
        config.create_data_dir()?;
        let postgres = match &config.database_url {
            Some(_) => None,
            None => Some(PrivatePostgres::start(&config.data_dir).await?),
        };
        let options = match &postgres {
            Some(postgres) => postgres.connect_options(),
            None => database(config)?,
        };
        let started = serve(config, options, &tasks).await;
        let outcome = match started {
            Ok(control_plane) if !config.no_agent => {
                let key_pair = config.key_pair(&Random::from_os())?;
                let server = format!("http://{}", control_plane.address);
                host::start(config, &server, &key_pair, &tasks).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if outcome.is_ok() {
            tasks.shutdown().requested().await;
        }
        tasks.drain(DRAIN).await;
        if let Some(postgres) = postgres {
            postgres.stop().await?;
        }
        outcome
    })
}

/// `berth server`.
pub fn server(config: &Config) -> anyhow::Result<ExitCode> {
    on_runtime(config, |tasks| async move {
        config.create_data_dir()?;
        serve(config, database(config)?, &tasks).await?;
        tasks.shutdown().requested().await;
        tasks.drain(DRAIN).await;
        Ok(())
    })
}

/// `berth agent`.
pub fn agent(config: &Config) -> anyhow::Result<ExitCode> {
    on_runtime(config, |tasks| async move {
        config.create_data_dir()?;
        let Some(server) = &config.agent.server else {
            bail!("which server to join? Give its address with --server http://HOST:8400");
        };
        let Some(key_pair) = config.existing_key_pair()? else {
            bail!("the agent needs keys of the server: give --access-key-id and --secret-access-key (`berth env` on the server shows them)");
        };
        host::start(config, server, &key_pair, &tasks).await?;
        tasks.shutdown().requested().await;
        tasks.drain(DRAIN).await;
        Ok(())
    })
}

/// `berth env`.
pub fn env(config: &Config) -> anyhow::Result<ExitCode> {
    let Some(pair) = config.existing_key_pair()? else {
        bail!("there are no keys in {} yet: start `berth dev` first", config.data_dir.display());
    };
    println!("export AWS_ENDPOINT_URL={}", quoted(&config.advertise_url));
    println!("export AWS_ACCESS_KEY_ID={}", quoted(&pair.access_key_id));
    println!("export AWS_SECRET_ACCESS_KEY={}", quoted(pair.secret.expose()));
    println!("export AWS_DEFAULT_REGION={}", quoted(config.region.as_str()));
    println!("export AWS_REGION={}", quoted(config.region.as_str()));
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE");
    Ok(ExitCode::SUCCESS)
}

/// `berth config`.
pub fn config(config: &Config, get: Option<&str>) -> anyhow::Result<ExitCode> {
    match get {
        None => println!("{}", config.table().trim_end()),
        Some(name) => match config.shown(name) {
            Some(value) => println!("{value}"),
            None => bail!("there is no setting {name}; `berth config` lists them"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// `berth clean`.
pub fn clean(config: &Config) -> anyhow::Result<ExitCode> {
    on_runtime(config, |_| async move {
        agent::clean(&config.data_dir.join("agent")).await;
        Ok(())
    })
}

async fn serve(config: &Config, options: PgConnectOptions, tasks: &Tasks) -> anyhow::Result<ControlPlane> {
    let random = Random::from_os();
    // First the address: nobody waits for a database only to hear that the port is taken.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", config.listen))?;
    let db = Db::connect(options, CONNECTIONS).await.context("PostgreSQL could not be used")?;
    let settings = ControlPlaneConfig {
        advertise_url: Some(config.advertise_url.clone()),
        account: config.account_id.clone(),
        region: config.region.clone(),
        regions: config.regions.clone(),
        key_pair: config.key_pair(&random)?,
        master_key: config.master_key(&random)?,
        allow_reset: config.allow_reset,
        reconcilers: ReconcilerConfig {
            host_loss_after: time_delta(config.host_loss_after),
            service_healthy_after: time_delta(config.service_healthy_after),
            stopped_task_retention: time_delta(config.stopped_task_retention),
            ..ReconcilerConfig::default()
        },
    };
    let control_plane = ControlPlane::start(db, listener, settings, Arc::new(SystemClock), tasks).await?;
    tracing::info!(address = %control_plane.address, "serving");
    Ok(control_plane)
}

fn database(config: &Config) -> anyhow::Result<PgConnectOptions> {
    let Some(url) = &config.database_url else {
        bail!("which PostgreSQL? Set DATABASE_URL or --database-url, or use `berth dev`, which starts one of its own");
    };
    url.parse().context("the database's URL cannot be read")
}

/// Runs a role until it ends or is asked to stop; a loop that broke makes the exit code 1.
fn on_runtime<F>(config: &Config, role: impl FnOnce(Tasks) -> F) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<()>>,
{
    kit::logging::init(&config.log, config.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let tasks = Tasks::new(Shutdown::new());
        tasks.stop_on_signals();
        role(tasks.clone()).await?;
        match tasks.failure() {
            Some(failure) => Err(failure.into()),
            None => Ok(ExitCode::SUCCESS),
        }
    })
}

/// A value that any shell takes as it is.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:+=@".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
