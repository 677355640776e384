//! Tasks: what is wanted of them and what was observed.

pub mod record;

pub use record::{ContainerRecord, NetworkBindingRecord, TaskRow, TaskSpec};
