//! What proxies run by, read from the rows of load balancing: balancers, target groups and certificates with their revisions.
//!
//! Whoever changes a balancer, or one of its listeners, rules, attributes or certificate links, calls [`touch_balancer`] in the same
//! transaction; whoever changes a target group or its targets calls [`touch_target_group`]. After the commit [`crate::Wake::Routes`] is sent.
//! Revisions come from one sequence and may be committed out of order, but those of one row never are: the row is locked meanwhile.

use crate::{Result, Tx};

/// Raises the revision of a balancer, so that proxies are told of it. Locks its row until the end of the transaction.
/// Nothing happens if there is no such balancer.
pub async fn touch_balancer(tx: &mut Tx, arn: &str) -> Result<()> {
    sqlx::query("UPDATE load_balancers SET revision = nextval('route_revisions') WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The same for a target group.
pub async fn touch_target_group(tx: &mut Tx, arn: &str) -> Result<()> {
    sqlx::query("UPDATE target_groups SET revision = nextval('route_revisions') WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The same for a certificate, whose listeners' balancers stay as they are.
pub async fn touch_certificate(tx: &mut Tx, arn: &str) -> Result<()> {
    sqlx::query("UPDATE certificates SET revision = nextval('route_revisions') WHERE arn = $1")
        .bind(arn)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
