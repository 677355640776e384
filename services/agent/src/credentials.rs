//! Keys of task roles. Held in memory only: after a restart the server sends them again.

use std::collections::HashMap;

use agent_protocol::{RoleCredentials, RoleType};
use parking_lot::Mutex;

/// Keys of one role of one task.
#[derive(Debug, Clone)]
pub struct Held {
    pub task_arn: String,
    pub role: RoleType,
    pub keys: RoleCredentials,
}

/// All keys that the server sent to this process.
#[derive(Debug, Default)]
pub struct CredentialStore {
    by_id: Mutex<HashMap<String, Held>>,
}

impl CredentialStore {
    /// Takes in keys, in place of older ones of the same id.
    pub fn put(&self, task_arn: &str, role: RoleType, keys: RoleCredentials) {
        let held = Held {
            task_arn: task_arn.to_owned(),
            role,
            keys,
        };
        self.by_id.lock().insert(held.keys.credentials_id.clone(), held);
    }

    /// The keys named `id`, if they have come.
    pub fn get(&self, id: &str) -> Option<Held> {
        self.by_id.lock().get(id).cloned()
    }

    /// Forgets the keys of a task.
    pub fn remove_task(&self, task_arn: &str) {
        self.by_id.lock().retain(|_, held| held.task_arn != task_arn);
    }
}
