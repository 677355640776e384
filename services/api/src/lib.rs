//! The edge: requests of AWS clients come in here, are verified, decoded, carried out in one transaction and answered.

pub mod acm;
pub mod context;
pub mod ec2;
pub mod ecs;
pub mod edge;
pub mod elbv2;
pub mod error;

pub use context::{Api, ApiConfig, Context};
pub use error::{Error, Result};
