//! Lets services sleep that nobody asks for, and follows the tags that opt them in.

use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use store::{Db, Result, sleepers};

use crate::driver::Looked;
use crate::driver::round::Round;
use crate::{ReconcilerConfig, Surroundings};

/// Looks at all sleepers of all accounts; requests wake them without this loop.
pub struct Sleeper {
    db: Db,
    clock: Arc<dyn Clock>,
    config: Arc<ReconcilerConfig>,
}

impl Sleeper {
    pub fn new(surroundings: &Surroundings) -> Self {
        let Surroundings {
            db, clock, config, ..
        } = surroundings;
        Self {
            db: db.clone(),
            clock: clock.clone(),
            config: config.clone(),
        }
    }
}

impl Round for Sleeper {
    const NAME: &'static str = "sleeper";

    fn period(&self) -> Duration {
        self.config.sleep_period
    }

    async fn look(&self) -> Result<Looked> {
        let now = self.clock.now();
        sleepers::follow_tags(&self.db, now).await?;
        let slept = sleepers::fall_asleep(&self.db, now).await?;
        Ok(Looked {
            did: vec![("services_put_to_sleep", slept)],
            ..Looked::default()
        })
    }
}
