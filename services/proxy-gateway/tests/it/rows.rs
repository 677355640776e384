//! Rows as the ELBv2 operations write them.

use auth::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::{Wake, routes};

use crate::world::{OPERATOR, World};

pub fn balancer_arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:{OPERATOR}:loadbalancer/app/{name}/50dc6c495c0c9188")
}

pub fn group_arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:{OPERATOR}:targetgroup/{name}/73e2d6bc24d8a067")
}

pub fn listener_arn(balancer: &str) -> String {
    format!(
        "{}/80",
        balancer_arn(balancer).replace(":loadbalancer/", ":listener/")
    )
}

impl World {
    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(self.db.pool())
            .await
            .unwrap();
    }

    /// An HTTP balancer whose default rule forwards to these groups, which have to be there. Nobody is woken.
    pub async fn balancer(&self, name: &str, groups: &[&str]) {
        let (arn, listener) = (balancer_arn(name), listener_arn(name));
        let sealed = hex(&self.vault.seal(&arn, &Secret::new("c00c1e")));
        self.run(&format!(
            "INSERT INTO load_balancers (arn, account, region, name, kind, scheme, vpc_id, ip_address_type, dns_name, zones, subnets, \
                 security_groups, sealed_cookie_key, created_at) VALUES ('{arn}', '{OPERATOR}', 'us-east-1', '{name}', 'application', \
                 'internal', 'vpc-1', 'ipv4', '{name}-1.us-east-1.elb.test', '[]', '{{}}', '{{}}', '\\x{sealed}', now()); \
             INSERT INTO listeners (arn, load_balancer_arn, port, protocol, created_at) VALUES ('{listener}', '{arn}', 80, 'HTTP', now())"
        ))
        .await;
        let tuples: Vec<Value> = groups
            .iter()
            .map(|group| json!({ "TargetGroupArn": group_arn(group), "Weight": 1 }))
            .collect();
        let forward = json!([{ "Type": "forward", "Order": 1, "ForwardConfig": { "TargetGroups": tuples } }]);
        self.rule(name, "default", None, &json!([]), &forward, groups)
            .await;
    }

    pub async fn rule(
        &self,
        balancer: &str,
        name: &str,
        priority: Option<i32>,
        conditions: &Value,
        actions: &Value,
        groups: &[&str],
    ) {
        let arn = format!(
            "{}/{name}",
            listener_arn(balancer).replace(":listener/", ":listener-rule/")
        );
        sqlx::query(
            "INSERT INTO rules (arn, listener_arn, priority, conditions, actions, created_at) VALUES ($1, $2, $3, $4, $5, now())",
        )
        .bind(&arn)
        .bind(listener_arn(balancer))
        .bind(priority)
        .bind(conditions)
        .bind(actions)
        .execute(self.db.pool())
        .await
        .unwrap();
        for group in groups {
            sqlx::query("INSERT INTO rule_target_groups VALUES ($1, $2)")
                .bind(&arn)
                .bind(group_arn(group))
                .execute(self.db.pool())
                .await
                .unwrap();
        }
    }

    pub async fn group(&self, name: &str) {
        let check = json!({
            "enabled": true, "protocol": "HTTP", "port": null, "path": "/", "interval_seconds": 30, "timeout_seconds": 5,
            "healthy_threshold": 5, "unhealthy_threshold": 2, "matcher": { "httpcodes": [{ "start": 200, "end": 200 }] },
        });
        let arn = group_arn(name);
        self.run(&format!(
            "INSERT INTO target_groups (arn, account, region, name, target_type, protocol, protocol_version, port, ip_address_type, \
                 health_check, created_at) VALUES ('{arn}', '{OPERATOR}', 'us-east-1', '{name}', 'ip', 'HTTP', 'HTTP1', 80, 'ipv4', \
                 '{check}', now())"
        ))
        .await;
    }

    /// A target that was registered just now.
    pub async fn target(&self, group: &str, address: &str) {
        let arn = group_arn(group);
        self.run(&format!(
            "INSERT INTO targets (target_group_arn, target_id, port, address, registered_at, health_state, health_reason, \
                 health_description, health_since) VALUES ('{arn}', '{address}', 80, '{address}', now(), 'initial', \
                 'Elb.RegistrationInProgress', 'Target registration is in progress', now()); \
             UPDATE target_groups SET revision = nextval('route_revisions') WHERE arn = '{arn}'"
        ))
        .await;
        self.db.wakes().send(Wake::Routes);
    }

    /// Raises the revision and wakes, as every operation does.
    pub async fn touch(&self, balancer: &str) {
        let mut tx = self.db.begin().await.unwrap();
        routes::touch_balancer(&mut tx, &balancer_arn(balancer))
            .await
            .unwrap();
        self.db.commit(tx, [Wake::Routes]).await.unwrap();
    }

    /// When the group's only target was registered.
    pub async fn registered_at(&self, group: &str) -> chrono::DateTime<chrono::Utc> {
        sqlx::query_scalar("SELECT registered_at FROM targets WHERE target_group_arn = $1")
            .bind(group_arn(group))
            .fetch_one(self.db.pool())
            .await
            .unwrap()
    }

    /// A service `web` of a task that runs behind the group.
    pub async fn service(&self, group: &str) -> i64 {
        let spec = json!({
            "launch_type": "EC2", "propagate_tags": "NONE", "enable_ecs_managed_tags": false,
            "rolling": { "maximum_percent": 200, "minimum_healthy_percent": 100, "circuit_breaker": { "enable": false, "rollback": false } },
        });
        let revision =
            json!({ "launch_type": "EC2", "load_balancers": [{ "targetGroupArn": group_arn(group) }] });
        self.run(&format!(
            "INSERT INTO clusters (account, region, name, status, created_at) VALUES ('{OPERATOR}', 'us-east-1', 'demo', 'ACTIVE', now()); \
             INSERT INTO services (cluster_id, name, status, scheduling_strategy, desired_count, spec, create_digest, created_at, created_by) \
                 SELECT id, 'web', 'ACTIVE', 'REPLICA', 1, '{spec}', '', now(), 'me' FROM clusters; \
             INSERT INTO task_definitions (account, region, family, revision, status, document, registered_at) \
                 VALUES ('{OPERATOR}', 'us-east-1', 'web', 1, 'ACTIVE', '{{}}', now()); \
             INSERT INTO deployments (id, service_id, status, task_definition_id, desired_count, spec, rollout_state, rollout_state_reason, \
                 created_at, updated_at) SELECT 1, s.id, 'PRIMARY', d.id, 1, '{revision}', 'COMPLETED', '', now(), now() \
                 FROM services s, task_definitions d; \
             INSERT INTO tasks (id, cluster_id, task_definition_id, service_id, task_group, launch_type, desired_status, last_status, \
                 resources, gpu_ids, spec, containers, created_at) SELECT gen_random_uuid(), s.cluster_id, d.id, s.id, 'service:web', \
                 'EC2', 'RUNNING', 'RUNNING', '{{}}', '{{}}', '{{}}', '[]', now() FROM services s, task_definitions d; \
             UPDATE targets SET task_id = (SELECT id FROM tasks)"
        ))
        .await;
        let service = sqlx::query_scalar("SELECT id FROM services");
        service.fetch_one(self.db.pool()).await.unwrap()
    }

    /// State, reason, and since when it is healthy.
    pub async fn health(
        &self,
        group: &str,
    ) -> (String, Option<String>, Option<chrono::DateTime<chrono::Utc>>) {
        sqlx::query_as(
            "SELECT health_state, health_reason, healthy_since FROM targets WHERE target_group_arn = $1",
        )
        .bind(group_arn(group))
        .fetch_one(self.db.pool())
        .await
        .unwrap()
    }

    /// As an OpenID Connect client's secret stands in a rule.
    pub fn sealed_client_secret(&self, rule: &str, secret: &str) -> String {
        STANDARD.encode(self.vault.seal(rule, &Secret::new(secret)))
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
