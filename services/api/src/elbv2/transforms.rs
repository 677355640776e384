//! Transforms of rules (LB-31).

use aws_model::elbv2::types::{RewriteConfig, RuleTransform, TransformTypeEnum};
use routing::matcher::compiles_as_regex;

use crate::{Error, Result};

/// Longest regular expression and replacement.
const LENGTH: usize = 1024;

/// Checks a rule's transforms: each type once, each with one rewrite.
///
/// # Errors
/// ValidationError.
pub fn checked(transforms: Vec<RuleTransform>) -> Result<Vec<RuleTransform>> {
    for (at, transform) in transforms.iter().enumerate() {
        let name = transform.r#type;
        if transforms[..at].iter().any(|earlier| earlier.r#type == name) {
            return Err(Error::validation(format!(
                "A rule can only have one '{name}' transform"
            )));
        }
        let (host, url) = (
            transform.host_header_rewrite_config.as_ref(),
            transform.url_rewrite_config.as_ref(),
        );
        let rewrites = match (name, host, url) {
            (TransformTypeEnum::HostHeaderRewrite, Some(own), None) => own.rewrites.as_deref(),
            (TransformTypeEnum::UrlRewrite, None, Some(own)) => own.rewrites.as_deref(),
            _ => {
                return Err(Error::validation(format!(
                    "A '{name}' transform must have the configuration of its type and no other"
                )));
            }
        };
        match rewrites {
            Some([rewrite]) => check(name, rewrite)?,
            _ => {
                return Err(Error::validation(format!(
                    "A '{name}' transform must have exactly one rewrite"
                )));
            }
        }
    }
    Ok(transforms)
}

fn check(name: TransformTypeEnum, rewrite: &RewriteConfig) -> Result<()> {
    let (regex, replace) = (&rewrite.regex, &rewrite.replace);
    if regex.is_empty() || regex.chars().count() > LENGTH || replace.chars().count() > LENGTH {
        return Err(Error::validation(format!(
            "The regex of a '{name}' transform must have 1 to {LENGTH} characters, and its replacement at most {LENGTH}"
        )));
    }
    if !compiles_as_regex(regex) {
        return Err(Error::validation(format!(
            "Transform regex '{regex}' is not a valid regular expression"
        )));
    }
    match replace.chars().any(char::is_control) {
        true => Err(Error::validation(format!(
            "The replacement of a '{name}' transform contains a character that is not valid"
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use aws_model::elbv2::types::{HostHeaderRewriteConfig, UrlRewriteConfig};

    use super::*;

    fn rewrites(regex: &str, replace: &str) -> Option<Vec<RewriteConfig>> {
        Some(vec![RewriteConfig {
            regex: regex.to_owned(),
            replace: replace.to_owned(),
        }])
    }

    fn url(regex: &str, replace: &str) -> RuleTransform {
        RuleTransform {
            r#type: TransformTypeEnum::UrlRewrite,
            url_rewrite_config: Some(UrlRewriteConfig {
                rewrites: rewrites(regex, replace),
            }),
            host_header_rewrite_config: None,
        }
    }

    #[test]
    fn lb31_a_rule_has_one_transform_of_each_type_with_one_rewrite() {
        let host = RuleTransform {
            r#type: TransformTypeEnum::HostHeaderRewrite,
            host_header_rewrite_config: Some(HostHeaderRewriteConfig {
                rewrites: rewrites("^(.*)$", "internal.$1"),
            }),
            url_rewrite_config: None,
        };
        assert!(checked(vec![url("^/api/(.*)$", "/$1"), host.clone()]).is_ok());
        assert!(checked(vec![url("a", "b"), url("c", "d")]).is_err());
        assert!(checked(vec![url("(", "b")]).is_err());
        assert!(checked(vec![url("a", "\n")]).is_err());
        let crossed = RuleTransform {
            r#type: TransformTypeEnum::UrlRewrite,
            ..host
        };
        assert!(checked(vec![crossed]).is_err());
        assert!(checked(vec![RuleTransform::default()]).is_err());
    }
}
