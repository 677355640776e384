//! The nouns of Berth: typed ids and ARNs, the states of things and what they are made of. No I/O, no async.

pub mod arn;
pub mod elb;
pub mod id;
pub mod names;
pub mod network;
pub mod resources;
pub mod scope;
pub mod status;

pub use arn::{Arn, ArnError};
pub use elb::{ElbId, ElbKind};
pub use id::{AttachmentId, ContainerInstanceId, DeploymentId, TaskId};
pub use resources::{Protocol, Resources};
pub use scope::{AccountId, Region, Scope};
pub use status::{ContainerStatus, DesiredStatus, HealthStatus, InstanceStatus, ServiceStatus, TaskStatus};
