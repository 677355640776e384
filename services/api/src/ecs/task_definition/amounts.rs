//! CPU and memory of a task as text: "1 vCPU", "0.5 GB" or whole numbers (TD-13).

use aws_model::ecs::types::TaskDefinition;

use crate::{Error, Result};

/// Puts the task's cpu and memory into the form that is stored: whole CPU units and MiB.
///
/// # Errors
/// ClientException with the text of TD-23 for what is no amount.
pub fn settle(definition: &mut TaskDefinition) -> Result<()> {
    definition.cpu = settled(definition.cpu.take(), "vcpu").ok_or_else(|| invalid("cpu"))?;
    definition.memory = settled(definition.memory.take(), "gb").ok_or_else(|| invalid("memory"))?;
    Ok(())
}

/// The refusal of an amount (TD-23).
pub fn invalid(setting: &str) -> Error {
    Error::client(invalid_text(setting))
}

pub fn invalid_text(setting: &str) -> String {
    format!(
        "Invalid '{setting}' setting for task. For more information, see the Troubleshooting section of the Amazon ECS \
         Developer Guide."
    )
}

/// The amount as stored; the inner `None` for one that is not given, the outer one for a text that is no amount.
fn settled(text: Option<String>, unit: &str) -> Option<Option<String>> {
    let Some(text) = text else { return Some(None) };
    units(&text, unit).map(|amount| Some(amount.to_string()))
}

/// Whole units in a text: a bare number counts them, one with `unit` behind it counts 1024 of them.
fn units(text: &str, unit: &str) -> Option<i32> {
    let text = text.trim().to_ascii_lowercase();
    let amount = match text.strip_suffix(unit) {
        Some(number) => times_1024(number.trim_end())?,
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<i64>().ok()?,
        None => return None,
    };
    i32::try_from(amount).ok().filter(|amount| *amount > 0)
}

/// 1024 times a decimal number, if that is whole.
fn times_1024(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let plain = !digits.is_empty() && digits.len() <= 15 && digits.bytes().all(|b| b.is_ascii_digit());
    let scale = 10_i64
        .checked_pow(u32::try_from(fraction.len()).ok()?)
        .filter(|_| plain)?;
    let scaled = digits.parse::<i64>().ok()?.checked_mul(1024)?;
    (scaled % scale == 0).then_some(scaled / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn td13_amounts_are_stored_as_whole_units() {
        let cases = [
            ("1 vCPU", "vcpu", Some(1024)),
            (".5 vcpu", "vcpu", Some(512)),
            ("0.25VCPU", "vcpu", Some(256)),
            ("1024", "vcpu", Some(1024)),
            (" 256 ", "vcpu", Some(256)),
            ("2GB", "gb", Some(2048)),
            ("0.5 GB", "gb", Some(512)),
            ("1. gb", "gb", Some(1024)),
            ("0.1 vCPU", "vcpu", None),
            ("0", "vcpu", None),
            ("-1", "vcpu", None),
            ("+1", "vcpu", None),
            ("1e3", "vcpu", None),
            ("", "vcpu", None),
            (".", "vcpu", None),
            ("vcpu", "vcpu", None),
            ("1 GB", "vcpu", None),
            ("1 2", "gb", None),
            ("99999999999999999999", "gb", None),
            ("9999999999 GB", "gb", None),
        ];
        for (text, unit, expected) in cases {
            assert_eq!(units(text, unit), expected, "{text:?}");
        }
    }
}
