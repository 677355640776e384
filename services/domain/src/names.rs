//! Rules for names.

/// True for a cluster, service or family name: 1 to 255 letters, digits, `-` and `_`.
pub fn is_resource_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a03_names_are_letters_digits_dash_and_underscore_up_to_255() {
        assert!(is_resource_name("Web_1-a"));
        assert!(is_resource_name(&"a".repeat(255)));
        for bad in ["", "a b", "ä", "a/b", "a.b", &"a".repeat(256)] {
            assert!(!is_resource_name(bad), "{bad}");
        }
    }
}
