//! Ids of networks and their parts: a prefix that names the kind and 17 hex digits, such as `vpc-0a1b2c3d4e5f60718`.

use std::fmt;

use rand::Rng;

use crate::Scope;
use crate::arn::partition;

/// What an id of EC2's form names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    Vpc,
    Subnet,
    SecurityGroup,
    SecurityGroupRule,
    InternetGateway,
    RouteTable,
    RouteTableAssociation,
    NetworkAcl,
    NetworkAclAssociation,
    NetworkInterface,
    VpcCidrAssociation,
}

impl ResourceKind {
    pub const ALL: [Self; 11] = [
        Self::Vpc,
        Self::Subnet,
        Self::SecurityGroup,
        Self::SecurityGroupRule,
        Self::InternetGateway,
        Self::RouteTable,
        Self::RouteTableAssociation,
        Self::NetworkAcl,
        Self::NetworkAclAssociation,
        Self::NetworkInterface,
        Self::VpcCidrAssociation,
    ];

    /// What stands before the `-` in its ids.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Vpc => "vpc",
            Self::Subnet => "subnet",
            Self::SecurityGroup => "sg",
            Self::SecurityGroupRule => "sgr",
            Self::InternetGateway => "igw",
            Self::RouteTable => "rtb",
            Self::RouteTableAssociation => "rtbassoc",
            Self::NetworkAcl => "acl",
            Self::NetworkAclAssociation => "aclassoc",
            Self::NetworkInterface => "eni",
            Self::VpcCidrAssociation => "vpc-cidr-assoc",
        }
    }

    /// The API's name of the kind, in tag specifications and ARNs. `None`: it has no ARN and no tags.
    pub fn resource_type(self) -> Option<&'static str> {
        match self {
            Self::Vpc => Some("vpc"),
            Self::Subnet => Some("subnet"),
            Self::SecurityGroup => Some("security-group"),
            Self::SecurityGroupRule => Some("security-group-rule"),
            Self::InternetGateway => Some("internet-gateway"),
            Self::RouteTable => Some("route-table"),
            Self::NetworkAcl => Some("network-acl"),
            Self::NetworkInterface => Some("network-interface"),
            Self::RouteTableAssociation | Self::NetworkAclAssociation | Self::VpcCidrAssociation => None,
        }
    }

    /// A fresh id from the given source of randomness.
    pub fn new_id(self, rng: &mut impl Rng) -> String {
        // 17 digits are 68 bits; EC2's ids begin with 0.
        format!("{}-0{:016x}", self.prefix(), rng.random::<u64>())
    }

    /// True if `text` has the form of an id of this kind; 8 digits are the form of before 2018.
    pub fn is_id(self, text: &str) -> bool {
        let digits = text
            .strip_prefix(self.prefix())
            .and_then(|rest| rest.strip_prefix('-'))
            .unwrap_or_default();
        matches!(digits.len(), 8 | 17)
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    /// The kind that an id names.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.is_id(id))
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.resource_type().unwrap_or(self.prefix()))
    }
}

impl Scope {
    /// What all ARNs of EC2 in this account and region begin with.
    pub fn ec2_arn_prefix(&self) -> String {
        let Scope { account, region } = self;
        format!("arn:{}:ec2:{region}:{account}:", partition(region))
    }

    /// `arn:aws:ec2:<region>:<account>:<type>/<id>`; kinds without a type of their own get their prefix.
    pub fn ec2_arn(&self, kind: ResourceKind, id: &str) -> String {
        format!("{}{kind}/{id}", self.ec2_arn_prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_knows_its_own_fresh_ids_and_no_others() {
        for kind in ResourceKind::ALL {
            let id = kind.new_id(&mut rand::rng());
            assert_eq!(id.len(), kind.prefix().len() + 18);
            assert_eq!(ResourceKind::of(&id), Some(kind), "{id}");
        }
    }

    #[test]
    fn ids_that_are_cut_or_in_capitals_are_none() {
        for bad in [
            "",
            "vpc-",
            "vpc-0a1b2c3d4e5f6071",
            "vpc-0A1B2C3D4E5F60718",
            "vpc0a1b2c3d4e5f60718",
            "vpc-0a1b2c3d4e5f6071g",
            "i-0a1b2c3d4e5f60718",
        ] {
            assert_eq!(ResourceKind::of(bad), None, "{bad}");
        }
        assert!(ResourceKind::Vpc.is_id("vpc-1a2b3c4d"));
    }
}
