//! A database of its own for each test, on a PostgreSQL that all tests share.

mod server;

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use store::Db;
use uuid::Uuid;

pub use server::Server;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");
/// Connections that one test may hold.
const CONNECTIONS: u32 = 20;

/// A fresh database with the schema of `migrations/`. It is dropped at the end of the test.
pub struct TestDb {
    server: Server,
    name: String,
    db: Db,
}

impl TestDb {
    /// Clones the migrated template. The first test of all starts the server and makes the template.
    ///
    /// # Panics
    /// When there is no PostgreSQL to start: no test can go on then.
    pub async fn new() -> Self {
        Self::create().await.expect("a database for this test")
    }

    async fn create() -> Result<Self> {
        let server = tokio::task::spawn_blocking(running).await??;
        let mut admin = server.options("postgres").connect().await?;
        sweep(&mut admin).await?;
        let template = template(&server, &mut admin).await?;
        let name = format!("test_{}_{}", std::process::id(), Uuid::new_v4().simple());
        execute(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        admin.close().await?;
        let db = Db::connect(server.options(&name), CONNECTIONS).await?;
        Ok(Self { server, name, db })
    }

    /// The store on this database.
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    pub fn options(&self) -> PgConnectOptions {
        self.server.options(&self.name)
    }

    /// For processes of their own: their `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }
}

impl Drop for TestDb {
    /// A thread with a runtime of its own, because the test's may be the one that is being dropped.
    fn drop(&mut self) {
        let (options, name) = (self.server.options("postgres"), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = options.connect().await?;
                execute(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("database {} was not dropped", self.name);
        }
    }
}

/// The server, looked for once in each process.
fn running() -> Result<Server> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    if let Some(server) = SERVER.get() {
        return Ok(server.clone());
    }
    let server = Server::running()?;
    Ok(SERVER.get_or_init(|| server).clone())
}

/// Name of the database with this build's schema; made by whoever comes first.
async fn template(server: &Server, admin: &mut PgConnection) -> Result<String> {
    let mut digest = Sha256::new();
    for migration in MIGRATIONS.iter() {
        digest.update(&migration.checksum);
    }
    let key = hex::encode(&digest.finalize()[..6]);
    let (name, building) = (format!("template_{key}"), format!("building_{key}"));
    if exists(admin, &name).await? {
        return Ok(name);
    }
    sqlx::query("SELECT pg_advisory_lock(hashtext($1))")
        .bind(&name)
        .execute(&mut *admin)
        .await?;
    if !exists(admin, &name).await? {
        execute(admin, format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)")).await?;
        execute(admin, format!("CREATE DATABASE {building}")).await?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(server.options(&building))
            .await?;
        MIGRATIONS
            .run(&pool)
            .await
            .context("a migration does not apply")?;
        pool.close().await;
        execute(admin, format!("ALTER DATABASE {building} RENAME TO {name}")).await?;
    }
    sqlx::query("SELECT pg_advisory_unlock(hashtext($1))")
        .bind(&name)
        .execute(admin)
        .await?;
    Ok(name)
}

async fn exists(admin: &mut PgConnection, name: &str) -> Result<bool> {
    let query = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)");
    Ok(query.bind(name).fetch_one(admin).await?)
}

/// Once in each process: drops databases that killed test processes left behind.
async fn sweep(admin: &mut PgConnection) -> Result<()> {
    static SWEPT: OnceLock<()> = OnceLock::new();
    if SWEPT.set(()).is_err() {
        return Ok(());
    }
    let query = sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'");
    let names: Vec<String> = query.fetch_all(&mut *admin).await?;
    for name in names {
        let alive = name
            .split('_')
            .nth(1)
            .is_none_or(|pid| Path::new("/proc").join(pid).exists());
        if !alive {
            // Without FORCE: it stays if someone uses it after all.
            let _ = execute(admin, format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
    Ok(())
}

/// Runs a statement that cannot have parameters; the names in it are made here.
async fn execute(admin: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await?;
    Ok(())
}
