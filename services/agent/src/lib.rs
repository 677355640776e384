//! Berth's host agent: registers a host, runs the tasks it is given on a container runtime and reports what becomes of
//! them, in the protocol of the official ECS agent. See the README for a map.

mod agent;
mod config;
mod credentials;
mod engine;
mod host;
mod http_client;
mod images;
mod metadata;
mod patience;
mod session;
mod state;
mod task;
#[cfg(test)]
mod testing;

pub use agent::{Agent, AgentError};
pub use config::{
    AccessKey, AgentConfig, ImageCleanup, ImagePullBehavior, MetadataConfig, RegistryKey, SessionConfig,
};
pub use http_client::{HttpClient, HttpError};
pub use metadata::redirect::{RedirectError, remove as remove_metadata_redirect};
pub use state::StateError;
