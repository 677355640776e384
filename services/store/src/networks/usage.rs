//! Who uses what: the reasons why something cannot be deleted.

use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult};
use crate::{Result, Tx};

/// Keeps these subnets and security groups from being deleted until the transaction ends; for whoever writes rows that name them (load
/// balancers, network interfaces). Call it before writing those rows.
///
/// # Errors
/// [`NetworkError::NotFound`] for the first one that does not exist.
pub async fn hold(
    tx: &mut Tx,
    scope: &Scope,
    subnets: &[String],
    security_groups: &[String],
) -> NetworkResult<()> {
    let held: [(ResourceKind, &[String], &'static str); 2] = [
        (
            ResourceKind::Subnet,
            subnets,
            "SELECT id FROM subnets WHERE account = $1 AND region = $2 AND id = ANY($3) ORDER BY id FOR KEY SHARE",
        ),
        (
            ResourceKind::SecurityGroup,
            security_groups,
            "SELECT id FROM security_groups WHERE account = $1 AND region = $2 AND id = ANY($3) ORDER BY id FOR KEY SHARE",
        ),
    ];
    for (kind, ids, sql) in held {
        let found: Vec<String> = sqlx::query_scalar(sql)
            .bind(scope.account.as_str())
            .bind(scope.region.as_str())
            .bind(ids)
            .fetch_all(&mut **tx)
            .await?;
        if let Some(missing) = ids.iter().find(|id| !found.contains(id)) {
            return Err(NetworkError::not_found(kind, missing));
        }
    }
    Ok(())
}

/// Load balancers and network interfaces are in subnets.
pub(super) async fn subnet_in_use(tx: &mut Tx, scope: &Scope, id: &str) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM network_interfaces WHERE subnet_id = $3) \
         OR EXISTS (SELECT 1 FROM load_balancers WHERE account = $1 AND region = $2 AND $3 = ANY(subnets))",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_one(&mut **tx)
        .await?)
}

/// Load balancers, network interfaces and rules of other groups name groups.
pub(super) async fn group_in_use(tx: &mut Tx, scope: &Scope, id: &str) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM network_interface_groups WHERE security_group_id = $3) \
         OR EXISTS (SELECT 1 FROM security_group_rules WHERE referenced_group_id = $3 AND group_id <> $3) \
         OR EXISTS (SELECT 1 FROM load_balancers WHERE account = $1 AND region = $2 AND $3 = ANY(security_groups))",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(id)
        .fetch_one(&mut **tx)
        .await?)
}

/// Everything in a VPC but what it came with.
pub(super) async fn vpc_in_use(tx: &mut Tx, id: &str) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM subnets WHERE vpc_id = $1) \
         OR EXISTS (SELECT 1 FROM internet_gateways WHERE vpc_id = $1) \
         OR EXISTS (SELECT 1 FROM security_groups WHERE vpc_id = $1 AND name <> 'default') \
         OR EXISTS (SELECT 1 FROM network_acls WHERE vpc_id = $1 AND NOT is_default) \
         OR EXISTS (SELECT 1 FROM route_tables t WHERE t.vpc_id = $1 AND NOT EXISTS \
             (SELECT 1 FROM route_table_associations a WHERE a.route_table_id = t.id AND a.subnet_id IS NULL))",
    );
    Ok(query.bind(id).fetch_one(&mut **tx).await?)
}

/// Load balancers that face the internet have public addresses behind the VPC's gateway.
pub(super) async fn has_public_addresses(tx: &mut Tx, scope: &Scope, vpc: &str) -> Result<bool> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM load_balancers \
         WHERE account = $1 AND region = $2 AND vpc_id = $3 AND scheme = 'internet-facing')",
    );
    Ok(query
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(vpc)
        .fetch_one(&mut **tx)
        .await?)
}
