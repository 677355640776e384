//! One server at a time runs the loops; the others stand by and take over within a second.
//!
//! Nothing depends on it for safety: every change is conditional. It only keeps several servers from doing the same work.

use std::time::Duration;

use store::Db;
use store::leadership::Leadership;
use tokio::sync::watch;
use tracing::{debug, info, warn};

const PAUSE: Duration = Duration::from_millis(700);
/// A database that answers later than this is as good as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Loop: keeps trying to lead, and to keep leading. Runs until it is dropped.
pub(crate) async fn run(db: Db, leading: watch::Sender<bool>) {
    let mut held: Option<Leadership> = None;
    loop {
        held = match held {
            None => acquire(&db).await,
            Some(leadership) => confirm(leadership).await,
        };
        leading.send_if_modified(|leading| std::mem::replace(leading, held.is_some()) != held.is_some());
        tokio::time::sleep(PAUSE).await;
    }
}

async fn acquire(db: &Db) -> Option<Leadership> {
    match tokio::time::timeout(PATIENCE, Leadership::try_acquire(db, "reconcilers")).await {
        Ok(Ok(Some(leadership))) => {
            info!("this server runs the loops now");
            Some(leadership)
        }
        Ok(Ok(None)) => None,
        Ok(Err(error)) => {
            debug!(%error, "cannot ask for the loops");
            None
        }
        Err(_) => None,
    }
}

async fn confirm(mut leadership: Leadership) -> Option<Leadership> {
    match tokio::time::timeout(PATIENCE, leadership.confirm()).await {
        Ok(Ok(())) => return Some(leadership),
        Ok(Err(error)) => warn!(%error, "this server lost the loops"),
        Err(_) => warn!("this server lost the loops: the database does not answer"),
    }
    None
}
