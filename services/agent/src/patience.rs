//! Calls of the container engine that are worth waiting for: the engine may be restarting.

use std::time::Duration;

use runtime::RuntimeError;

/// Pause before an engine that did not answer is asked again.
pub const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Repeats `call`, which may be repeated without harm, until the engine answers.
pub async fn until_answered<T, F>(call: impl Fn() -> F) -> Result<T, RuntimeError>
where
    F: Future<Output = Result<T, RuntimeError>>,
{
    loop {
        match call().await {
            Err(error) if error.is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
            answered => return answered,
        }
    }
}
