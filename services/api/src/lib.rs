//! The edge: requests of AWS clients come in here, are verified, decoded, carried out in one transaction and answered.

pub mod context;
pub mod ecs;
pub mod edge;
pub mod error;

pub use context::{Api, ApiConfig, Context};
pub use error::{Error, Result};
