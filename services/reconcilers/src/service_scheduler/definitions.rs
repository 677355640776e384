//! Task definitions never change, so what scheduling needs of them is worked out once.

use std::collections::HashMap;
use std::sync::Arc;

use domain::Resources;
use parking_lot::Mutex;
use store::launch;
use store::task_definitions::{self, TaskDefinitionRow};
use store::{Db, Result, StoreError};

/// How many are kept; beyond that all are forgotten and read again when needed.
const KEPT: usize = 2_000;

/// A task definition as the scheduler needs it.
#[derive(Debug)]
pub struct Definition {
    pub row: TaskDefinitionRow,
    /// What one task takes of its host (I-04).
    pub needs: Resources,
    /// Every essential container has a health check (T-51).
    pub has_health_check: bool,
}

impl Definition {
    fn new(row: TaskDefinitionRow) -> Result<Self> {
        let document = &row.document.0;
        let inconsistent = |reason: String| StoreError::Inconsistent {
            table: "task_definitions",
            reason,
        };
        let needs = launch::resources(document, &Default::default())
            .map_err(|error| inconsistent(error.to_string()))?;
        let containers = document.container_definitions.as_deref().unwrap_or_default();
        let mut essential = containers
            .iter()
            .filter(|container| container.essential.unwrap_or(true));
        let has_health_check = essential.all(|container| {
            let command = container
                .health_check
                .as_ref()
                .and_then(|check| check.command.first());
            command.is_some_and(|first| first != "NONE")
        });
        Ok(Self {
            row,
            needs,
            has_health_check,
        })
    }
}

/// The definitions that were needed of late, by row id.
pub struct Definitions {
    db: Db,
    known: Mutex<HashMap<i64, Arc<Definition>>>,
}

impl Definitions {
    pub fn new(db: Db) -> Self {
        Self {
            db,
            known: Mutex::default(),
        }
    }

    /// The definition of this row id.
    pub async fn one(&self, id: i64) -> Result<Arc<Definition>> {
        let found = self.get(&[id]).await?.remove(&id);
        found.ok_or_else(|| StoreError::Inconsistent {
            table: "task_definitions",
            reason: format!("{id} is gone"),
        })
    }

    /// These definitions, by row id. Those that do not exist are left out.
    pub async fn get(&self, ids: &[i64]) -> Result<HashMap<i64, Arc<Definition>>> {
        let mut found: HashMap<i64, Arc<Definition>> = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        {
            let known = self.known.lock();
            for id in ids {
                match known.get(id) {
                    Some(definition) => drop(found.insert(*id, definition.clone())),
                    None => missing.push(*id),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        for row in task_definitions::by_ids(&self.db, &missing).await? {
            found.insert(row.id, Arc::new(Definition::new(row)?));
        }
        let mut known = self.known.lock();
        if known.len() > KEPT {
            known.clear();
        }
        known.extend(found.iter().map(|(id, definition)| (*id, definition.clone())));
        Ok(found)
    }
}
