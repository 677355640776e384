//! Target groups on listeners, for tests that look at what registers with them. Made in the store: what the ELBv2 operations make of
//! their requests is another matter.

use sqlx::query;

use crate::TestApi;

impl TestApi {
    /// A target group `name` of type instance on a listener of a balancer of its own, whose targets drain for so many seconds. Gives its ARN.
    pub async fn target_group(&self, name: &str, delay_seconds: u32) -> String {
        let group = self.lone_target_group(name, "instance", delay_seconds).await;
        let (db, scope) = (self.db(), self.scope());
        let arn = |kind: &str| {
            let (region, account) = (&scope.region, &scope.account);
            format!("arn:aws:elasticloadbalancing:{region}:{account}:{kind}/app/{name}/0123456789abcdef")
        };
        let (balancer, listener, rule) = (arn("loadbalancer"), arn("listener"), arn("listener-rule"));
        query(
            "INSERT INTO load_balancers (arn, account, region, name, kind, scheme, vpc_id, ip_address_type, dns_name, zones, subnets, \
                 security_groups, sealed_cookie_key, created_at) \
             VALUES ($1, $2, $3, $4, 'application', 'internal', 'vpc-1', 'ipv4', $4, '[]', '{}', '{}', '', now())",
        )
        .bind(&balancer)
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(name)
        .execute(db.pool())
        .await
        .expect("a balancer");
        query("INSERT INTO listeners (arn, load_balancer_arn, port, protocol, created_at) VALUES ($1, $2, 80, 'HTTP', now())")
            .bind(&listener)
            .bind(&balancer)
            .execute(db.pool())
            .await
            .expect("a listener");
        query("INSERT INTO rules (arn, listener_arn, conditions, actions, created_at) VALUES ($1, $2, '[]', '[]', now())")
            .bind(&rule)
            .bind(&listener)
            .execute(db.pool())
            .await
            .expect("a rule");
        query("INSERT INTO rule_target_groups (rule_arn, target_group_arn) VALUES ($1, $2)")
            .bind(&rule)
            .bind(&group)
            .execute(db.pool())
            .await
            .expect("the rule names the group");
        group
    }

    /// A target group that is on no listener.
    pub async fn lone_target_group(&self, name: &str, target_type: &str, delay_seconds: u32) -> String {
        let scope = self.scope();
        let arn = format!(
            "arn:aws:elasticloadbalancing:{}:{}:targetgroup/{name}/0123456789abcdef",
            scope.region, scope.account
        );
        query(
            "INSERT INTO target_groups (arn, account, region, name, target_type, protocol, protocol_version, port, vpc_id, \
                 ip_address_type, health_check, attributes, kept, created_at) \
             VALUES ($1, $2, $3, $4, $5, 'HTTP', 'HTTP1', 80, 'vpc-1', 'ipv4', $6::text::jsonb, \
                 jsonb_build_object('deregistration_delay.timeout_seconds', $7::text), '{\"matcher\": \"200\"}', now())",
        )
        .bind(&arn)
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .bind(name)
        .bind(target_type)
        .bind(HEALTH_CHECK)
        .bind(delay_seconds.to_string())
        .execute(self.db().pool())
        .await
        .expect("a target group");
        arn
    }
}

const HEALTH_CHECK: &str = r#"{"enabled": true, "protocol": "HTTP", "port": null, "path": "/", "interval_seconds": 30,
    "timeout_seconds": 5, "healthy_threshold": 5, "unhealthy_threshold": 2, "matcher": {"httpcodes": [{"start": 200, "end": 200}]}}"#;
