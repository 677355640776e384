//! What people see of an account's load balancers: how they are configured, where they can be reached, and how their targets are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use chrono::{DateTime, Utc};
use routing::{Balancer, TargetGroup};
use serde::{Deserialize, Serialize};
use store::{proxies, routes};

use crate::entry::{self, Denied};
use crate::gateway::Shared;

/// Answer of `GET /_berth/load-balancers`, of the caller's account and region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// By name.
    pub balancers: Vec<ShownBalancer>,
    /// Those that the balancers' rules name.
    pub target_groups: Vec<TargetGroup>,
    /// Those that are connected; for others than the operator those that serve one of these balancers, or would serve a new one.
    pub proxies: Vec<ShownProxy>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownBalancer {
    /// Without its secrets.
    pub balancer: Balancer,
    pub listeners: Vec<Standing>,
}

/// How a listener stands on one proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub listener: String,
    pub proxy: String,
    /// Of the balancer, as it is in force there.
    pub revision: i64,
    /// Socket addresses.
    pub addresses: Vec<String>,
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownProxy {
    pub name: String,
    pub version: String,
    pub connected_at: DateTime<Utc>,
    /// Names or ARNs, for others than the operator those of their own; empty: all.
    pub balancers: Vec<String>,
}

/// `GET /_berth/load-balancers`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Json<Overview>, Denied> {
    let (parts, _) = request.into_parts();
    let caller = entry::caller(&shared, &parts).await?;
    let overview = read(&shared, &caller.scope()).await;
    let mut overview = overview.map_err(|error| entry::failed(&error))?;
    if caller.account != shared.settings.operator {
        hide_others(&mut overview);
    }
    Ok(Json(overview))
}

/// Leaves out which balancers of other accounts proxies serve.
fn hide_others(overview: &mut Overview) {
    let Overview {
        balancers, proxies, ..
    } = overview;
    let is_own = |wanted: &String| {
        let mut balancers = balancers.iter().map(|shown| &shown.balancer);
        balancers.any(|balancer| balancer.name == *wanted || balancer.arn == *wanted)
    };
    proxies.retain_mut(|proxy| {
        let serves_all = proxy.balancers.is_empty();
        proxy.balancers.retain(is_own);
        serves_all || !proxy.balancers.is_empty()
    });
}

async fn read(shared: &Shared, scope: &domain::Scope) -> store::Result<Overview> {
    let db = &shared.db;
    let stored = routes::balancers_of(db, scope).await?;
    let arns: Vec<String> = stored.iter().map(|balancer| balancer.arn().to_owned()).collect();
    let mut named: Vec<String> = stored
        .iter()
        .flat_map(|balancer| balancer.target_groups())
        .map(str::to_owned)
        .collect();
    named.sort_unstable();
    named.dedup();
    let (standings, target_groups, live) = tokio::try_join!(
        routes::standings(db, &arns),
        routes::target_groups(db, &named),
        proxies::live(db, &[])
    )?;
    let balancers = stored.iter().map(|stored| {
        let balancer = stored.without_secrets();
        let of_balancer = |listener: &str| balancer.listeners.iter().any(|known| known.arn == listener);
        let listeners = standings
            .iter()
            .filter(|standing| of_balancer(&standing.listener_arn));
        ShownBalancer {
            listeners: listeners.cloned().map(shown).collect(),
            balancer,
        }
    });
    Ok(Overview {
        balancers: balancers.collect(),
        target_groups,
        proxies: live
            .into_iter()
            .map(|proxy| ShownProxy {
                name: proxy.name,
                version: proxy.version,
                connected_at: proxy.connected_at,
                balancers: proxy.balancers,
            })
            .collect(),
    })
}

fn shown(standing: routes::ListenerStanding) -> Standing {
    Standing {
        listener: standing.listener_arn,
        proxy: standing.proxy,
        revision: standing.revision,
        addresses: standing.addresses,
        failure: standing.failure,
    }
}
