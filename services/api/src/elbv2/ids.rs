//! Fresh ids and names in DNS (LB-10).

use domain::ElbId;

use crate::Context;

/// What names of load balancers in DNS end with: a name that machines resolve to themselves, until Berth has a DNS of its own.
const DOMAIN: &str = "localhost";

/// A fresh id.
pub fn new_id(cx: &Context) -> ElbId {
    let mut bytes = [0; 8];
    cx.api.random.fill(&mut bytes);
    ElbId::from_bytes(bytes)
}

/// `<name>-<digits>.<region>.elb.<domain>`, and for network load balancers `<name>-<id>.elb.<region>.<domain>`.
pub fn dns_name(cx: &Context, name: &str, id: ElbId, is_application: bool, is_internal: bool) -> String {
    let region = &cx.scope.region;
    if !is_application {
        return format!("{name}-{id}.elb.{region}.{DOMAIN}").to_ascii_lowercase();
    }
    let prefix = if is_internal { "internal-" } else { "" };
    let digits = cx.api.random.text(b"123456789", 10);
    format!("{prefix}{name}-{digits}.{region}.elb.{DOMAIN}").to_ascii_lowercase()
}
