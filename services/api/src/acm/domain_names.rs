//! Names that certificates can be requested for.

use aws_model::acm::ErrorCode;

use crate::{Error, Result};

/// Names of one certificate.
const NAMES: usize = 10;

/// The domain name and its alternatives, each once, in lower case, the domain name first.
///
/// # Errors
/// InvalidParameterException for a text that is no host name, InvalidDomainValidationOptionsException for a wildcard: its validation
/// takes a record in DNS. LimitExceededException.
pub fn requested(domain_name: &str, alternatives: Vec<String>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in std::iter::once(domain_name.to_owned()).chain(alternatives) {
        let name = name.to_ascii_lowercase();
        check(&name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len() > NAMES {
        true => Err(Error::new(
            ErrorCode::LimitExceededException,
            format!("A certificate cannot have more than {NAMES} names."),
        )),
        false => Ok(names),
    }
}

fn check(name: &str) -> Result<()> {
    if name.starts_with("*.") {
        return Err(Error::new(
            ErrorCode::InvalidDomainValidationOptionsException,
            format!(
                "{name} cannot be validated: Berth validates names over HTTP, which does not do for wildcards. Import such a certificate."
            ),
        ));
    }
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = name
        .rsplit('.')
        .next()
        .is_some_and(|top| top.chars().all(|c| c.is_ascii_digit()));
    match name.len() <= 253 && name.contains('.') && name.split('.').all(label) && !numeric {
        true => Ok(()),
        false => Err(Error::new(
            ErrorCode::InvalidParameterException,
            format!("{name} is not a valid domain name."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_request_are_host_names_each_once() {
        let names = requested("A.test", vec!["b.a.test".into(), "a.test".into()]).unwrap();
        assert_eq!(names, ["a.test", "b.a.test"]);
        for bad in [
            "", "a", "a..test", "-a.test", "a_b.test", "10.0.0.1", "*.a.test", "a.*.test",
        ] {
            assert!(requested(bad, Vec::new()).is_err(), "{bad}");
        }
        let many = (0..10).map(|n| format!("n{n}.test")).collect();
        assert!(requested("a.test", many).is_err());
    }
}
