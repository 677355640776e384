//! Slices made by systemd, over its bus client.

use super::task::TaskLimits;
use super::{CgroupError, CgroupVersion};
use std::process::Command;

const MANAGER: [&str; 4] = [
    "call",
    "org.freedesktop.systemd1",
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
];

pub(super) fn start_slice(
    slice: &str,
    version: CgroupVersion,
    limits: &TaskLimits,
) -> Result<(), CgroupError> {
    match busctl(slice, &start_arguments(slice, version, limits)) {
        Err(CgroupError::Systemd { message, .. }) if message.contains("already") => {
            busctl(slice, &set_arguments(slice, version, limits))
        }
        result => result,
    }
}

/// Does nothing if the slice is not there.
pub(super) fn stop_slice(slice: &str) -> Result<(), CgroupError> {
    let arguments = ["StopUnit", "ss", slice, "replace"].map(str::to_owned);
    match busctl(slice, &arguments) {
        Err(CgroupError::Systemd { message, .. }) if message.contains("not loaded") => Ok(()),
        result => result,
    }
}

/// `StartTransientUnit(name, mode, properties, no further units)`.
pub(super) fn start_arguments(slice: &str, version: CgroupVersion, limits: &TaskLimits) -> Vec<String> {
    let mut arguments = ["StartTransientUnit", "ssa(sv)a(sa(sv))", slice, "fail"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(properties(version, limits));
    arguments.push("0".to_owned());
    arguments
}

/// `SetUnitProperties(name, until the next boot only, properties)`.
fn set_arguments(slice: &str, version: CgroupVersion, limits: &TaskLimits) -> Vec<String> {
    let mut arguments = ["SetUnitProperties", "sba(sv)", slice, "true"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(properties(version, limits));
    arguments
}

fn properties(version: CgroupVersion, limits: &TaskLimits) -> Vec<String> {
    let mut properties = Vec::new();
    let mut number = |name: &'static str, value: u64| properties.push((name, "t", value.to_string()));
    if let (Some(quota), Some(shares)) = (limits.cpu_quota_us(), limits.cpu_shares()) {
        // Our period is 100 ms, theirs is a second.
        number("CPUQuotaPerSecUSec", quota * 10);
        match version {
            CgroupVersion::V1 => number("CPUShares", shares),
            CgroupVersion::V2 => number("CPUWeight", super::task::cpu_weight(shares)),
        }
    }
    if let Some(bytes) = limits.memory() {
        number(
            if version == CgroupVersion::V1 {
                "MemoryLimit"
            } else {
                "MemoryMax"
            },
            bytes,
        );
    }
    for accounting in ["CPUAccounting", "MemoryAccounting"] {
        properties.push((accounting, "b", "true".to_owned()));
    }
    let count = properties.len().to_string();
    let words = properties
        .into_iter()
        .flat_map(|(name, kind, value)| [name.to_owned(), kind.to_owned(), value]);
    std::iter::once(count).chain(words).collect()
}

fn busctl(slice: &str, arguments: &[String]) -> Result<(), CgroupError> {
    let refused = |message: String| CgroupError::Systemd {
        slice: slice.to_owned(),
        message,
    };
    let output = Command::new("busctl")
        .args(MANAGER)
        .args(arguments)
        .output()
        .map_err(|error| refused(format!("busctl cannot be run: {error}")))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
