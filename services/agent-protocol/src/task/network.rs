//! Network interfaces and attachments of a payload task.

use crate::wire::null_as_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A network interface of an awsvpc task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElasticNetworkInterface {
    /// Id of the interface.
    pub ec2_id: String,
    /// MAC address by which the host finds it.
    pub mac_address: String,
    /// ARN that `ATTACHED` is reported for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment_arn: Option<String>,
    /// Private IPv4 addresses.
    pub ipv4_addresses: Vec<Ipv4Address>,
    /// IPv6 addresses.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ipv6_addresses: Vec<Ipv6Address>,
    /// With prefix length: `10.0.0.1/24`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub subnet_gateway_ipv4_address: String,
    /// With prefix length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_gateway_ipv6_address: Option<String>,
    /// Name servers.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub domain_name_servers: Vec<String>,
    /// Search list.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub domain_name: Vec<String>,
    /// Host name of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
    /// `default` or `vlan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface_association_protocol: Option<String>,
    /// For `vlan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface_vlan_properties: Option<InterfaceVlanProperties>,
    /// Position among the task's interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<i64>,
    /// Name of the interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One IPv4 address of an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv4Address {
    /// The address.
    pub private_address: String,
    /// Whether it is the first one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub primary: bool,
}

/// One IPv6 address of an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6Address {
    /// The address.
    pub address: String,
    /// Whether it is the first one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub primary: bool,
}

/// How a `vlan` interface hangs on its trunk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceVlanProperties {
    /// VLAN tag.
    pub vlan_id: String,
    /// MAC address of the trunk.
    pub trunk_interface_mac_address: String,
}

/// App Mesh proxy of a task. `type` is always sent: the official agent crashes without it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfiguration {
    /// `APPMESH`.
    pub r#type: String,
    /// The proxy's container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Ports and ignored users.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub properties: BTreeMap<String, String>,
}

/// Something attached to a task or a host. The official agent crashes when `attachmentType` or a property's
/// name or value is missing, so they are always sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// ARN that `ATTACHED` is reported for.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attachment_arn: String,
    /// `amazonebs`, `serviceconnectdetail`, ...
    #[serde(default, deserialize_with = "null_as_default")]
    pub attachment_type: String,
    /// What is attached, by name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attachment_properties: Vec<AttachmentProperty>,
}

/// One property of an attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentProperty {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}
