//! Task definitions that were read before. They never change, so they are kept until there are too many.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use store::task_definitions::{self, TaskDefinitionRow};
use store::{Db, Result};

/// How many are kept.
const KEPT: usize = 4096;

#[derive(Default)]
pub(crate) struct Definitions {
    known: Mutex<HashMap<i64, Arc<TaskDefinitionRow>>>,
}

impl Definitions {
    /// These definitions, read in one statement as far as they are not known.
    pub async fn get(&self, db: &Db, ids: BTreeSet<i64>) -> Result<HashMap<i64, Arc<TaskDefinitionRow>>> {
        let mut found: HashMap<i64, Arc<TaskDefinitionRow>> = {
            let known = self.known.lock();
            ids.iter()
                .filter_map(|id| Some((*id, known.get(id)?.clone())))
                .collect()
        };
        let missing: Vec<i64> = ids.into_iter().filter(|id| !found.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let rows = task_definitions::by_ids(db, &missing).await?;
        let mut known = self.known.lock();
        if known.len() + rows.len() > KEPT {
            known.clear();
        }
        for row in rows {
            let row = Arc::new(row);
            known.insert(row.id, row.clone());
            found.insert(row.id, row);
        }
        Ok(found)
    }
}
