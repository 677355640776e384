//! What can go wrong between us and the database.

use thiserror::Error;

pub type Result<T> = std::result::Result<T, StoreError>;

/// A failure of the database or of what we expect to find in it; never the fault of a request.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    #[error("the database's schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("row of {table} does not make sense: {reason}")]
    Inconsistent { table: &'static str, reason: String },
    #[error("gave up after {attempts} conflicting attempts to {act}")]
    Contended { act: &'static str, attempts: u32 },
    /// The server that was to do it is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl StoreError {
    /// Name of the constraint or index that refused a row, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            StoreError::Database(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}
