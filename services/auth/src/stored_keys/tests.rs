#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use kit::{ManualClock, Random};
use parking_lot::Mutex;

use super::*;
use crate::keys::Secret;
use crate::vault::MasterKey;

#[derive(Clone, Default)]
struct Table {
    rows: Arc<Mutex<HashMap<String, SealedKey>>>,
    reads: Arc<AtomicU64>,
}

#[async_trait]
impl SealedKeySource for Table {
    async fn find(&self, access_key_id: &str) -> Result<Option<SealedKey>, Box<dyn Error + Send + Sync>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.rows.lock().get(access_key_id).cloned())
    }
}

struct Fixture {
    table: Table,
    clock: ManualClock,
    keys: StoredKeys<Table>,
    vault: Arc<Vault>,
}

impl Fixture {
    fn new() -> Self {
        let (table, clock) = (Table::default(), ManualClock::default());
        let vault = Arc::new(Vault::new(
            &MasterKey::generate(&Random::seeded(1)),
            Random::seeded(2),
        ));
        let keys = StoredKeys::new(table.clone(), vault.clone(), Arc::new(clock.clone()));
        Self {
            table,
            clock,
            keys,
            vault,
        }
    }

    fn store(&self, id: &str, secret: &str) {
        let row = SealedKey {
            access_key_id: id.to_owned(),
            account: "000000000000".parse().unwrap(),
            principal_arn: "arn:aws:iam::000000000000:root".to_owned(),
            user_id: "000000000000".to_owned(),
            sealed_secret: self.vault.seal(id, &Secret::new(secret)),
            active: true,
        };
        self.table.rows.lock().insert(id.to_owned(), row);
    }

    async fn secret(&self, id: &str) -> Option<String> {
        self.keys
            .find(id)
            .await
            .unwrap()
            .map(|record| record.secret.expose().to_owned())
    }

    fn reads(&self) -> u64 {
        self.table.reads.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_opened_key_is_used_for_a_few_seconds_and_then_read_again() {
    let fixture = Fixture::new();
    fixture.store("AKID", "one");
    for _ in 0..3 {
        assert_eq!(fixture.secret("AKID").await.unwrap(), "one");
    }
    assert_eq!(fixture.reads(), 1);
    fixture.store("AKID", "two");
    fixture.clock.advance(TimeDelta::milliseconds(4_999));
    assert_eq!(fixture.secret("AKID").await.unwrap(), "one");
    fixture.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(fixture.secret("AKID").await.unwrap(), "two");
}

#[tokio::test]
async fn a_forgotten_key_is_read_at_once_and_a_deleted_one_is_gone() {
    let fixture = Fixture::new();
    fixture.store("AKID", "one");
    fixture.secret("AKID").await.unwrap();
    fixture.store("AKID", "two");
    fixture.keys.forget("AKID");
    assert_eq!(fixture.secret("AKID").await.unwrap(), "two");
    fixture.table.rows.lock().clear();
    fixture.keys.forget_all();
    assert_eq!(fixture.secret("AKID").await, None);
}

#[tokio::test]
async fn a_clock_that_went_back_does_not_keep_keys_longer() {
    let fixture = Fixture::new();
    fixture.store("AKID", "one");
    fixture.secret("AKID").await.unwrap();
    fixture.store("AKID", "two");
    fixture.clock.advance(TimeDelta::hours(-1));
    assert_eq!(fixture.secret("AKID").await.unwrap(), "two");
}

#[tokio::test]
async fn a_row_moved_to_another_id_is_an_error_of_the_server() {
    let fixture = Fixture::new();
    fixture.store("AKID", "one");
    let stolen = fixture
        .table
        .rows
        .lock()
        .get("AKID")
        .cloned()
        .map(|row| SealedKey {
            access_key_id: "MINE".into(),
            ..row
        });
    fixture
        .table
        .rows
        .lock()
        .insert("MINE".to_owned(), stolen.unwrap());
    let error = fixture.keys.find("MINE").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the secret of access key MINE could not be opened"
    );
}

#[tokio::test]
async fn unknown_ids_are_asked_for_each_time() {
    let fixture = Fixture::new();
    assert_eq!(fixture.secret("AKID").await, None);
    fixture.store("AKID", "one");
    assert_eq!(fixture.secret("AKID").await.unwrap(), "one");
    assert_eq!(fixture.reads(), 2);
}
