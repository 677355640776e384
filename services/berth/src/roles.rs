//! What each subcommand does.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use auth::{KeyPair, Secret};
use berth::config::{Config, Surroundings};
use berth::control_plane::{ControlPlane, ControlPlaneConfig, time_delta};
use berth::host;
use berth::lb::{self, Question};
use berth::postgres::PrivatePostgres;
use berth::proxy::{self, RunningProxy};
use kit::{Random, Shutdown, SystemClock, Tasks};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reconcilers::ReconcilerConfig;
use sqlx::postgres::PgConnectOptions;
use store::Db;
use tokio::net::TcpListener;

/// Longest wait for requests and sessions at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// Longest wait for PostgreSQL's last checkpoint.
const DATABASE_DRAIN: Duration = Duration::from_secs(60);
/// Connections to PostgreSQL of one server.
const CONNECTIONS: u32 = 24;

/// `berth dev`. PostgreSQL is looked for in `search_path`.
pub fn dev(config: &Config, search_path: Option<&str>) -> anyhow::Result<ExitCode> {
    on_runtime(config, |tasks| async move {
        config.create_data_dir()?;
        // The database goes last, so it is not among the tasks that drain first.
        let below = Tasks::new(Shutdown::new());
        let options = match &config.database_url {
            Some(_) => database(config)?,
            None => private_database(config, search_path, &below, &tasks).await?,
        };
        let outcome = match serve_with_agent(config, options, &tasks).await {
            Ok(running) => {
                tasks.shutdown().requested().await;
                drain(running.as_ref(), &tasks).await;
                Ok(())
            }
            Err(error) => {
                tasks.drain(DRAIN).await;
                Err(error)
            }
        };
        below.drain(DATABASE_DRAIN).await;
        match below.failure() {
            Some(failure) => Err(failure.into()),
            None => outcome,
        }
    })
}

async fn private_database(
    config: &Config,
    search_path: Option<&str>,
    below: &Tasks,
    tasks: &Tasks,
) -> anyhow::Result<PgConnectOptions> {
    let postgres = PrivatePostgres::start(&config.data_dir, search_path).await?;
    let url = postgres.url();
    below.spawn("postgresql", postgres.supervise(below.shutdown().clone()));
    // Without its database nothing else can go on.
    let (gone, shutdown) = (below.shutdown().clone(), tasks.shutdown().clone());
    tasks.spawn_job("postgresql-watch", async move {
        if shutdown.unless_requested(gone.requested()).await.is_some() {
            shutdown.request();
        }
    });
    url.parse()
        .context("the private PostgreSQL's address cannot be read")
}

async fn serve_with_agent(
    config: &Config,
    options: PgConnectOptions,
    tasks: &Tasks,
) -> anyhow::Result<Option<RunningProxy>> {
    let control_plane = serve(config, options, tasks).await?;
    let server = format!("http://{}", control_plane.address);
    let key_pair = config.key_pair(&Random::from_os())?;
    let running = match config.no_proxy {
        true => None,
        false => Some(proxy::start(config, &server, &key_pair, tasks).await?),
    };
    if !config.no_agent {
        host::start(config, &server, &key_pair, tasks).await?;
    }
    Ok(running)
}

/// Connections of clients end while everything else still runs.
async fn drain(running: Option<&RunningProxy>, tasks: &Tasks) {
    if let Some(running) = running {
        running.drain(DRAIN).await;
    }
    tasks.drain(DRAIN).await;
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
            bail!(
                "the agent needs keys of the server: give --access-key-id and --secret-access-key (`berth env` on the server shows them)"
            );
        };
        host::start(config, server, &key_pair, &tasks).await?;
        tasks.shutdown().requested().await;
        tasks.drain(DRAIN).await;
        Ok(())
    })
}

/// `berth proxy`.
pub fn proxy(config: &Config) -> anyhow::Result<ExitCode> {
    on_runtime(config, |tasks| async move {
        config.create_data_dir()?;
        let Some(server) = &config.proxy.server else {
            bail!("which server to join? Give its address with --server http://HOST:8400");
        };
        let Some(key_pair) = config.existing_key_pair()? else {
            bail!(
                "the proxy needs the operator's keys: give --access-key-id and --secret-access-key (`berth env` on the server shows them)"
            );
        };
        let running = proxy::start(config, server, &key_pair, &tasks).await?;
        tasks.shutdown().requested().await;
        drain(Some(&running), &tasks).await;
        Ok(())
    })
}

/// `berth lb`, and `berth lb trace` with a question. Asks as whoever is configured, else as AWS clients do, else as this machine's operator.
pub fn lb(
    config: &Config,
    surroundings: &Surroundings,
    question: Option<&Question>,
) -> anyhow::Result<ExitCode> {
    let access = access(config, surroundings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let overview = runtime.block_on(lb::fetch(&access))?;
    let text = match question {
        None => lb::render(&overview),
        Some(question) => lb::trace(&overview, question),
    };
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

fn access(config: &Config, surroundings: &Surroundings) -> anyhow::Result<lb::Access> {
    let aws = |name: &str| surroundings.variable(name).map(str::to_owned);
    let of_clients = || {
        let access_key_id = aws("AWS_ACCESS_KEY_ID")?;
        let secret = Secret::new(aws("AWS_SECRET_ACCESS_KEY")?);
        Some(KeyPair {
            access_key_id,
            secret,
        })
    };
    let key_pair = match config.given_key_pair.clone().or_else(of_clients) {
        Some(pair) => Some(pair),
        None => config.existing_key_pair()?,
    };
    let Some(key_pair) = key_pair else {
        bail!("which keys? Use eval \"$(berth env)\", or give --access-key-id and --secret-access-key");
    };
    let region = || aws("AWS_REGION").or_else(|| aws("AWS_DEFAULT_REGION"));
    Ok(lb::Access {
        server: config
            .proxy
            .server
            .clone()
            .or_else(|| aws("AWS_ENDPOINT_URL"))
            .unwrap_or_else(|| config.advertise_url.clone()),
        key_pair,
        region: match config.is_set("region") {
            true => config.region.to_string(),
            false => region().unwrap_or_else(|| config.region.to_string()),
        },
    })
}

/// `berth env`.
pub fn env(config: &Config) -> anyhow::Result<ExitCode> {
    let Some(pair) = config.existing_key_pair()? else {
        bail!(
            "there are no keys in {} yet: start `berth dev` first",
            config.data_dir.display()
        );
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
        Some(name) => match config.value(name) {
            Some(value) => println!("{value}"),
            None => bail!("there is no setting {name}; `berth config` lists them"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// `berth clean`.
pub fn clean(config: &Config) -> anyhow::Result<ExitCode> {
    on_runtime(config, |_| async move {
        agent::remove_metadata_redirect()
            .await
            .context("the redirection of the metadata address stays")
    })
}

async fn serve(config: &Config, options: PgConnectOptions, tasks: &Tasks) -> anyhow::Result<ControlPlane> {
    let random = Random::from_os();
    // First the address: nobody waits for a database only to hear that the port is taken.
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; choose another address with --listen",
            config.listen
        )
    })?;
    let db = Db::connect(options, CONNECTIONS)
        .await
        .context("PostgreSQL could not be used")?;
    let settings = ControlPlaneConfig {
        advertise_url: Some(config.advertise_url.clone()),
        account: config.account_id.clone(),
        region: config.region.clone(),
        regions: config.regions.clone(),
        key_pair: config.key_pair(&random)?,
        master_key: config.master_key(&random)?,
        allow_reset: config.allow_reset,
        objects: Some(config.data_dir.join("s3")),
        reconcilers: ReconcilerConfig {
            host_loss_after: time_delta(config.host_loss_after),
            service_healthy_after: time_delta(config.service_healthy_after),
            stopped_task_retention: time_delta(config.stopped_task_retention),
            acme: config.acme.clone(),
            ..ReconcilerConfig::default()
        },
    };
    let control_plane = ControlPlane::start(db, listener, settings, Arc::new(SystemClock), tasks).await?;
    tracing::info!(address = %control_plane.address, "serving");
    Ok(control_plane)
}

fn database(config: &Config) -> anyhow::Result<PgConnectOptions> {
    let Some(url) = &config.database_url else {
        bail!(
            "which PostgreSQL? Set DATABASE_URL or --database-url, or use `berth dev`, which starts one of its own"
        );
    };
    url.parse().context("the database's URL cannot be read")
}

/// Takes as many file descriptors as the system allows: each connection through a proxy is two, and shells start with 1,024.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Runs a role until it ends or is asked to stop; a loop that broke makes the exit code 1.
fn on_runtime<F>(config: &Config, role: impl FnOnce(Tasks) -> F) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<()>>,
{
    kit::logging::init(&config.log, config.log_format)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
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
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./:+=@".contains(&b));
    if plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
