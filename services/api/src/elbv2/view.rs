//! What replies show of load balancing.

pub mod load_balancer;
pub mod target_group;
pub mod target_health;
