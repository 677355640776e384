//! State reports: sent until the server takes them (section 4.3).

use std::sync::Arc;
use std::time::Duration;

use agent_protocol::state_change::SubmitTaskStateChangeRequest;
use kit::{Backoff, Random};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::api::ApiClient;

/// Reports in flight at the same time, over all tasks of an agent.
const IN_FLIGHT: usize = 10;
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// Sends reports. The order of one task's reports is kept by its worker, which sends one at a time.
pub struct Submitter {
    api: Arc<ApiClient>,
    slots: Semaphore,
    random: Random,
    retry_limit: Duration,
}

impl Submitter {
    pub fn new(api: Arc<ApiClient>, random: Random, retry_limit: Duration) -> Self {
        Self {
            api,
            slots: Semaphore::new(IN_FLIGHT),
            random,
            retry_limit,
        }
    }

    /// Returns when the server accepted the report, or refused it as invalid so that sending it again is of no use.
    pub async fn submit(&self, request: &SubmitTaskStateChangeRequest) {
        let mut backoff = Backoff::new(FIRST_RETRY, self.retry_limit)
            .with_multiplier(1.5)
            .with_jitter(0.2);
        loop {
            // The place is given back between attempts, so that one stuck report does not hold up other tasks.
            let place = self.slots.acquire().await.expect("the semaphore is never closed");
            let result = self.api.call::<_, Value>("SubmitTaskStateChange", request).await;
            drop(place);
            match result {
                Ok(_) => return,
                Err(error) if error.code() == Some("InvalidParameterException") => {
                    tracing::warn!(task = %request.task, %error, "the server does not want this report");
                    return;
                }
                Err(error) => {
                    let delay = backoff.next_delay(&self.random);
                    tracing::warn!(task = %request.task, %error, ?delay, "report to be sent again");
                    tokio::time::sleep(delay).await;
                }
            }
        }
    }
}
