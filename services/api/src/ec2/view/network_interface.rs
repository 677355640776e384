use aws_model::Timestamp;
use aws_model::ec2::types::{
    AttachmentStatus, GroupIdentifier, NetworkInterface, NetworkInterfaceAttachment,
    NetworkInterfacePrivateIpAddress, NetworkInterfaceStatus, NetworkInterfaceType, OperatorResponse, Tag,
};
use domain::Scope;
use domain::network::{ResourceKind, zone};
use store::networks::NetworkInterfaceRow;

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All network interfaces.
pub async fn all(cx: &Context) -> Result<Vec<NetworkInterface>> {
    let rows = store::networks::network_interfaces::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(
        cx,
        ResourceKind::NetworkInterface,
        rows.iter().map(|row| row.id.as_str()),
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            network_interface(&cx.scope, row, tags)
        })
        .collect())
}

fn network_interface(
    scope: &Scope,
    row: NetworkInterfaceRow,
    tags: Vec<store::tags::Tag>,
) -> NetworkInterface {
    let account = scope.account.to_string();
    let private_dns_name = dns_name(scope, &row.private_ip_address);
    let groups = row.group_ids.into_iter().zip(row.group_names);
    let attachment = row.attachment_id.map(|id| NetworkInterfaceAttachment {
        attachment_id: Some(id),
        attach_time: row
            .attached_at
            .map(|at| Timestamp::from_millis(at.timestamp_millis())),
        delete_on_termination: Some(true),
        device_index: Some(1),
        instance_owner_id: row.instance_id.is_some().then(|| account.clone()),
        instance_id: row.instance_id,
        status: Some(AttachmentStatus::Attached),
        ..NetworkInterfaceAttachment::default()
    });
    NetworkInterface {
        availability_zone_id: zone::zone(&scope.region, &row.availability_zone).map(|zone| zone.id),
        availability_zone: Some(row.availability_zone),
        description: Some(row.description),
        groups: Some(
            groups
                .map(|(id, name)| GroupIdentifier {
                    group_id: Some(id),
                    group_name: Some(name),
                })
                .collect(),
        ),
        interface_type: Some(NetworkInterfaceType::Interface),
        ipv6_addresses: Some(Vec::new()),
        mac_address: Some(row.mac_address),
        network_interface_id: Some(row.id),
        owner_id: Some(account),
        private_dns_name: Some(private_dns_name.clone()),
        private_ip_addresses: Some(vec![NetworkInterfacePrivateIpAddress {
            primary: Some(true),
            private_dns_name: Some(private_dns_name),
            private_ip_address: Some(row.private_ip_address.clone()),
            association: None,
        }]),
        private_ip_address: Some(row.private_ip_address),
        requester_managed: Some(row.requester_id.is_some()),
        operator: Some(OperatorResponse {
            managed: Some(false),
            ..OperatorResponse::default()
        }),
        requester_id: row.requester_id,
        source_dest_check: Some(true),
        status: Some(match attachment {
            Some(_) => NetworkInterfaceStatus::InUse,
            None => NetworkInterfaceStatus::Available,
        }),
        attachment,
        subnet_id: Some(row.subnet_id),
        tag_set: tags::shown(tags),
        vpc_id: Some(row.vpc_id),
        ..NetworkInterface::default()
    }
}

/// `ip-10-0-0-1.<region>.compute.internal`; us-east-1 has a name of its own.
fn dns_name(scope: &Scope, address: &str) -> String {
    let host = address.replace('.', "-");
    match scope.region.as_str() {
        "us-east-1" => format!("ip-{host}.ec2.internal"),
        region => format!("ip-{host}.{region}.compute.internal"),
    }
}

fn attachment(interface: &NetworkInterface) -> Option<&NetworkInterfaceAttachment> {
    interface.attachment.as_ref()
}

impl Filtered for NetworkInterface {
    const FIELDS: &'static [Field<Self>] = &[
        ("association.allocation-id", |_| Vec::new()),
        ("association.association-id", |_| Vec::new()),
        ("addresses.association.owner-id", |_| Vec::new()),
        ("addresses.association.public-ip", |_| Vec::new()),
        ("addresses.primary", |interface| {
            each(&interface.private_ip_addresses, |address| shown(&address.primary))
        }),
        ("addresses.private-ip-address", |interface| {
            each(&interface.private_ip_addresses, |address| {
                text(&address.private_ip_address)
            })
        }),
        ("association.ip-owner-id", |_| Vec::new()),
        ("association.public-ip", |_| Vec::new()),
        ("association.public-dns-name", |_| Vec::new()),
        ("attachment.attach-time", |interface| {
            let at = attachment(interface).and_then(|a| a.attach_time);
            shown(
                &at.and_then(|at| chrono::DateTime::from_timestamp_millis(at.as_millis()))
                    .map(|at| at.to_rfc3339()),
            )
        }),
        ("attachment.attachment-id", |interface| {
            shown(&attachment(interface).and_then(|a| a.attachment_id.as_ref()))
        }),
        ("attachment.delete-on-termination", |interface| {
            shown(&attachment(interface).and_then(|a| a.delete_on_termination))
        }),
        ("attachment.device-index", |interface| {
            shown(&attachment(interface).and_then(|a| a.device_index))
        }),
        ("attachment.instance-id", |interface| {
            shown(&attachment(interface).and_then(|a| a.instance_id.as_ref()))
        }),
        ("attachment.instance-owner-id", |interface| {
            shown(&attachment(interface).and_then(|a| a.instance_owner_id.as_ref()))
        }),
        ("attachment.status", |interface| {
            shown(&attachment(interface).and_then(|a| a.status))
        }),
        ("availability-zone", |interface| {
            text(&interface.availability_zone)
        }),
        ("availability-zone-id", |interface| {
            text(&interface.availability_zone_id)
        }),
        ("description", |interface| text(&interface.description)),
        ("group-id", |interface| {
            each(&interface.groups, |group| text(&group.group_id))
        }),
        ("group-name", |interface| {
            each(&interface.groups, |group| text(&group.group_name))
        }),
        ("ipv6-addresses.ipv6-address", |_| Vec::new()),
        ("interface-type", |interface| shown(&interface.interface_type)),
        ("mac-address", |interface| text(&interface.mac_address)),
        ("network-interface-id", |interface| {
            text(&interface.network_interface_id)
        }),
        ("operator.managed", |interface| {
            shown(&interface.operator.as_ref().and_then(|operator| operator.managed))
        }),
        ("operator.principal", |_| Vec::new()),
        ("owner-id", |interface| text(&interface.owner_id)),
        ("private-dns-name", |interface| text(&interface.private_dns_name)),
        ("private-ip-address", |interface| {
            text(&interface.private_ip_address)
        }),
        ("requester-id", |interface| text(&interface.requester_id)),
        ("requester-managed", |interface| {
            shown(&interface.requester_managed)
        }),
        ("source-dest-check", |interface| {
            shown(&interface.source_dest_check)
        }),
        ("status", |interface| shown(&interface.status)),
        ("subnet-id", |interface| text(&interface.subnet_id)),
        ("vpc-id", |interface| text(&interface.vpc_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tag_set.as_deref()
    }
}

impl Described for NetworkInterface {
    const KIND: ResourceKind = ResourceKind::NetworkInterface;

    fn id(&self) -> &str {
        self.network_interface_id.as_deref().unwrap_or_default()
    }
}
