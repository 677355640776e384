//! Ids, ARNs and names of ELBv2 (LB-10).

use std::fmt;

use rand::Rng;

use crate::Scope;
use crate::arn::{Arn, partition};

/// The id of a load balancer, listener, rule, target group or trust store: 16 hex digits at the end of its ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElbId(u64);

impl ElbId {
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(rng.random())
    }

    /// The id of these random bytes.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl fmt::Display for ElbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What an ARN of ELBv2 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ElbKind {
    LoadBalancer,
    TargetGroup,
    Listener,
    Rule,
    TrustStore,
}

impl ElbKind {
    /// The kind of thing that has an ARN of this form, wherever it may be.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok()?;
        if arn.service != "elasticloadbalancing" || arn.path().iter().any(|part| part.is_empty()) {
            return None;
        }
        let path = arn.path();
        match (arn.kind(), path.len()) {
            ("loadbalancer", 3) => Some(Self::LoadBalancer),
            ("targetgroup", 2) => Some(Self::TargetGroup),
            ("listener", 4) => Some(Self::Listener),
            ("listener-rule", 5) => Some(Self::Rule),
            ("truststore", 2) => Some(Self::TrustStore),
            _ => None,
        }
    }
}

impl Scope {
    fn elb_arn(&self, resource: fmt::Arguments<'_>) -> String {
        let Scope { account, region } = self;
        let partition = partition(region);
        format!("arn:{partition}:elasticloadbalancing:{region}:{account}:{resource}")
    }

    /// `loadbalancer/app/<name>/<id>`; `family` is `app` or `net`.
    pub fn load_balancer_arn(&self, family: &str, name: &str, id: ElbId) -> String {
        self.elb_arn(format_args!("loadbalancer/{family}/{name}/{id}"))
    }

    /// `targetgroup/<name>/<id>`.
    pub fn target_group_arn(&self, name: &str, id: ElbId) -> String {
        self.elb_arn(format_args!("targetgroup/{name}/{id}"))
    }

    /// `truststore/<name>/<id>`.
    pub fn trust_store_arn(&self, name: &str, id: ElbId) -> String {
        self.elb_arn(format_args!("truststore/{name}/{id}"))
    }
}

/// `listener/app/<name>/<load balancer's id>/<id>`.
pub fn listener_arn(load_balancer_arn: &str, id: ElbId) -> String {
    let parent = load_balancer_arn.replacen(":loadbalancer/", ":listener/", 1);
    format!("{parent}/{id}")
}

/// `listener-rule/app/<name>/<load balancer's id>/<listener's id>/<id>`.
pub fn rule_arn(listener_arn: &str, id: ElbId) -> String {
    let parent = listener_arn.replacen(":listener/", ":listener-rule/", 1);
    format!("{parent}/{id}")
}

/// The ARN of a listener's load balancer.
pub fn load_balancer_of_listener(listener_arn: &str) -> Option<String> {
    let (parent, _) = listener_arn.rsplit_once('/')?;
    Some(parent.replacen(":listener/", ":loadbalancer/", 1))
}

/// The ARN of a rule's listener.
pub fn listener_of_rule(rule_arn: &str) -> Option<String> {
    let (parent, _) = rule_arn.rsplit_once('/')?;
    Some(parent.replacen(":listener-rule/", ":listener/", 1))
}

/// How metrics name it (LB-40): `app/web/50dc6c495c0c9188`, or `targetgroup/web/73e2d6bc24d8a067`.
pub fn dimension(arn: &str) -> Option<&str> {
    let resource = arn.splitn(6, ':').nth(5)?;
    Some(resource.strip_prefix("loadbalancer/").unwrap_or(resource))
}

/// Why a name is none for a load balancer or target group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFlaw {
    TooLong,
    Characters,
    Hyphen,
    /// Load balancers only: AWS keeps `internal-` for names in DNS.
    Internal,
}

/// Checks a name: 1 to 32 letters, digits and `-`, none of these at an end. `internal-` is looked for where `is_balancer`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_name(name: &str, is_balancer: bool) -> Result<(), NameFlaw> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.chars().count() > 32 {
        Err(NameFlaw::TooLong)
    } else if name.is_empty() || !name.bytes().all(allowed) {
        Err(NameFlaw::Characters)
    } else if name.starts_with('-') || name.ends_with('-') {
        Err(NameFlaw::Hyphen)
    } else if is_balancer && name.to_ascii_lowercase().starts_with("internal-") {
        Err(NameFlaw::Internal)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap())
    }

    #[test]
    fn lb10_arns_end_in_sixteen_hex_digits_and_lead_to_each_other() {
        let id = ElbId(0x50dc_6c49_5c0c_9188);
        let balancer = scope().load_balancer_arn("app", "web", id);
        assert_eq!(
            balancer,
            "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web/50dc6c495c0c9188"
        );
        let listener = listener_arn(&balancer, ElbId(7));
        assert_eq!(
            listener,
            "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/web/50dc6c495c0c9188/0000000000000007"
        );
        let rule = rule_arn(&listener, ElbId(8));
        assert!(rule.ends_with(":listener-rule/app/web/50dc6c495c0c9188/0000000000000007/0000000000000008"));
        assert_eq!(load_balancer_of_listener(&listener), Some(balancer.clone()));
        assert_eq!(listener_of_rule(&rule), Some(listener.clone()));
        let group = scope().target_group_arn("web", id);
        for (arn, kind) in [
            (&balancer, ElbKind::LoadBalancer),
            (&listener, ElbKind::Listener),
            (&rule, ElbKind::Rule),
            (&group, ElbKind::TargetGroup),
            (&scope().trust_store_arn("web", id), ElbKind::TrustStore),
        ] {
            assert_eq!(ElbKind::of_arn(arn), Some(kind), "{arn}");
        }
        for bad in [
            "web",
            "arn:aws:ecs:us-east-1:000000000000:cluster/web",
            &format!("{group}/x"),
            &group[..group.len() - 16],
        ] {
            assert_eq!(ElbKind::of_arn(bad), None, "{bad}");
        }
        assert_eq!(dimension(&balancer), Some("app/web/50dc6c495c0c9188"));
        assert_eq!(dimension(&group), Some("targetgroup/web/50dc6c495c0c9188"));
    }

    #[test]
    fn lb10_names_have_at_most_32_letters_digits_and_inner_hyphens() {
        let long = "a".repeat(33);
        for (name, flaw) in [
            (long.as_str(), NameFlaw::TooLong),
            ("", NameFlaw::Characters),
            ("a_b", NameFlaw::Characters),
            ("ä", NameFlaw::Characters),
            ("-a", NameFlaw::Hyphen),
            ("a-", NameFlaw::Hyphen),
            ("internal-a", NameFlaw::Internal),
        ] {
            assert_eq!(check_name(name, true), Err(flaw), "{name}");
        }
        assert_eq!(check_name("internal-a", false), Ok(()));
        assert_eq!(check_name(&"a".repeat(32), true), Ok(()));
        assert_eq!(check_name("Web-1", true), Ok(()));
    }
}
