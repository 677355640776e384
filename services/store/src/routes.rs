//! What proxies run by, read from the rows of load balancing: balancers, target groups and certificates with their revisions.
//!
//! Whoever changes a balancer, or one of its listeners, rules, attributes or certificate links, calls [`touch_balancer`] in the same
//! transaction; whoever changes a target group or its targets calls [`touch_target_group`]. After the commit [`crate::Wake::Routes`] is sent.
//! Revisions come from one sequence and may be committed out of order, but those of one row never are: the row is locked meanwhile.

pub mod attributes;
mod balancers;
mod certificates;
mod challenges;
pub mod rules;
mod target_groups;

use crate::{Db, Result, Tx};

pub use balancers::{ListenerStanding, StoredBalancer, balancers, balancers_of, standings};
pub use certificates::{StoredCertificate, certificates};
pub use target_groups::target_groups;

/// Opens what `auth::Vault` sealed; the store cannot.
pub trait Unseal: Send + Sync {
    /// What was sealed for `owner`: a balancer's cookie key for its ARN, an OpenID Connect client's secret for its rule's, a private
    /// key for its certificate's. `None` if it cannot be opened, which is logged by the implementation.
    fn unseal(&self, owner: &str, sealed: &[u8]) -> Option<String>;
}

/// A row that proxies may have to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Balancer,
    TargetGroup,
    Certificate,
}

/// What [`revisions`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Rows above the floor, in no order.
    pub rows: Vec<(Kind, String, i64)>,
    /// How many balancers there are in all. (Groups and certificates are not deleted while a balancer uses them.)
    pub balancers: usize,
}

/// Revisions of all rows above `floor`, read at one moment.
///
/// A transaction takes its number when it changes a row and may be slow to commit, so a floor has to lie well below the highest
/// revision that was seen; and from time to time everything is read (floor 0). Balancers that are gone show in their number.
pub async fn revisions(db: &Db, floor: i64) -> Result<Revisions> {
    let found: Vec<(i32, Option<String>, i64)> = sqlx::query_as(
        "SELECT 0, arn, revision FROM load_balancers WHERE revision > $1 \
         UNION ALL SELECT 1, arn, revision FROM target_groups WHERE revision > $1 \
         UNION ALL SELECT 2, arn, revision FROM certificates WHERE revision > $1 \
         UNION ALL SELECT 0, NULL, count(*) FROM load_balancers",
    )
    .bind(floor)
    .fetch_all(db.pool())
    .await?;
    let mut revisions = Revisions::default();
    for (kind, arn, number) in found {
        let kind = match kind {
            0 => Kind::Balancer,
            1 => Kind::TargetGroup,
            _ => Kind::Certificate,
        };
        match arn {
            Some(arn) => revisions.rows.push((kind, arn, number)),
            None => revisions.balancers = usize::try_from(number).unwrap_or_default(),
        }
    }
    Ok(revisions)
}

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
