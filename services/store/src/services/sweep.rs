//! Which services the scheduler has to look at. Of all accounts.

use uuid::Uuid;

use crate::{Db, Result};

/// All services that are not INACTIVE.
pub async fn live(db: &Db) -> Result<Vec<i64>> {
    let query = sqlx::query_scalar("SELECT id FROM services WHERE status <> 'INACTIVE' ORDER BY settled, id");
    Ok(query.fetch_all(db.pool()).await?)
}

/// Those where something is missing or under way, or where a task has stopped that the scheduler has not counted yet.
pub async fn unfinished(db: &Db) -> Result<Vec<i64>> {
    let query = sqlx::query_scalar(
        "SELECT id FROM services WHERE status <> 'INACTIVE' AND NOT settled \
         UNION SELECT service_id FROM tasks WHERE service_id IS NOT NULL AND last_status = 'STOPPED' AND NOT accounted",
    );
    Ok(query.fetch_all(db.pool()).await?)
}

/// Those that changes of these hosts may concern: services that miss something in these clusters, daemons there, and
/// services with tasks on those of the instances that are not ACTIVE any more.
pub async fn concerned(db: &Db, clusters: &[i64], instances: &[Uuid]) -> Result<Vec<i64>> {
    let query = sqlx::query_scalar(
        "SELECT id FROM services WHERE cluster_id = ANY($1) AND status = 'ACTIVE' AND (NOT settled OR scheduling_strategy = 'DAEMON') \
         UNION SELECT t.service_id FROM container_instances i JOIN tasks t ON t.instance_id = i.id \
         WHERE i.id = ANY($2) AND i.status <> 'ACTIVE' AND t.last_status <> 'STOPPED' AND t.service_id IS NOT NULL",
    );
    Ok(query.bind(clusters).bind(instances).fetch_all(db.pool()).await?)
}
