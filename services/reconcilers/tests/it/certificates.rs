//! Certificates over ACME, against Debian's `pebble`: an ACME server that nobody here wrote. What proxies would answer is answered from
//! the routes that they are given.

mod directory;

use chrono::{TimeDelta, Utc};
use kit::{Shutdown, Tasks};
use reconcilers::{AcmeConfig, ReconcilerConfig, Reconcilers};
use serde_json::{Value, json};
use std::time::Duration;
use test_support::TestApi;

use self::directory::{Directory, until};
use crate::lab;

struct Issuing {
    api: TestApi,
    directory: Directory,
    surroundings: reconcilers::Surroundings,
    /// The running loops.
    tasks: Option<(Tasks, Reconcilers)>,
}

impl Issuing {
    async fn new() -> Self {
        let api = TestApi::new().await.issuing_certificates();
        api.clock().set(Utc::now());
        balancer(&api).await;
        let directory = Directory::start(api.db()).await;
        let config = ReconcilerConfig {
            issuer_period: Duration::from_millis(100),
            acme: Some(AcmeConfig {
                directory: directory.url(),
                contact: Some("admin@a.test".to_owned()),
                root: Some(directory.root()),
            }),
            ..lab::config()
        };
        let surroundings = lab::surroundings(&api, config);
        let mut issuing = Self {
            api,
            directory,
            surroundings,
            tasks: None,
        };
        issuing.start().await;
        issuing
    }

    /// The loops of a server that has just started.
    async fn start(&mut self) {
        let tasks = Tasks::new(Shutdown::new());
        lab::hold_lease(&tasks, &self.api).await;
        let reconcilers = Reconcilers::start(&tasks, &self.surroundings);
        self.tasks = Some((tasks, reconcilers));
    }

    /// The server ends, wherever its loops are.
    fn kill(&mut self) {
        if let Some((tasks, _)) = self.tasks.take() {
            tasks.shutdown().request();
        }
    }

    fn pass(&self, time: TimeDelta) {
        self.api.clock().advance(time);
        if let Some((_, reconcilers)) = &self.tasks {
            reconcilers.look_now();
        }
    }

    async fn request(&self, input: Value) -> String {
        let made = self
            .api
            .acm()
            .issuing_certificates()
            .ok("RequestCertificate", input)
            .await;
        made["CertificateArn"].as_str().unwrap().to_owned()
    }

    async fn detail(&self, arn: &str) -> Value {
        let described = self
            .api
            .acm()
            .ok("DescribeCertificate", json!({ "CertificateArn": arn }))
            .await;
        described["Certificate"].clone()
    }

    async fn status(&self, arn: &str) -> String {
        self.detail(arn).await["Status"].as_str().unwrap().to_owned()
    }

    async fn becomes(&self, arn: &str, status: &str) {
        until(&format!("the certificate is {status}"), async || {
            self.status(arn).await == status
        })
        .await;
    }

    async fn answers(&self) -> i64 {
        let query = sqlx::query_scalar("SELECT count(*) FROM acme_challenges");
        query.fetch_one(self.api.db().pool()).await.unwrap()
    }

    async fn row(&self, arn: &str) -> Option<store::acme::Issuing> {
        let pending = store::acme::load(&self.api.db(), arn).await.unwrap();
        pending.map(|pending| pending.issuing.0)
    }
}

/// A balancer with an HTTP listener on port 80.
async fn balancer(api: &TestApi) {
    let subnets = api.ec2().ok("DescribeSubnets", json!({})).await;
    let subnets: Vec<Value> = subnets["Subnets"]
        .as_array()
        .unwrap()
        .iter()
        .take(2)
        .map(|subnet| subnet["SubnetId"].clone())
        .collect();
    let elb = api.elbv2();
    let made = elb
        .ok("CreateLoadBalancer", json!({ "Name": "web", "Subnets": subnets }))
        .await;
    let arn = made["LoadBalancers"][0]["LoadBalancerArn"].clone();
    let not_found = json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404" } });
    let listener =
        json!({ "LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 80, "DefaultActions": [not_found] });
    elb.ok("CreateListener", listener).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_certificate_is_issued_once_its_names_are_validated_through_the_balancers() {
    let lab = Issuing::new().await;
    let arn = lab
        .request(json!({ "DomainName": "a.test", "SubjectAlternativeNames": ["b.a.test"] }))
        .await;
    lab.becomes(&arn, "ISSUED").await;
    let detail = lab.detail(&arn).await;
    assert_eq!(detail["SubjectAlternativeNames"], json!(["a.test", "b.a.test"]));
    assert_eq!(
        (&detail["Type"], &detail["KeyAlgorithm"]),
        (&json!("AMAZON_ISSUED"), &json!("EC_prime256v1"))
    );
    assert_eq!(
        detail["DomainValidationOptions"][0]["ValidationStatus"],
        "SUCCESS"
    );
    let texts = lab
        .api
        .acm()
        .ok("GetCertificate", json!({ "CertificateArn": arn }))
        .await;
    assert!(
        texts["CertificateChain"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    assert_eq!(lab.answers().await, 0, "answers are taken away");
    assert!(lab.row(&arn).await.is_none());
    let served = store::routes::certificates(&lab.api.db(), std::slice::from_ref(&arn))
        .await
        .unwrap();
    assert_eq!(served.len(), 1, "proxies can show it");
    let renew = json!({ "CertificateArn": arn });
    lab.api
        .acm()
        .issuing_certificates()
        .ok("RenewCertificate", renew)
        .await;
    let before = detail["Serial"].clone();
    until("the certificate is renewed", async || {
        lab.detail(&arn).await["Serial"] != before
    })
    .await;
    let detail = lab.detail(&arn).await;
    assert_eq!(detail["RenewalSummary"]["RenewalStatus"], "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_the_proxies_and_goes_on_where_a_killed_server_left_it() {
    let mut lab = Issuing::new().await;
    let db = lab.api.db();
    // A proxy that lives and does not have the answers.
    let behind = "INSERT INTO proxies (name, boot, version, balancers, session_server, session_id, connected_at, seen_at) \
        VALUES ('edge', 'b', 'v', '{}', gen_random_uuid(), gen_random_uuid(), now(), now() + interval '1 hour')";
    sqlx::query(behind).execute(db.pool()).await.unwrap();
    let status = "INSERT INTO listener_statuses (listener_arn, proxy, revision, addresses) SELECT arn, 'edge', 0, '{}' FROM listeners";
    sqlx::query(status).execute(db.pool()).await.unwrap();
    let arn = lab.request(json!({ "DomainName": "a.test" })).await;
    until("the answers are written", async || {
        lab.row(&arn).await.is_some_and(|row| row.answered_at.is_some())
    })
    .await;
    let order = lab.row(&arn).await.unwrap().order_url.unwrap();
    lab.kill();
    sqlx::query("DELETE FROM proxies")
        .execute(db.pool())
        .await
        .unwrap();
    lab.start().await;
    until("the certificate is issued", async || {
        let row = lab.row(&arn).await;
        assert!(
            row.is_none_or(|row| row.order_url.as_ref() == Some(&order)),
            "it is the same order"
        );
        lab.status(&arn).await == "ISSUED"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_lead_here_are_tried_again_and_given_up_after_three_days() {
    let lab = Issuing::new().await;
    lab.directory.answer(false);
    let arn = lab.request(json!({ "DomainName": "a.test" })).await;
    until("the first order failed", async || {
        lab.row(&arn).await.is_some_and(|row| row.failures == 1)
    })
    .await;
    let row = lab.row(&arn).await.unwrap();
    assert_eq!(row.order_url, None, "the next order is a new one");
    assert!(
        row.last_failure.is_some_and(|text| text.contains("a.test")),
        "it says which name"
    );
    assert_eq!(lab.status(&arn).await, "PENDING_VALIDATION");
    until("it is given up", async || {
        lab.pass(TimeDelta::hours(13));
        lab.status(&arn).await == "VALIDATION_TIMED_OUT"
    })
    .await;
    assert_eq!(lab.answers().await, 0);
    assert!(lab.row(&arn).await.is_none());
}

#[tokio::test]
async fn what_a_listener_shows_is_renewed_at_two_thirds_of_its_life() {
    let api = TestApi::new().await.acm().issuing_certificates();
    balancer(&api).await;
    let arn = api
        .ok("RequestCertificate", json!({ "DomainName": "a.test" }))
        .await["CertificateArn"]
        .clone();
    let now = api.context().now();
    let db = api.db();
    let life = "UPDATE certificates SET status = 'ISSUED', issuing = NULL, not_before = $1, not_after = $2";
    sqlx::query(life)
        .bind(now)
        .bind(now + TimeDelta::days(90))
        .execute(db.pool())
        .await
        .unwrap();
    let later = now + TimeDelta::days(61);
    assert_eq!(
        store::acme::begin_renewals(&db, later).await.unwrap(),
        0,
        "nobody shows it"
    );
    sqlx::query("UPDATE listeners SET certificate_arn = $1")
        .bind(arn.as_str())
        .execute(db.pool())
        .await
        .unwrap();
    assert_eq!(
        store::acme::begin_renewals(&db, now + TimeDelta::days(59))
            .await
            .unwrap(),
        0,
        "too early"
    );
    assert_eq!(store::acme::begin_renewals(&db, later).await.unwrap(), 1);
    assert_eq!(
        store::acme::begin_renewals(&db, later).await.unwrap(),
        0,
        "its order is on its way"
    );
}
