//! Balancers, target groups and certificates for tests of listeners and rules.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use test_support::TestApi;

pub struct World {
    pub api: TestApi,
    /// The application load balancer's ARN.
    pub balancer: String,
}

impl World {
    pub async fn new() -> Self {
        let api = TestApi::new().await.elbv2();
        let balancer = balancer(&api, "web", "application").await;
        Self { api, balancer }
    }

    pub async fn balancer(&self, name: &str, kind: &str) -> String {
        balancer(&self.api, name, kind).await
    }

    pub async fn group(&self, name: &str) -> String {
        self.group_of(name, json!({ "Protocol": "HTTP" })).await
    }

    pub async fn group_of(&self, name: &str, more: Value) -> String {
        let mut input = json!({ "Name": name, "Port": 80, "VpcId": "vpc-1", "TargetType": "ip" });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let made = self.api.ok("CreateTargetGroup", input).await;
        text(&made["TargetGroups"][0]["TargetGroupArn"])
    }

    /// Imports a fresh self-signed certificate.
    pub async fn certificate(&self, name: &str) -> String {
        let input = import(name);
        text(&self.api.acm().ok("ImportCertificate", input).await["CertificateArn"])
    }

    /// An HTTP listener that answers 404 by itself.
    pub async fn listener(&self, port: u16) -> String {
        let input = json!({
            "LoadBalancerArn": self.balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": [fixed("404")],
        });
        self.create_listener(input).await
    }

    pub async fn create_listener(&self, input: Value) -> String {
        text(&self.api.ok("CreateListener", input).await["Listeners"][0]["ListenerArn"])
    }

    /// A rule on a path.
    pub async fn rule(&self, listener: &str, priority: i32, path: &str) -> String {
        let input = json!({
            "ListenerArn": listener, "Priority": priority, "Conditions": [path_is(path)], "Actions": [fixed("200")],
        });
        text(&self.api.ok("CreateRule", input).await["Rules"][0]["RuleArn"])
    }

    pub async fn revision(&self) -> i64 {
        sqlx::query_scalar("SELECT revision FROM load_balancers WHERE arn = $1")
            .bind(&self.balancer)
            .fetch_one(self.api.db().pool())
            .await
            .unwrap()
    }

    /// Asserts a refusal's code; gives its text.
    pub async fn refused(&self, operation: &str, input: Value, code: &str) -> String {
        let refusal = self.api.refused(operation, input.clone()).await;
        assert_eq!(refusal.code, code, "{operation} {input}: {}", refusal.message);
        refusal.message
    }
}

async fn balancer(api: &TestApi, name: &str, kind: &str) -> String {
    let subnets = api.ec2().ok("DescribeSubnets", json!({})).await;
    let subnets: Vec<&Value> = subnets["Subnets"]
        .as_array()
        .unwrap()
        .iter()
        .take(2)
        .map(|s| &s["SubnetId"])
        .collect();
    let input = json!({ "Name": name, "Type": kind, "Subnets": subnets });
    let made = api.ok("CreateLoadBalancer", input).await;
    text(&made["LoadBalancers"][0]["LoadBalancerArn"])
}

/// The input of ImportCertificate for a fresh self-signed certificate.
pub fn import(name: &str) -> Value {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    json!({
        "Certificate": STANDARD.encode(made.cert.pem()),
        "PrivateKey": STANDARD.encode(made.signing_key.serialize_pem()),
    })
}

pub fn fixed(status: &str) -> Value {
    json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": status } })
}

pub fn forward(group: &str) -> Value {
    json!({ "Type": "forward", "TargetGroupArn": group })
}

pub fn path_is(path: &str) -> Value {
    json!({ "Field": "path-pattern", "Values": [path] })
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
