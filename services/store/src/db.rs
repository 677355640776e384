//! The connection to Postgres and what belongs to every use of it.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};

use crate::error::{Result, StoreError};
use crate::wake::{Wake, Wakes};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// An open transaction.
pub type Tx = Transaction<'static, Postgres>;

/// The database, and the wakes that go with its changes. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: PgPool,
    wakes: Wakes,
}

impl Db {
    /// Connects, brings the schema up to date (safe when several servers start at once: sqlx takes an advisory lock) and
    /// begins to pass wakes on.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses a migration.
    pub async fn connect(options: PgConnectOptions, max_connections: u32) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Self::on(pool).await
    }

    /// The same over a pool that exists (a test's own database).
    pub async fn on(pool: PgPool) -> Result<Self> {
        MIGRATIONS.run(&pool).await?;
        Ok(Self {
            wakes: Wakes::new(),
            pool,
        })
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// Asks the database for anything at all.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Opens a transaction. Dropping it rolls it back.
    ///
    /// The BEGIN runs to its end even if the caller does not wait for it: sqlx counts a transaction only when BEGIN was answered, so one
    /// that is cut off (its client went away) would go back to the pool open, with the locks of whoever comes next.
    pub async fn begin(&self) -> Result<Tx> {
        let pool = self.pool.clone();
        match tokio::spawn(async move { pool.begin().await }).await {
            Ok(begun) => Ok(begun?),
            Err(_) => Err(StoreError::ShuttingDown),
        }
    }

    /// Commits, then tells everyone who waits for these changes. Lost wakes only cost time: every loop also looks by itself.
    pub async fn commit(&self, tx: Tx, wakes: impl IntoIterator<Item = Wake>) -> Result<()> {
        tx.commit().await?;
        for wake in wakes {
            self.wakes.send(wake);
        }
        Ok(())
    }
}
