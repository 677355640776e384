//! Running containers on one host: the [`Runtime`] trait, Docker Engine behind it ([`docker`]), an in-memory
//! double for simulated hosts ([`fake`]), and the cgroup around a whole task ([`cgroup`]).

pub mod cgroup;
pub mod container;
pub mod docker;
pub mod error;
pub mod event;
pub mod fake;
pub mod image;
pub mod info;
mod runtime;
pub mod stats;
pub mod volume;

pub use container::{ContainerDetails, ContainerId, ContainerSpec, ContainerStatus, ContainerSummary};
pub use docker::DockerRuntime;
pub use error::{Result, RuntimeError};
pub use event::{ContainerEvent, ContainerEventKind, LabelFilter, RuntimeEvent};
pub use fake::FakeRuntime;
pub use image::{ImageDetails, ImageSummary, PullProgress, RegistryAuth};
pub use info::EngineInfo;
pub use runtime::{EventStream, Runtime};
pub use stats::ContainerStats;
pub use volume::{VolumeDetails, VolumeSpec};

/// Types in the shape of the Docker Engine API, used inside [`ContainerSpec`] and [`ContainerDetails`].
pub mod model {
    pub use bollard::models::{
        ContainerCreateBody, DeviceMapping, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
        NetworkingConfig, PortBinding, PortMap, ResourcesUlimits,
    };
}
