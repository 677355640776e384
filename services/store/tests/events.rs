//! What is told of services.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use store::services::apply::{self, Placement};
use store::services::events;
use test_support::TestDb;

#[tokio::test]
async fn s11_a_placement_is_told_whatever_became_of_the_service_meanwhile() {
    let test_db = TestDb::new().await;
    let db = test_db.db();
    sqlx::query(
        "INSERT INTO clusters (account, region, name, status, created_at) VALUES ('000000000000', 'us-east-1', 'demo', 'ACTIVE', now())",
    )
    .execute(db.pool())
    .await
    .unwrap();
    let service: i64 = sqlx::query_scalar(
        "INSERT INTO services (cluster_id, name, status, scheduling_strategy, desired_count, spec, create_digest, created_at, created_by) \
         SELECT id, 'web', 'ACTIVE', 'REPLICA', 0, '{}', '', now(), 'me' FROM clusters RETURNING id",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    let placement = Placement {
        events: vec!["(service web) has started 1 tasks: (task x).".to_owned()],
        ..Placement::default()
    };
    let told = async |id: i64, generation: i64| {
        apply::apply_placement(&db, id, generation, &placement, chrono::Utc::now())
            .await
            .unwrap()
    };
    assert_eq!(told(service, 1).await, Some(2));
    assert_eq!(told(service, 1).await, None, "somebody changed the service");
    assert_eq!(events::latest(&db, &[service]).await.unwrap().len(), 2);
    assert_eq!(told(service + 1, 1).await, None, "the service is gone");
}
