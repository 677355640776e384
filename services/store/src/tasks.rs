//! Tasks: what is wanted of them and what was observed.
//!
//! `desired_status` is written here only; what agents report is applied in `task_reports`. New tasks come from [`crate::placement`].

mod list;
pub mod record;
mod shown;
mod start;
mod stop;

pub use list::{ListFilter, by_ids, list};
pub use record::{ContainerRecord, NetworkBindingRecord, TaskRow, TaskSpec};
pub use shown::{ShownTask, shown};
pub use start::{NewTask, insert};
pub use stop::{StopCause, Stopped, stop, stop_many, wakes};

pub(crate) const COLUMNS: &str = "id, cluster_id, instance_id, task_definition_id, service_id, deployment_id, task_group, \
    started_by, launch_type, capacity_provider, desired_status, last_status, health, resources, gpu_ids, spec, containers, \
    stop_code, stopped_reason, version, protected_until, accounted, created_at, pull_started_at, pull_stopped_at, started_at, \
    stopping_at, execution_stopped_at, stopped_at";
