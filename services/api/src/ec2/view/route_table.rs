use aws_model::ec2::types::{
    Route, RouteOrigin, RouteState, RouteTable, RouteTableAssociation, RouteTableAssociationState,
    RouteTableAssociationStateCode, Tag,
};
use domain::Scope;
use domain::network::ResourceKind;
use store::networks::route_tables::{self, AssociationRow, RouteRow};

use crate::ec2::filters::{Field, Filtered, each, shown, text};
use crate::ec2::selection::Described;
use crate::ec2::tags;
use crate::{Context, Result};

/// All route tables.
pub async fn all(cx: &Context) -> Result<Vec<RouteTable>> {
    let rows = route_tables::list(cx.db(), &cx.scope).await?;
    let mut by_id = tags::by_id(
        cx,
        ResourceKind::RouteTable,
        rows.iter().map(|row| row.id.as_str()),
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = by_id.remove(&row.id).unwrap_or_default();
            route_table(&cx.scope, row, tags)
        })
        .collect())
}

fn route_table(scope: &Scope, row: route_tables::RouteTable, tags: Vec<store::tags::Tag>) -> RouteTable {
    let local = Route {
        destination_cidr_block: Some(row.vpc_cidr_block),
        gateway_id: Some("local".to_owned()),
        origin: Some(RouteOrigin::CreateRouteTable),
        state: Some(RouteState::Active),
        ..Route::default()
    };
    RouteTable {
        associations: Some(row.associations.into_iter().map(association).collect()),
        propagating_vgws: Some(Vec::new()),
        route_table_id: Some(row.id),
        routes: Some(
            std::iter::once(local)
                .chain(row.routes.into_iter().map(route))
                .collect(),
        ),
        tags: tags::shown(tags),
        vpc_id: Some(row.vpc_id),
        owner_id: Some(scope.account.to_string()),
    }
}

fn route(row: RouteRow) -> Route {
    let (ipv6, ipv4) = match row.destination.contains(':') {
        true => (Some(row.destination), None),
        false => (None, Some(row.destination)),
    };
    Route {
        destination_cidr_block: ipv4,
        destination_ipv6_cidr_block: ipv6,
        gateway_id: Some(row.gateway_id),
        origin: Some(RouteOrigin::CreateRoute),
        state: Some(if row.active {
            RouteState::Active
        } else {
            RouteState::Blackhole
        }),
        ..Route::default()
    }
}

fn association(row: AssociationRow) -> RouteTableAssociation {
    RouteTableAssociation {
        main: Some(row.subnet_id.is_none()),
        route_table_association_id: Some(row.id),
        route_table_id: Some(row.route_table_id),
        subnet_id: row.subnet_id,
        association_state: Some(associated()),
        ..RouteTableAssociation::default()
    }
}

/// The state of every association.
pub fn associated() -> RouteTableAssociationState {
    RouteTableAssociationState {
        state: Some(RouteTableAssociationStateCode::Associated),
        status_message: None,
    }
}

impl Filtered for RouteTable {
    const FIELDS: &'static [Field<Self>] = &[
        ("association.gateway-id", |table| {
            each(&table.associations, |a| text(&a.gateway_id))
        }),
        ("association.route-table-association-id", |table| {
            each(&table.associations, |a| text(&a.route_table_association_id))
        }),
        ("association.route-table-id", |table| {
            each(&table.associations, |a| text(&a.route_table_id))
        }),
        ("association.subnet-id", |table| {
            each(&table.associations, |a| text(&a.subnet_id))
        }),
        ("association.main", |table| {
            each(&table.associations, |a| shown(&a.main))
        }),
        ("owner-id", |table| text(&table.owner_id)),
        ("route-table-id", |table| text(&table.route_table_id)),
        ("route.destination-cidr-block", |table| {
            each(&table.routes, |route| text(&route.destination_cidr_block))
        }),
        ("route.destination-ipv6-cidr-block", |table| {
            each(&table.routes, |route| text(&route.destination_ipv6_cidr_block))
        }),
        ("route.destination-prefix-list-id", |_| Vec::new()),
        ("route.egress-only-internet-gateway-id", |_| Vec::new()),
        ("route.gateway-id", |table| {
            each(&table.routes, |route| text(&route.gateway_id))
        }),
        ("route.instance-id", |_| Vec::new()),
        ("route.nat-gateway-id", |_| Vec::new()),
        ("route.transit-gateway-id", |_| Vec::new()),
        ("route.origin", |table| {
            each(&table.routes, |route| shown(&route.origin))
        }),
        ("route.state", |table| {
            each(&table.routes, |route| shown(&route.state))
        }),
        ("route.vpc-peering-connection-id", |_| Vec::new()),
        ("vpc-id", |table| text(&table.vpc_id)),
    ];

    fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }
}

impl Described for RouteTable {
    const KIND: ResourceKind = ResourceKind::RouteTable;

    fn id(&self) -> &str {
        self.route_table_id.as_deref().unwrap_or_default()
    }
}
