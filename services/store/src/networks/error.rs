//! Why networks are not changed as asked. The texts are EC2's.

use domain::network::ResourceKind;
use thiserror::Error;

use crate::StoreError;

pub type NetworkResult<T> = std::result::Result<T, NetworkError>;

/// A refusal of a change, or a failure of the database.
#[derive(Debug, Error)]
pub enum NetworkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}", missing(*kind, id))]
    NotFound { kind: ResourceKind, id: String },
    /// Something still uses it.
    #[error("{}", in_use(*kind, id))]
    InUse { kind: ResourceKind, id: String },

    #[error("A Default VPC already exists for this account in this region.")]
    DefaultVpcExists,
    #[error("No default VPC exists for this account in this region.")]
    NoDefaultVpc,
    #[error("'{subnet}' is already the default subnet in {zone}.")]
    DefaultSubnetExists { subnet: String, zone: String },

    /// Not within the VPC's block.
    #[error("The CIDR '{0}' is invalid.")]
    SubnetRange(String),
    #[error("The CIDR '{0}' conflicts with another subnet")]
    SubnetConflict(String),

    #[error("The security group '{name}' already exists for VPC '{vpc}'")]
    DuplicateGroup { name: String, vpc: String },
    #[error("the specified group: \"{0}\" name: \"default\" cannot be deleted by a user")]
    DefaultGroup(String),
    /// A rule names a group of another VPC.
    #[error("You have specified two resources that belong to different networks.")]
    GroupsOfDifferentNetworks,
    /// The rule in words.
    #[error("the specified rule \"{0}\" already exists")]
    DuplicateRule(String),
    #[error("The maximum number of rules per security group has been reached.")]
    TooManyRules,
    #[error("The specified rule does not exist in this security group.")]
    RuleNotFound,
    #[error("You cannot change the type of the source or destination of the security group rule '{0}'.")]
    PeerKindChanged(String),

    #[error("resource {gateway} is already attached to network {vpc}")]
    AlreadyAttached { gateway: String, vpc: String },
    #[error("Network {0} already has an internet gateway attached")]
    HasInternetGateway(String),
    #[error("resource {gateway} is not attached to network {vpc}")]
    NotAttached { gateway: String, vpc: String },
    #[error(
        "Network {0} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
    )]
    MappedAddresses(String),

    #[error("The route identified by {0} already exists.")]
    RouteExists(String),
    #[error("no route with destination-cidr-block {destination} in route table {table}")]
    RouteNotFound { destination: String, table: String },
    #[error("There is no route defined for '{0}' in the route table. Use CreateRoute instead.")]
    NothingToReplace(String),
    #[error("cannot remove local route {destination} in route table {table}")]
    LocalRoute { destination: String, table: String },
    #[error(
        "The destination CIDR block {0} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an \
         interface or an instance."
    )]
    MoreSpecificThanLocal(String),
    #[error("route table {table} and network gateway {gateway} belong to different networks")]
    GatewayElsewhere { table: String, gateway: String },
    #[error("route table {table} and subnet {subnet} belong to different networks")]
    SubnetElsewhere { table: String, subnet: String },
    #[error("route tables {0} and {1} belong to different networks")]
    TablesOfDifferentNetworks(String, String),
    #[error("the specified association for route table {0} conflicts with an existing association")]
    AlreadyAssociated(String),
    #[error("cannot disassociate the main route table association {0}")]
    MainAssociation(String),
    #[error("The network acl entry identified by {0} already exists.")]
    EntryExists(i32),
    #[error("The network acl entry identified by {0} does not exist.")]
    EntryNotFound(i32),
    #[error("The maximum number of network acl entries has been reached.")]
    TooManyEntries,
    #[error("cannot delete default network ACL {0}")]
    DefaultAcl(String),
    #[error("network ACL {acl} and subnet {subnet} belong to different networks")]
    AclElsewhere { acl: String, subnet: String },

    /// The same client token, other parameters.
    #[error(
        "The parameters of this request do not match those of an earlier one with the client token '{0}'."
    )]
    TokenMismatch(String),

    #[error("The maximum number of tags per resource is {0}.")]
    TooManyTags(usize),
}

impl NetworkError {
    pub fn not_found(kind: ResourceKind, id: &str) -> Self {
        Self::NotFound {
            kind,
            id: id.to_owned(),
        }
    }

    pub(super) fn in_use(kind: ResourceKind, id: &str) -> Self {
        Self::InUse {
            kind,
            id: id.to_owned(),
        }
    }
}

impl From<sqlx::Error> for NetworkError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

fn missing(kind: ResourceKind, id: &str) -> String {
    let what = match kind {
        ResourceKind::Vpc => "vpc ID",
        ResourceKind::Subnet => "subnet ID",
        ResourceKind::SecurityGroup => "security group",
        ResourceKind::SecurityGroupRule => "security group rule ID",
        ResourceKind::InternetGateway => "internetGateway ID",
        ResourceKind::RouteTable => "routeTable ID",
        ResourceKind::RouteTableAssociation
        | ResourceKind::NetworkAclAssociation
        | ResourceKind::VpcCidrAssociation => "association ID",
        ResourceKind::NetworkAcl => "networkAcl ID",
        ResourceKind::NetworkInterface => "networkInterface ID",
    };
    format!("The {what} '{id}' does not exist")
}

fn in_use(kind: ResourceKind, id: &str) -> String {
    let what = match kind {
        ResourceKind::SecurityGroup | ResourceKind::SecurityGroupRule => {
            return format!("resource {id} has a dependent object");
        }
        ResourceKind::InternetGateway => "internetGateway",
        ResourceKind::RouteTable => "routeTable",
        ResourceKind::NetworkAcl => "networkAcl",
        ResourceKind::NetworkInterface => "networkInterface",
        other => other.prefix(),
    };
    format!("The {what} '{id}' has dependencies and cannot be deleted.")
}
