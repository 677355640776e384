//! Networks among many who ask at once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use domain::Scope;
use domain::network::{ResourceKind, zones};
use futures::future::join_all;
use store::networks::security_groups::NewGroup;
use store::networks::subnets::NewSubnet;
use store::networks::vpcs::NewVpc;
use store::networks::{self, NetworkError};
use store::{Db, reset};
use test_support::TestDb;

fn scope() -> Scope {
    Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap())
}

async fn new_vpc(db: &Db) -> String {
    let new = NewVpc {
        cidr_block: "10.0.0.0/16".parse().unwrap(),
        instance_tenancy: "default".to_owned(),
        is_default: false,
    };
    networks::vpcs::create(db, &scope(), &new, &[]).await.unwrap().id
}

fn subnet(vpc: &str, block: &str) -> NewSubnet {
    NewSubnet {
        vpc_id: vpc.to_owned(),
        availability_zone: zones(&scope().region)[0].name.clone(),
        cidr_block: block.parse().unwrap(),
        is_default: false,
    }
}

async fn balancer(tx: &mut store::Tx, vpc: &str, subnet: &str, group: &str) {
    sqlx::query(
        "INSERT INTO load_balancers (arn, account, region, name, kind, scheme, vpc_id, ip_address_type, dns_name, zones, subnets, \
         security_groups, sealed_cookie_key, created_at) VALUES ('arn:lb', '000000000000', 'us-east-1', 'lb', 'application', \
         'internet-facing', $1, 'ipv4', 'lb', '[]', ARRAY[$2], ARRAY[$3], '', now())",
    )
    .bind(vpc)
    .bind(subnet)
    .bind(group)
    .execute(&mut **tx)
    .await
    .unwrap();
}

#[tokio::test]
async fn many_first_looks_at_once_make_one_default_vpc_with_a_subnet_in_each_zone() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let scope = scope();
    let looks = join_all((0..40).map(|_| networks::subnets::list(&db, &scope))).await;
    let first = looks[0].as_ref().unwrap();
    assert!(looks.iter().all(|look| look.as_ref().unwrap() == first));
    let blocks: BTreeSet<(&str, &str)> = first
        .iter()
        .map(|row| (row.availability_zone.as_str(), row.cidr_block.as_str()))
        .collect();
    let expected = [
        ("us-east-1a", "172.31.0.0/20"),
        ("us-east-1b", "172.31.16.0/20"),
        ("us-east-1c", "172.31.32.0/20"),
    ];
    assert_eq!(blocks, expected.into());
    assert!(
        first
            .iter()
            .all(|row| row.available_addresses() == 4091 && row.default_for_az)
    );
    assert_eq!(networks::vpcs::list(&db, &scope).await.unwrap().len(), 1);
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let mut seen = BTreeSet::new();
    for (account, region) in [
        ("000000000000", "us-east-1"),
        ("000000000000", "eu-west-1"),
        ("111111111111", "us-east-1"),
    ] {
        let scope = Scope::new(account.parse().unwrap(), region.parse().unwrap());
        let vpc = networks::default_vpc(&db, &scope).await.unwrap().unwrap();
        assert!(seen.insert(vpc.id.clone()));
        let elsewhere = Scope::new("222222222222".parse().unwrap(), "us-east-1".parse().unwrap());
        let refusal = networks::vpcs::delete(&db, &elsewhere, &vpc.id)
            .await
            .unwrap_err();
        assert!(matches!(
            refusal,
            NetworkError::NotFound {
                kind: ResourceKind::Vpc,
                ..
            }
        ));
    }
}

#[tokio::test]
async fn a_vpc_that_is_deleted_and_given_a_subnet_at_once_keeps_the_subnet_or_is_gone() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let scope = scope();
    for _ in 0..10 {
        let vpc = new_vpc(&db).await;
        let new = subnet(&vpc, "10.0.0.0/24");
        let (deleted, made) = tokio::join!(
            networks::vpcs::delete(&db, &scope, &vpc),
            networks::subnets::create(&db, &scope, &new, &[])
        );
        let refusal = match (deleted, made) {
            (Ok(()), Err(refusal)) => refusal,
            (Err(refusal), Ok(_)) => refusal,
            both => panic!("{both:?}"),
        };
        assert!(
            matches!(
                refusal,
                NetworkError::NotFound { .. } | NetworkError::InUse { .. }
            ),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn of_many_subnets_with_the_same_block_one_is_made() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let scope = scope();
    let vpc = new_vpc(&db).await;
    let new = subnet(&vpc, "10.0.0.0/24");
    let made = join_all((0..10).map(|_| networks::subnets::create(&db, &scope, &new, &[]))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
}

#[tokio::test]
async fn what_a_load_balancer_uses_cannot_be_deleted_even_while_it_is_being_made() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let scope = scope();
    let vpc = new_vpc(&db).await;
    let subnet = networks::subnets::create(&db, &scope, &subnet(&vpc, "10.0.0.0/24"), &[])
        .await
        .unwrap()
        .id;
    let group = NewGroup {
        vpc_id: Some(vpc.clone()),
        name: "web".to_owned(),
        description: "web".to_owned(),
    };
    let group = networks::security_groups::create(&db, &scope, &group, &[])
        .await
        .unwrap()
        .id;

    let mut making = db.begin().await.unwrap();
    networks::hold(
        &mut making,
        &scope,
        std::slice::from_ref(&subnet),
        std::slice::from_ref(&group),
    )
    .await
    .unwrap();
    let deleting = tokio::spawn({
        let (db, scope, subnet) = (db.clone(), scope.clone(), subnet.clone());
        async move { networks::subnets::delete(&db, &scope, &subnet).await }
    });
    balancer(&mut making, &vpc, &subnet, &group).await;
    making.commit().await.unwrap();
    let refusal = deleting.await.unwrap().unwrap_err();
    assert!(
        matches!(
            refusal,
            NetworkError::InUse {
                kind: ResourceKind::Subnet,
                ..
            }
        ),
        "{refusal:?}"
    );

    let refusal = networks::security_groups::delete(&db, &scope, &group)
        .await
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!("resource {group} has a dependent object")
    );
    let gateway = networks::internet_gateways::create(&db, &scope, &[])
        .await
        .unwrap()
        .id;
    networks::internet_gateways::attach(&db, &scope, &gateway, &vpc)
        .await
        .unwrap();
    let refusal = networks::internet_gateways::detach(&db, &scope, &gateway, &vpc)
        .await
        .unwrap_err();
    assert!(matches!(refusal, NetworkError::MappedAddresses(_)), "{refusal:?}");
    sqlx::query("DELETE FROM load_balancers")
        .execute(db.pool())
        .await
        .unwrap();
    networks::internet_gateways::detach(&db, &scope, &gateway, &vpc)
        .await
        .unwrap();
    networks::security_groups::delete(&db, &scope, &group)
        .await
        .unwrap();
    networks::subnets::delete(&db, &scope, &subnet).await.unwrap();
    networks::vpcs::delete(&db, &scope, &vpc).await.unwrap();

    let mut tx = db.begin().await.unwrap();
    let refusal = networks::hold(&mut tx, &scope, &[subnet], &[]).await.unwrap_err();
    assert!(matches!(refusal, NetworkError::NotFound { .. }));
}

#[tokio::test]
async fn a_deleted_default_vpc_stays_away_until_it_is_asked_for_and_a_reset_brings_a_fresh_one() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    let scope = scope();
    let vpc = networks::default_vpc(&db, &scope).await.unwrap().unwrap().id;
    for row in networks::subnets::list(&db, &scope).await.unwrap() {
        networks::subnets::delete(&db, &scope, &row.id).await.unwrap();
    }
    let gateways = networks::internet_gateways::list(&db, &scope).await.unwrap();
    networks::internet_gateways::detach(&db, &scope, &gateways[0].id, &vpc)
        .await
        .unwrap();
    networks::vpcs::delete(&db, &scope, &vpc).await.unwrap();
    assert_eq!(networks::default_vpc(&db, &scope).await.unwrap(), None);
    let refusal = networks::create_default_subnet(&db, &scope, &zones(&scope.region)[0]).await;
    assert!(matches!(refusal, Err(NetworkError::NoDefaultVpc)));
    let again = networks::create_default_vpc(&db, &scope).await.unwrap();
    assert_ne!(again.id, vpc);
    assert_eq!(networks::subnets::list(&db, &scope).await.unwrap().len(), 3);
    let refusal = networks::create_default_vpc(&db, &scope).await;
    assert!(matches!(refusal, Err(NetworkError::DefaultVpcExists)));

    reset::reset(&db, chrono::Utc::now()).await.unwrap();
    let fresh = networks::default_vpc(&db, &scope).await.unwrap().unwrap();
    assert_ne!(fresh.id, again.id);
}
