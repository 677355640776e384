//! Balancers with their listeners and rules, each read in one statement, so that they are of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_model::elbv2::types::{
    Action as ApiAction, AdvertiseTrustStoreCaNamesEnum, MutualAuthenticationAttributes, RuleCondition,
    RuleTransform,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::Scope;
use routing::action::FixedResponse;
use routing::snapshot::{ListenerProtocol, ListenerTls, MutualAuthentication};
use routing::{Action, Balancer, Kind, Listener, Rule};
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;

use super::challenges::{self, Challenge};
use super::{Unseal, attributes, rules};
use crate::{Db, Result};

/// A balancer whose secrets are still sealed.
#[derive(Debug, Clone)]
pub struct StoredBalancer {
    /// Client secrets are sealed, cookie keys are empty.
    balancer: Balancer,
    sealed_cookie_key: Vec<u8>,
}

impl StoredBalancer {
    pub fn arn(&self) -> &str {
        &self.balancer.arn
    }

    pub fn name(&self) -> &str {
        &self.balancer.name
    }

    pub fn revision(&self) -> i64 {
        self.balancer.revision
    }

    /// Groups that its rules name.
    pub fn target_groups(&self) -> BTreeSet<&str> {
        let listeners = self.balancer.listeners.iter();
        let actions = listeners.flat_map(|listener| {
            let of_rules = listener.rules.iter().flat_map(|rule| &rule.actions);
            of_rules.chain(&listener.default_actions)
        });
        let forwards = actions.filter_map(|action| match action {
            Action::Forward(forward) => Some(forward),
            _ => None,
        });
        forwards
            .flat_map(|forward| &forward.groups)
            .map(|group| group.target_group.as_str())
            .collect()
    }

    /// Certificates that its listeners show.
    pub fn certificates(&self) -> BTreeSet<&str> {
        let tls = self
            .balancer
            .listeners
            .iter()
            .filter_map(|listener| listener.tls.as_ref());
        tls.flat_map(|tls| std::iter::once(&tls.default_certificate).chain(&tls.certificates))
            .map(String::as_str)
            .collect()
    }

    /// The balancer with its secrets, for a proxy.
    pub fn open(&self, unseal: &dyn Unseal) -> Balancer {
        let mut balancer = self.balancer.clone();
        let cookie_key = unseal.unseal(&balancer.arn, &self.sealed_cookie_key);
        for listener in &mut balancer.listeners {
            for rule in &mut listener.rules {
                fill(&mut rule.actions, &rule.arn, cookie_key.as_deref(), unseal);
            }
            let owner = &listener.default_rule;
            fill(
                &mut listener.default_actions,
                owner,
                cookie_key.as_deref(),
                unseal,
            );
        }
        balancer
    }

    /// The balancer for the eyes of people.
    pub fn without_secrets(&self) -> Balancer {
        struct Nothing;
        impl Unseal for Nothing {
            fn unseal(&self, _: &str, _: &[u8]) -> Option<String> {
                None
            }
        }
        self.open(&Nothing)
    }
}

/// Puts the opened secrets in place. One that cannot be opened is empty: nobody gets in by it.
fn fill(actions: &mut [Action], owner: &str, cookie_key: Option<&str>, unseal: &dyn Unseal) {
    for action in actions {
        if let Action::AuthenticateOidc(oidc) = action {
            let sealed = STANDARD.decode(&oidc.client_secret).unwrap_or_default();
            oidc.client_secret = unseal.unseal(owner, &sealed).unwrap_or_default();
            oidc.cookie_key = cookie_key.unwrap_or_default().to_owned();
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    arn: String,
    number: i64,
    account: String,
    region: String,
    name: String,
    kind: String,
    dns_name: String,
    attributes: Json<BTreeMap<String, String>>,
    sealed_cookie_key: Vec<u8>,
    revision: i64,
    created_at: DateTime<Utc>,
    listeners: Json<Vec<Value>>,
    challenges: Json<Vec<Challenge>>,
}

#[derive(Deserialize)]
struct StoredListener {
    arn: String,
    port: u16,
    protocol: String,
    ssl_policy: Option<String>,
    certificate_arn: Option<String>,
    alpn_policy: Option<String>,
    mutual: Option<MutualAuthenticationAttributes>,
    attributes: BTreeMap<String, String>,
    certificates: Vec<String>,
    authorities: Option<String>,
    revocations: Vec<String>,
    rules: Vec<StoredRule>,
}

#[derive(Deserialize)]
struct StoredRule {
    arn: String,
    priority: Option<u32>,
    conditions: Vec<RuleCondition>,
    transforms: Vec<RuleTransform>,
    actions: Vec<ApiAction>,
}

const SELECT: &str = "SELECT b.arn, b.number, b.account, b.region, b.name, b.kind, b.dns_name, b.attributes, b.sealed_cookie_key, \
    b.revision, b.created_at, coalesce((SELECT jsonb_agg(jsonb_build_object( \
        'arn', l.arn, 'port', l.port, 'protocol', l.protocol, 'ssl_policy', l.ssl_policy, 'certificate_arn', l.certificate_arn, \
        'alpn_policy', l.alpn_policy, 'mutual', l.mutual, 'attributes', l.attributes, \
        'certificates', coalesce((SELECT jsonb_agg(c.certificate_arn ORDER BY c.certificate_arn) \
            FROM listener_certificates c WHERE c.listener_arn = l.arn), '[]'), \
        'authorities', (SELECT s.authorities FROM trust_stores s WHERE s.arn = l.mutual->>'TrustStoreArn'), \
        'revocations', coalesce((SELECT jsonb_agg(v.content ORDER BY v.revocation_id) \
            FROM trust_store_revocations v WHERE v.trust_store_arn = l.mutual->>'TrustStoreArn'), '[]'), \
        'rules', coalesce((SELECT jsonb_agg(jsonb_build_object('arn', r.arn, 'priority', r.priority, 'conditions', r.conditions, \
            'transforms', r.transforms, 'actions', r.actions) ORDER BY r.priority) FROM rules r WHERE r.listener_arn = l.arn), '[]') \
    ) ORDER BY l.port) FROM listeners l WHERE l.load_balancer_arn = b.arn), '[]') AS listeners";

/// The balancers with these ARNs, of all accounts; those that are not there are left out.
///
/// What makes no sense harms nothing else: a listener that cannot be read is left out, a rule whose actions nobody can carry out answers
/// 500, one of which nobody can tell what it matches is left out. Each is logged.
pub async fn balancers(db: &Db, arns: &[String]) -> Result<Vec<StoredBalancer>> {
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{SELECT}, {} AS challenges FROM load_balancers b WHERE b.arn = ANY($1)",
        challenges::OF_BALANCER
    )))
    .bind(arns)
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().filter_map(stored).collect())
}

/// All balancers of an account and region, by name.
pub async fn balancers_of(db: &Db, scope: &Scope) -> Result<Vec<StoredBalancer>> {
    let sql = format!(
        "{SELECT}, {} AS challenges FROM load_balancers b WHERE b.account = $1 AND b.region = $2 ORDER BY b.name",
        challenges::OF_BALANCER
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_all(db.pool())
        .await?;
    Ok(rows.into_iter().filter_map(stored).collect())
}

fn stored(row: Row) -> Option<StoredBalancer> {
    let kind = match row.kind.as_str() {
        "application" => Kind::Application,
        "network" => Kind::Network,
        other => {
            tracing::error!(
                balancer = row.arn,
                kind = other,
                "a balancer cannot be read; it is left out"
            );
            return None;
        }
    };
    let listeners = row.listeners.0.into_iter().filter_map(|value| {
        let read = serde_json::from_value(value)
            .map_err(|error| error.to_string())
            .and_then(|stored| listener(stored, &row.challenges));
        read.inspect_err(|error| {
            tracing::error!(
                balancer = row.arn,
                error,
                "a listener cannot be read; it is left out"
            );
        })
        .ok()
    });
    let listeners = listeners.collect();
    Some(StoredBalancer {
        balancer: Balancer {
            arn: row.arn,
            name: row.name,
            account: row.account,
            region: row.region,
            kind,
            number: row.number,
            revision: row.revision,
            dns_name: row.dns_name,
            created_at: row.created_at,
            attributes: attributes::balancer(&row.attributes),
            listeners,
        },
        sealed_cookie_key: row.sealed_cookie_key,
    })
}

fn listener(stored: StoredListener, answers: &[Challenge]) -> std::result::Result<Listener, String> {
    let protocol = match stored.protocol.as_str() {
        "HTTP" => ListenerProtocol::Http,
        "HTTPS" => ListenerProtocol::Https,
        "TCP" => ListenerProtocol::Tcp,
        "TLS" => ListenerProtocol::Tls,
        "UDP" => ListenerProtocol::Udp,
        "TCP_UDP" => ListenerProtocol::TcpUdp,
        other => return Err(format!("{} speaks {other}", stored.arn)),
    };
    let tls = matches!(protocol, ListenerProtocol::Https | ListenerProtocol::Tls).then(|| ListenerTls {
        default_certificate: stored.certificate_arn.unwrap_or_default(),
        certificates: stored.certificates,
        policy: stored.ssl_policy.unwrap_or_default(),
        alpn_policy: stored.alpn_policy.filter(|policy| policy != "None"),
        mutual: mutual(stored.mutual.as_ref(), stored.authorities, stored.revocations),
    });
    let (defaults, others): (Vec<StoredRule>, Vec<StoredRule>) =
        stored.rules.into_iter().partition(|rule| rule.priority.is_none());
    let (default_rule, default_actions) = match defaults.into_iter().next() {
        Some(rule) => (rule.arn.clone(), actions(&rule.arn, &rule.actions)),
        None => (String::new(), vec![unusable()]),
    };
    let takes_http = matches!(protocol, ListenerProtocol::Http | ListenerProtocol::Https);
    let answers = answers.iter().filter(|_| takes_http);
    let answers = answers.map(|answer| challenges::rule(&stored.arn, answer));
    Ok(Listener {
        port: stored.port,
        protocol,
        tls,
        attributes: attributes::listener(&stored.attributes),
        rules: answers.chain(others.into_iter().filter_map(rule)).collect(),
        default_rule,
        default_actions,
        arn: stored.arn,
    })
}

fn mutual(
    given: Option<&MutualAuthenticationAttributes>,
    authorities: Option<String>,
    revocations: Vec<String>,
) -> MutualAuthentication {
    let Some(given) = given else {
        return MutualAuthentication::Off;
    };
    match given.mode.as_deref() {
        Some("passthrough") => MutualAuthentication::Passthrough,
        // With a trust store that is gone nobody gets in.
        Some("verify") => MutualAuthentication::Verify {
            trust_store: given.trust_store_arn.clone().unwrap_or_default(),
            authorities: authorities.unwrap_or_default(),
            revocations,
            ignore_expiry: given.ignore_client_certificate_expiry == Some(true),
            advertise_authorities: given.advertise_trust_store_ca_names
                == Some(AdvertiseTrustStoreCaNamesEnum::On),
        },
        _ => MutualAuthentication::Off,
    }
}

fn rule(stored: StoredRule) -> Option<Rule> {
    let Some(conditions) = rules::conditions(&stored.conditions) else {
        tracing::error!(
            rule = stored.arn,
            "a rule's conditions cannot be read; it is left out"
        );
        return None;
    };
    Some(Rule {
        priority: stored.priority?,
        conditions,
        transforms: rules::transforms(&stored.transforms),
        actions: actions(&stored.arn, &stored.actions),
        arn: stored.arn,
    })
}

fn actions(rule: &str, stored: &[ApiAction]) -> Vec<Action> {
    match rules::actions(stored) {
        Some(actions) if !actions.is_empty() => actions,
        _ => {
            tracing::error!(rule, "a rule's actions cannot be carried out; it answers 500");
            vec![unusable()]
        }
    }
}

fn unusable() -> Action {
    Action::FixedResponse(FixedResponse {
        status: 500,
        content_type: None,
        body: String::new(),
    })
}

/// How a listener stands on a proxy that lives.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ListenerStanding {
    pub listener_arn: String,
    pub proxy: String,
    /// Of the balancer, as the proxy has it in force.
    pub revision: i64,
    /// Socket addresses.
    pub addresses: Vec<String>,
    pub failure: Option<String>,
}

impl ListenerStanding {
    /// Where it listens.
    pub fn sockets(&self) -> impl Iterator<Item = (IpAddr, u16)> {
        let sockets = self.addresses.iter().filter_map(|address| address.parse().ok());
        sockets.map(|socket: std::net::SocketAddr| (socket.ip(), socket.port()))
    }
}

/// How the listeners of these balancers stand on the proxies that live.
pub async fn standings(db: &Db, balancers: &[String]) -> Result<Vec<ListenerStanding>> {
    let query = sqlx::query_as(
        "SELECT s.listener_arn, s.proxy, s.revision, s.addresses, s.failure FROM listener_statuses s \
         JOIN listeners l ON l.arn = s.listener_arn JOIN proxies p ON p.name = s.proxy \
         WHERE l.load_balancer_arn = ANY($1) AND p.seen_at > now() - make_interval(secs => $2) ORDER BY s.listener_arn, s.proxy",
    );
    Ok(query
        .bind(balancers)
        .bind(crate::proxies::LIFE.as_secs_f64())
        .fetch_all(db.pool())
        .await?)
}
