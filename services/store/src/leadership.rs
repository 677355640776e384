//! Which of several servers does a work that one is enough for.

use sqlx::{Connection, PgConnection};

use crate::{Db, Result};

/// Seconds after which Postgres ends the session of a leader that has gone silent, so that another can take over.
const SILENCE: &str = "5s";

/// Held as long as its connection, which is its own, lives. Dropping it gives the lead away.
pub struct Leadership {
    connection: PgConnection,
}

impl Leadership {
    /// Takes the lead of the work called `name`; `None` while another session has it.
    ///
    /// The holder has to [`confirm`](Self::confirm) at least every few seconds.
    pub async fn try_acquire(db: &Db, name: &str) -> Result<Option<Self>> {
        let mut connection = db.pool().acquire().await?.detach();
        sqlx::query("SELECT set_config('idle_session_timeout', $1, false)")
            .bind(SILENCE)
            .execute(&mut connection)
            .await?;
        let acquired = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(format!("berth lead of {name}"))
            .fetch_one(&mut connection)
            .await?;
        if acquired {
            return Ok(Some(Self { connection }));
        }
        connection.close().await?;
        Ok(None)
    }

    /// Shows that the holder is there.
    ///
    /// # Errors
    /// When the lead is lost.
    pub async fn confirm(&mut self) -> Result<()> {
        Ok(self.connection.ping().await?)
    }
}
