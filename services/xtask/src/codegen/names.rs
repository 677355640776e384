//! Rust names for AWS names.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

/// Acronyms in a spelling that word splitting does not understand, with the spelling it does.
const RESPELLED: &[(&str, &str)] = &[
    ("GiB", "Gib"),
    ("MiB", "Mib"),
    ("VCpu", "Vcpu"),
    ("vCpu", "vcpu"),
    ("ARNs", "Arns"),
    ("IPv", "Ipv"),
    ("FSx", "Fsx"),
];

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "dyn", "else", "enum", "extern", "fn",
    "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "return", "static", "struct", "trait", "try", "type", "union", "unsafe", "use", "virtual",
    "where", "while", "yield",
];

/// Names that generated files use themselves, so no shape may have them.
const RESERVED: &[&str] = &[
    "BTreeMap",
    "Blob",
    "Box",
    "Deserialize",
    "ErrorCode",
    "Member",
    "Operation",
    "Option",
    "Serialize",
    "Shape",
    "String",
    "Timestamp",
    "Vec",
];

/// Splits at separators, before a capital after a small letter or digit, and before the last capital of a run.
pub fn words(name: &str) -> Vec<String> {
    let name = RESPELLED
        .iter()
        .fold(name.to_owned(), |name, (from, to)| name.replace(from, to));
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, &letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let after_small =
            at > 0 && (letters[at - 1].is_ascii_lowercase() || letters[at - 1].is_ascii_digit());
        let after_capital = at > 0 && letters[at - 1].is_ascii_uppercase();
        let before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_small || (after_capital && before_small)) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `enableECSManagedTags` → `enable_ecs_managed_tags`.
pub fn snake(name: &str) -> String {
    words(name).join("_")
}

/// A field's name, escaped when it is a keyword.
pub fn field(name: &str) -> String {
    let snake = snake(name);
    if KEYWORDS.contains(&snake.as_str()) {
        format!("r#{snake}")
    } else {
        snake
    }
}

/// `TaskDefinition` → `TASK_DEFINITION`, the name of the shape's static.
pub fn constant(name: &str) -> String {
    words(name).join("_").to_uppercase()
}

/// The JSON name that serde's `camelCase` rule gives to a snake-case field.
pub fn serde_camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &capitalised(word))
}

/// The JSON name that serde's `PascalCase` rule gives to a snake-case field.
pub fn serde_pascal(snake: &str) -> String {
    snake.split('_').map(capitalised).collect()
}

/// `WINDOWS_SERVER_2019_FULL` → `WindowsServer2019Full`, `X86_64` → `X86_64`.
pub fn variant(text: &str) -> String {
    let mut name = String::new();
    for word in words(text) {
        let digits_meet =
            name.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        if digits_meet {
            name.push('_');
        }
        name.push_str(&capitalised(&word));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("V{name}")
    } else {
        name
    }
}

/// Refuses a type name that the generated code needs for something else.
pub fn check_type(name: &str) -> Result<()> {
    ensure!(
        !RESERVED.contains(&name),
        "the shape name {name} is used by generated code itself"
    );
    Ok(())
}

/// Refuses two AWS names that become the same Rust name.
pub fn check_distinct<'a>(what: &str, names: impl IntoIterator<Item = (&'a str, String)>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for (aws, rust) in names {
        ensure!(
            seen.insert(rust.clone()),
            "{what}: {aws} becomes {rust}, which is taken already"
        );
    }
    Ok(())
}

/// `cidrBlock` → `CidrBlock`.
pub fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_names_become_snake_case_fields() {
        for (aws, rust) in [
            ("enableECSManagedTags", "enable_ecs_managed_tags"),
            ("ec2InstanceId", "ec2_instance_id"),
            ("memoryGiBPerVCpu", "memory_gib_per_vcpu"),
            ("vCpuCount", "vcpu_count"),
            ("s3filesVolumeConfiguration", "s3files_volume_configuration"),
            ("privateIpv4Address", "private_ipv4_address"),
            ("type", "r#type"),
        ] {
            assert_eq!(field(aws), rust);
        }
    }

    #[test]
    fn enum_values_become_camel_case_variants() {
        for (aws, rust) in [
            ("WINDOWS_SERVER_20H2_CORE", "WindowsServer20H2Core"),
            ("X86_64", "X86_64"),
            ("json-file", "JsonFile"),
            ("fargateFIPSMode", "FargateFipsMode"),
            ("EC2", "Ec2"),
        ] {
            assert_eq!(variant(aws), rust);
        }
    }

    #[test]
    fn names_that_collide_are_refused() {
        let pair = [("A-b", variant("A-b")), ("a_b", variant("a_b"))];
        assert!(check_distinct("enum E", pair).is_err());
        assert!(check_type("String").is_err());
    }
}
