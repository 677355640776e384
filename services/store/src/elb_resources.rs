//! What of load balancing can have tags: found and held by ARN.

use std::collections::BTreeSet;

use domain::{ElbKind, Scope};

use crate::{Db, Result, Tx};

/// The query that finds a thing of this kind by its ARN ($3) in an account and region ($1, $2).
fn query(kind: ElbKind) -> &'static str {
    match kind {
        ElbKind::LoadBalancer => {
            "SELECT x.arn FROM load_balancers x WHERE x.account = $1 AND x.region = $2 AND x.arn = ANY($3)"
        }
        ElbKind::TargetGroup => {
            "SELECT x.arn FROM target_groups x WHERE x.account = $1 AND x.region = $2 AND x.arn = ANY($3)"
        }
        ElbKind::TrustStore => {
            "SELECT x.arn FROM trust_stores x WHERE x.account = $1 AND x.region = $2 AND x.arn = ANY($3)"
        }
        ElbKind::Listener => {
            "SELECT x.arn FROM listeners x JOIN load_balancers b ON b.arn = x.load_balancer_arn \
             WHERE b.account = $1 AND b.region = $2 AND x.arn = ANY($3)"
        }
        ElbKind::Rule => {
            "SELECT x.arn FROM rules x JOIN listeners l ON l.arn = x.listener_arn \
             JOIN load_balancers b ON b.arn = l.load_balancer_arn \
             WHERE b.account = $1 AND b.region = $2 AND x.arn = ANY($3)"
        }
    }
}

/// Keeps a thing from being deleted until the transaction ends. False if it does not exist.
pub async fn hold(tx: &mut Tx, scope: &Scope, kind: ElbKind, arn: &str) -> Result<bool> {
    let sql = format!("{} FOR KEY SHARE OF x", query(kind));
    let found = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind([arn].as_slice())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(found.is_some())
}

/// Those of these ARNs, all of one kind, that exist.
pub async fn existing(db: &Db, scope: &Scope, kind: ElbKind, arns: &[String]) -> Result<BTreeSet<String>> {
    let found: Vec<String> = sqlx::query_scalar(query(kind))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(arns)
        .fetch_all(db.pool())
        .await?;
    Ok(found.into_iter().collect())
}
