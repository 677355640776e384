//! What is forgotten, a bounded number of rows at a time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::{TimeDelta, Utc};
use store::retention;
use test_support::TestDb;

#[tokio::test]
async fn r09_old_tokens_go_by_and_by_and_young_ones_stay() {
    let test_db = TestDb::new().await;
    let (db, now) = (test_db.db(), Utc::now());
    for (count, age) in [(5, 25), (2, 23)] {
        sqlx::query(
            "INSERT INTO idempotency_tokens SELECT '000000000000', 'us-east-1', 'RunTask', $3 || '-' || n, '', '{}', $2 \
             FROM generate_series(1, $1) n",
        )
        .bind(count)
        .bind(now - TimeDelta::hours(age))
        .bind(age.to_string())
        .execute(db.pool())
        .await
        .unwrap();
    }
    let before = now - TimeDelta::hours(24);
    let gone = [
        retention::tokens(&db, before, 3).await.unwrap(),
        retention::tokens(&db, before, 3).await.unwrap(),
        retention::tokens(&db, before, 3).await.unwrap(),
    ];
    assert_eq!(gone, [3, 2, 0]);
}

#[tokio::test]
async fn lb40_minutes_of_counts_go_after_their_time() {
    let test_db = TestDb::new().await;
    let (db, now) = (test_db.db(), Utc::now());
    for (metric, days) in [("old", 16), ("young", 14)] {
        sqlx::query("INSERT INTO balancer_metrics VALUES ($1, 'arn', '', $2, 1, 1, 1, 1)")
            .bind(now - TimeDelta::days(days))
            .bind(metric)
            .execute(db.pool())
            .await
            .unwrap();
        sqlx::query("INSERT INTO proxy_reports VALUES ('edge', $1, 7, $2)")
            .bind(metric)
            .bind(now - TimeDelta::days(days))
            .execute(db.pool())
            .await
            .unwrap();
    }
    let before = now - TimeDelta::days(15);
    assert_eq!(retention::balancer_metrics(&db, before, 10).await.unwrap(), 1);
    assert_eq!(retention::proxy_reports(&db, before, 10).await.unwrap(), 1);
    let left: Vec<String> =
        sqlx::query_scalar("SELECT metric FROM balancer_metrics UNION ALL SELECT boot FROM proxy_reports")
            .fetch_all(db.pool())
            .await
            .unwrap();
    assert_eq!(left, ["young", "young"]);
}
