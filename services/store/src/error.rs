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
    /// The connection broke in between: what was to be done may have been done, or not.
    #[error("the database did not confirm it")]
    InDoubt,
    /// The server that was to do it is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl StoreError {
    /// The database refused what it was asked, so that nothing of it was done. A session that ended does not say that: it may have
    /// ended just after a commit.
    pub fn is_refusal(&self) -> bool {
        const OPERATOR_INTERVENTION: &str = "57P";
        match self {
            StoreError::Database(sqlx::Error::Database(error)) => !error
                .code()
                .is_some_and(|code| code.starts_with(OPERATOR_INTERVENTION)),
            _ => false,
        }
    }

    /// What stands in a row cannot be read, as when another version has written it. Other rows can.
    pub fn is_unreadable(&self) -> bool {
        matches!(
            self,
            StoreError::Inconsistent { .. }
                | StoreError::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        )
    }

    /// Name of the constraint or index that refused a row, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            StoreError::Database(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}
