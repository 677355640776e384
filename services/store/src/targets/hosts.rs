//! Container instances as targets, by ids in EC2's form.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::Scope;
use routing::Health;
use uuid::Uuid;

use crate::routes::touch_target_group;
use crate::{Db, Result, Tx, Wake};

/// Addresses of container instances by the ids under which they are targets: their EC2 instance id, or `i-` and the first 17 digits of
/// their own. The address is `None` while it is not known; instances that are not ACTIVE or DRAINING do not exist.
pub async fn instance_addresses(
    tx: &mut Tx,
    scope: &Scope,
    ids: &[String],
) -> Result<BTreeMap<String, Option<IpAddr>>> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT target_id, address FROM ( \
             SELECT coalesce(i.ec2_instance_id, 'i-' || substr(replace(i.id::text, '-', ''), 1, 17)) AS target_id, \
                    host(i.address) AS address \
             FROM container_instances i JOIN clusters c ON c.id = i.cluster_id \
             WHERE c.account = $1 AND c.region = $2 AND i.status IN ('ACTIVE', 'DRAINING')) known \
         WHERE target_id = ANY($3)",
    )
    .bind(scope.account.as_str())
    .bind(scope.region.as_str())
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, address)| (id, address.and_then(|text| text.parse().ok())))
        .collect())
}

/// Lets the targets that users registered of a container instance follow its address, where they begin anew; one that is not there any
/// more has none. Those of tasks are their services' to mend. For when the instance has connected or was deregistered, after the commit.
pub async fn follow_host(db: &Db, instance: Uuid) -> Result<()> {
    let moved: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT t.target_group_arn, t.target_id, h.address FROM ( \
             SELECT c.account, c.region, coalesce(i.ec2_instance_id, 'i-' || substr(replace(i.id::text, '-', ''), 1, 17)) AS id, \
                    CASE WHEN i.status IN ('ACTIVE', 'DRAINING') THEN host(i.address) END AS address \
             FROM container_instances i JOIN clusters c ON c.id = i.cluster_id WHERE i.id = $1) h \
         JOIN target_groups g ON g.account = h.account AND g.region = h.region AND g.target_type = 'instance' \
         JOIN targets t ON t.target_group_arn = g.arn AND t.target_id = h.id \
         WHERE t.task_id IS NULL AND host(t.address) IS DISTINCT FROM h.address \
         GROUP BY 1, 2, 3 ORDER BY 1",
    )
    .bind(instance)
    .fetch_all(db.pool())
    .await?;
    let initial = Health::registered();
    for (group, id, address) in moved {
        let mut tx = db.begin().await?;
        touch_target_group(&mut tx, &group).await?;
        sqlx::query(
            "UPDATE targets SET address = $3::inet, health_state = $4, health_reason = $5, health_description = $6, healthy_since = NULL, \
                 registered_at = greatest(now(), registered_at + interval '1 microsecond') \
             WHERE target_group_arn = $1 AND target_id = $2 AND task_id IS NULL",
        )
        .bind(&group)
        .bind(&id)
        .bind(address)
        .bind(initial.state.name())
        .bind(initial.reason.map(routing::HealthReason::name))
        .bind(initial.description.as_ref())
        .execute(&mut *tx)
        .await?;
        db.commit(tx, [Wake::Routes]).await?;
    }
    Ok(())
}
