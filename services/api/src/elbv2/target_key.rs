//! What tells targets of a group apart.

use std::net::IpAddr;

use aws_model::elbv2::types::TargetDescription;
use store::target_groups::TargetGroupRow;

/// Id and port of a target that a request names; addresses in the one form in which they are kept.
pub fn of(group: &TargetGroupRow, target: &TargetDescription) -> (String, i32) {
    let address: Option<IpAddr> = target.id.parse().ok();
    let id = address.map_or_else(|| target.id.clone(), |address| address.to_string());
    (id, target.port.unwrap_or(group.default_port()))
}
