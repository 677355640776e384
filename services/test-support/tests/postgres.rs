//! The database of a test.

use test_support::TestDb;

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, two) = tokio::join!(TestDb::new(), TestDb::new());
    assert_ne!(one.url(), two.url());
    let add = "INSERT INTO servers (id, started_at, seen_at) VALUES (gen_random_uuid(), now(), now())";
    sqlx::query(add).execute(one.db().pool()).await.unwrap();
    let count = |db: store::Db| async move {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM servers")
            .fetch_one(db.pool())
            .await
            .unwrap()
    };
    assert_eq!((count(one.db()).await, count(two.db()).await), (1, 0));
}

#[tokio::test]
async fn a_database_is_gone_after_its_test() {
    let test = TestDb::new().await;
    let options = test.options();
    drop(test);
    assert!(sqlx::ConnectOptions::connect(&options).await.is_err());
}
