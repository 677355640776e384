use std::path::Path;

use agent_protocol::Task;
use kit::{Clock, ManualClock, Random};

use super::*;

fn task(id: &str) -> TaskRecord {
    let arn = format!("arn:aws:ecs:us-east-1:000000000000:task/demo/{id}");
    TaskRecord::new(
        Task {
            arn,
            ..Task::default()
        },
        ManualClock::default().now(),
        &Random::seeded(1),
    )
}

async fn open(path: &Path) -> (Store, Saved) {
    Store::open(Some(path.to_owned())).await.unwrap()
}

#[tokio::test]
async fn what_was_saved_is_found_again() {
    let folder = crate::testing::Folder::new();
    let (store, saved) = open(folder.path()).await;
    assert!(saved.tasks.is_empty() && saved.identity == Identity::default());
    let identity = Identity {
        cluster: "demo".into(),
        manifest_timeline: 7,
        ..Identity::default()
    };
    store.save_identity(&identity).await.unwrap();
    for id in ["a", "b"] {
        store
            .save_task(id, store.encode(&task(id)).unwrap())
            .await
            .unwrap();
    }
    store.remove_task("a").await.unwrap();
    store.remove_task("a").await.unwrap();
    drop(store);
    let (_, saved) = open(folder.path()).await;
    assert_eq!(saved.identity, identity);
    assert_eq!(saved.tasks, [task("b")]);
}

#[tokio::test]
async fn a_half_written_file_is_passed_over_and_a_broken_one_is_set_aside() {
    let folder = crate::testing::Folder::new();
    let (store, _) = open(folder.path()).await;
    store
        .save_task("a", store.encode(&task("a")).unwrap())
        .await
        .unwrap();
    let tasks = folder.path().join("tasks");
    std::fs::write(tasks.join("a.json.new"), b"{\"fo").unwrap();
    std::fs::write(tasks.join("b.json"), b"{\"fo").unwrap();
    drop(store);
    let (_, saved) = open(folder.path()).await;
    assert_eq!((saved.tasks, saved.lost), (vec![task("a")], vec!["b".to_owned()]));
    assert!(tasks.join("b.unreadable").exists() && !tasks.join("a.json.new").exists());
}

#[tokio::test]
async fn without_a_folder_nothing_is_encoded_or_kept() {
    let (store, _) = Store::open(None).await.unwrap();
    assert_eq!(store.encode(&task("a")).unwrap(), None);
    store.save_task("a", None).await.unwrap();
    assert!(Store::open(None).await.unwrap().1.tasks.is_empty());
}
