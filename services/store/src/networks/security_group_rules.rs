//! Rules of security groups: one row for each protocol, port range and peer.

mod revoking;

use domain::Scope;
use domain::network::ResourceKind;

use super::{NetworkError, NetworkResult, security_groups};
use crate::tags::Tag;
use crate::{Db, Result, Tx};

pub use revoking::{Revoked, revoke, revoke_by_id};

/// Most rules of a group in each direction.
pub const LIMIT: usize = 1000;

/// Whom a rule is about: the source of what comes in, the destination of what goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A block in canonical form.
    Ipv4(String),
    Ipv6(String),
    /// The members of a group of the same VPC, by its id.
    Group(String),
}

/// What a rule lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, the number of another protocol, or `-1` for all.
    pub ip_protocol: String,
    /// Ports, or type and code of ICMP; -1 for all.
    pub from_port: i32,
    pub to_port: i32,
    pub peer: Peer,
    pub description: Option<String>,
}

impl NewRule {
    /// All protocols and ports.
    pub fn everything(peer: Peer) -> Self {
        Self {
            ip_protocol: "-1".to_owned(),
            from_port: -1,
            to_port: -1,
            peer,
            description: None,
        }
    }

    /// EC2's words for it in errors, such as `peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW`.
    fn in_words(&self) -> String {
        let (Peer::Ipv4(peer) | Peer::Ipv6(peer) | Peer::Group(peer)) = &self.peer;
        let (from, to) = (self.from_port, self.to_port);
        let protocol = self.ip_protocol.to_uppercase();
        match self.ip_protocol.as_str() {
            "-1" => format!("peer: {peer}, ALL, ALLOW"),
            "tcp" | "udp" => format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW"),
            "icmp" | "icmpv6" => format!("peer: {peer}, {protocol}, type: {from}, code: {to}, ALLOW"),
            number => format!("peer: {peer}, protocol: {number}, ALLOW"),
        }
    }

    /// True if it is the same rule, whatever its description says.
    fn matches(&self, rule: &RuleRow) -> bool {
        self.ip_protocol == rule.ip_protocol
            && (self.from_port, self.to_port) == (rule.from_port, rule.to_port)
            && self.peer == rule.peer()
    }
}

/// A row of `security_group_rules`, with the VPC of its group.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RuleRow {
    pub id: String,
    pub group_id: String,
    pub vpc_id: String,
    pub is_egress: bool,
    pub ip_protocol: String,
    pub from_port: i32,
    pub to_port: i32,
    pub cidr_ipv4: Option<String>,
    pub cidr_ipv6: Option<String>,
    pub referenced_group_id: Option<String>,
    pub description: Option<String>,
}

impl RuleRow {
    pub fn peer(&self) -> Peer {
        match (&self.cidr_ipv4, &self.cidr_ipv6, &self.referenced_group_id) {
            (Some(block), _, _) => Peer::Ipv4(block.clone()),
            (_, Some(block), _) => Peer::Ipv6(block.clone()),
            (_, _, group) => Peer::Group(group.clone().unwrap_or_default()),
        }
    }
}

const SELECT: &str = "SELECT r.id, r.group_id, g.vpc_id, r.is_egress, r.ip_protocol, r.from_port, r.to_port, r.cidr_ipv4, r.cidr_ipv6, \
    r.referenced_group_id, r.description FROM security_group_rules r JOIN security_groups g ON g.id = r.group_id";

/// All rules of all groups, in the order in which they were made.
pub async fn list(db: &Db, scope: &Scope) -> Result<Vec<RuleRow>> {
    super::ensure(db, scope).await?;
    let sql = format!("{SELECT} WHERE r.account = $1 AND r.region = $2 ORDER BY r.number");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?)
}

/// Adds rules to a group, all or none; each gets the tags.
///
/// # Errors
/// [`NetworkError::DuplicateRule`], [`NetworkError::GroupsOfDifferentNetworks`], [`NetworkError::TooManyRules`].
pub async fn authorize(
    db: &Db,
    scope: &Scope,
    group: &str,
    is_egress: bool,
    new: &[NewRule],
    tags: &[Tag],
) -> NetworkResult<Vec<RuleRow>> {
    let mut tx = super::begin(db, scope).await?;
    let vpc = security_groups::find(&mut tx, scope, group).await?.vpc_id;
    let mut there = of_group(&mut tx, group).await?;
    let standing = there.iter().filter(|row| row.is_egress == is_egress).count();
    if standing + new.len() > LIMIT {
        return Err(NetworkError::TooManyRules);
    }
    let mut made = Vec::with_capacity(new.len());
    for rule in new {
        check_peer(&mut tx, scope, &vpc, &rule.peer).await?;
        if there
            .iter()
            .any(|row| row.is_egress == is_egress && rule.matches(row))
        {
            return Err(NetworkError::DuplicateRule(rule.in_words()));
        }
        let row = insert(&mut tx, scope, group, is_egress, rule).await?;
        super::tags::put(&mut tx, scope, ResourceKind::SecurityGroupRule, &row.id, tags).await?;
        there.push(row.clone());
        made.push(row);
    }
    db.commit(tx, []).await?;
    Ok(made)
}

/// Replaces rules of a group, which keep their ids; all or none.
///
/// # Errors
/// [`NetworkError::NotFound`] for ids of other groups; [`NetworkError::PeerKindChanged`], [`NetworkError::DuplicateRule`].
pub async fn modify(db: &Db, scope: &Scope, group: &str, changes: &[(String, NewRule)]) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    let vpc = security_groups::find(&mut tx, scope, group).await?.vpc_id;
    for (id, rule) in changes {
        let there = of_group(&mut tx, group).await?;
        let old = there
            .iter()
            .find(|row| row.id == *id)
            .ok_or_else(|| NetworkError::not_found(ResourceKind::SecurityGroupRule, id))?;
        if std::mem::discriminant(&old.peer()) != std::mem::discriminant(&rule.peer) {
            return Err(NetworkError::PeerKindChanged(id.clone()));
        }
        check_peer(&mut tx, scope, &vpc, &rule.peer).await?;
        if there
            .iter()
            .any(|row| row.id != *id && row.is_egress == old.is_egress && rule.matches(row))
        {
            return Err(NetworkError::DuplicateRule(rule.in_words()));
        }
        let [ipv4, ipv6, referenced] = columns(&rule.peer);
        sqlx::query(
            "UPDATE security_group_rules SET ip_protocol = $2, from_port = $3, to_port = $4, cidr_ipv4 = $5, cidr_ipv6 = $6, \
             referenced_group_id = $7, description = $8 WHERE id = $1",
        )
        .bind(id)
        .bind(&rule.ip_protocol)
        .bind(rule.from_port)
        .bind(rule.to_port)
        .bind(ipv4)
        .bind(ipv6)
        .bind(referenced)
        .bind(&rule.description)
        .execute(&mut *tx)
        .await?;
    }
    db.commit(tx, []).await?;
    Ok(())
}

/// A rule whose description is set.
#[derive(Debug, Clone)]
pub enum Described {
    ById(String),
    Like(NewRule),
}

/// Sets or, with `None`, removes the descriptions of rules of a group; all or none.
///
/// # Errors
/// [`NetworkError::RuleNotFound`], or [`NetworkError::NotFound`] for an id.
pub async fn describe(
    db: &Db,
    scope: &Scope,
    group: &str,
    is_egress: bool,
    changes: &[(Described, Option<String>)],
) -> NetworkResult<()> {
    let mut tx = super::begin(db, scope).await?;
    security_groups::find(&mut tx, scope, group).await?;
    let there = of_group(&mut tx, group).await?;
    for (which, description) in changes {
        let mut of_direction = there.iter().filter(|row| row.is_egress == is_egress);
        let row = match which {
            Described::ById(id) => of_direction
                .find(|row| row.id == *id)
                .ok_or_else(|| NetworkError::not_found(ResourceKind::SecurityGroupRule, id))?,
            Described::Like(rule) => of_direction
                .find(|row| rule.matches(row))
                .ok_or(NetworkError::RuleNotFound)?,
        };
        sqlx::query("UPDATE security_group_rules SET description = $2 WHERE id = $1")
            .bind(&row.id)
            .bind(description)
            .execute(&mut *tx)
            .await?;
    }
    db.commit(tx, []).await?;
    Ok(())
}

pub(super) async fn of_group(tx: &mut Tx, group: &str) -> Result<Vec<RuleRow>> {
    let sql = format!("{SELECT} WHERE r.group_id = $1 ORDER BY r.number");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn insert(
    tx: &mut Tx,
    scope: &Scope,
    group: &str,
    is_egress: bool,
    rule: &NewRule,
) -> Result<RuleRow> {
    let [ipv4, ipv6, referenced] = columns(&rule.peer);
    let query = sqlx::query_as(
        "INSERT INTO security_group_rules (id, account, region, group_id, is_egress, ip_protocol, from_port, to_port, cidr_ipv4, \
         cidr_ipv6, referenced_group_id, description) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         RETURNING *, (SELECT vpc_id FROM security_groups WHERE id = $4) AS vpc_id",
    );
    Ok(query
        .bind(super::fresh_id(ResourceKind::SecurityGroupRule))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(group)
        .bind(is_egress)
        .bind(&rule.ip_protocol)
        .bind(rule.from_port)
        .bind(rule.to_port)
        .bind(ipv4)
        .bind(ipv6)
        .bind(referenced)
        .bind(&rule.description)
        .fetch_one(&mut **tx)
        .await?)
}

/// A group that a rule names is one of the same VPC.
async fn check_peer(tx: &mut Tx, scope: &Scope, vpc: &str, peer: &Peer) -> NetworkResult<()> {
    let Peer::Group(id) = peer else { return Ok(()) };
    match security_groups::find(tx, scope, id).await?.vpc_id == vpc {
        true => Ok(()),
        false => Err(NetworkError::GroupsOfDifferentNetworks),
    }
}

/// `cidr_ipv4`, `cidr_ipv6`, `referenced_group_id`.
fn columns(peer: &Peer) -> [Option<&str>; 3] {
    match peer {
        Peer::Ipv4(block) => [Some(block), None, None],
        Peer::Ipv6(block) => [None, Some(block), None],
        Peer::Group(id) => [None, None, Some(id)],
    }
}
