//! `/_berth/reset` among others who work at the same time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use test_support::TestDb;

#[tokio::test]
async fn a_reset_and_a_placement_that_take_tables_in_different_orders_both_succeed() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    sqlx::raw_sql(
        "INSERT INTO clusters (account, region, name, status, created_at) VALUES ('000000000000', 'us-east-1', 'demo', 'ACTIVE', now()); \
         INSERT INTO services (cluster_id, name, status, scheduling_strategy, desired_count, spec, create_digest, created_at, created_by) \
         SELECT id, 'web', 'ACTIVE', 'REPLICA', 0, '{}', '', now(), 'me' FROM clusters",
    )
    .execute(db.pool())
    .await
    .unwrap();
    let mut placing = db.begin().await.unwrap();
    sqlx::query("UPDATE container_instances SET revision = revision + 1")
        .execute(&mut *placing)
        .await
        .unwrap();
    let resetting = tokio::spawn({
        let db = db.clone();
        async move { store::reset::reset(&db, chrono::Utc::now()).await }
    });
    let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(db.pool());
    while count("SELECT count(*) FROM services WHERE status = 'ACTIVE'")
        .await
        .unwrap()
        > 0
    {}
    sqlx::query("UPDATE tasks SET version = version + 1")
        .execute(&mut *placing)
        .await
        .unwrap();
    placing.commit().await.unwrap();
    resetting.await.unwrap().unwrap();
    let left = count("SELECT (SELECT count(*) FROM services) + (SELECT count(*) FROM clusters)");
    assert_eq!(left.await.unwrap(), 0);
}
