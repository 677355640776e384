//! What every role needs: supervised tasks that drain, a clock, randomness, back-off and logging. The one place that spawns.

pub mod backoff;
pub mod clock;
pub mod logging;
pub mod random;
pub mod shutdown;
pub mod tasks;
pub mod workers;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SystemClock};
pub use logging::{LogFormat, LoggingError};
pub use random::Random;
pub use shutdown::Shutdown;
pub use tasks::{Drained, Failure, Outcome, Tasks, catching_panics};
pub use workers::Workers;
