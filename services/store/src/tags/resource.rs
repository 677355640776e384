//! Things that can have tags (TG-02), found and held by the names in their ARNs.

use domain::{ContainerInstanceId, Scope, TaskId};

use crate::{Result, Tx};

/// Something of an account and region that can have tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    Cluster {
        name: String,
    },
    Service {
        cluster: String,
        name: String,
    },
    Task {
        cluster: String,
        id: TaskId,
    },
    ContainerInstance {
        cluster: String,
        id: ContainerInstanceId,
    },
    TaskDefinition {
        family: String,
        revision: i32,
    },
}

impl Resource {
    /// The cluster that it is or lives in.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Self::Cluster { name: cluster }
            | Self::Service { cluster, .. }
            | Self::Task { cluster, .. }
            | Self::ContainerInstance { cluster, .. } => Some(cluster),
            Self::TaskDefinition { .. } => None,
        }
    }
}

/// Whether a resource can have tags now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Live,
    /// A STOPPED task: it is still described, but its tags have gone (TG-06).
    Stopped,
    /// There is none, or it is INACTIVE.
    Absent,
}

/// Finds a resource and keeps it as it is until the transaction ends, so that it cannot go while its tags change.
pub async fn lock(tx: &mut Tx, scope: &Scope, resource: &Resource) -> Result<Standing> {
    let status: Option<String> = match resource {
        Resource::Cluster { name } => {
            let query = sqlx::query_scalar(
                "SELECT status FROM clusters WHERE account = $1 AND region = $2 AND name = $3 AND status <> 'INACTIVE' FOR SHARE",
            );
            let query = query
                .bind(scope.account.as_str())
                .bind(scope.region.as_str())
                .bind(name);
            query.fetch_optional(&mut **tx).await?
        }
        Resource::Service { cluster, name } => {
            let query = sqlx::query_scalar(
                "SELECT s.status FROM services s JOIN clusters c ON c.id = s.cluster_id \
                 WHERE c.account = $1 AND c.region = $2 AND c.name = $3 AND s.name = $4 AND s.status <> 'INACTIVE' \
                 FOR SHARE OF s",
            );
            let query = query
                .bind(scope.account.as_str())
                .bind(scope.region.as_str())
                .bind(cluster)
                .bind(name);
            query.fetch_optional(&mut **tx).await?
        }
        Resource::Task { cluster, id } => {
            let query = sqlx::query_scalar(
                "SELECT t.last_status FROM tasks t JOIN clusters c ON c.id = t.cluster_id \
                 WHERE c.account = $1 AND c.region = $2 AND c.name = $3 AND t.id = $4 FOR SHARE OF t",
            );
            let query = query
                .bind(scope.account.as_str())
                .bind(scope.region.as_str())
                .bind(cluster)
                .bind(id.0);
            query.fetch_optional(&mut **tx).await?
        }
        Resource::ContainerInstance { cluster, id } => {
            let query = sqlx::query_scalar(
                "SELECT i.status FROM container_instances i JOIN clusters c ON c.id = i.cluster_id \
                 WHERE c.account = $1 AND c.region = $2 AND c.name = $3 AND i.id = $4 AND i.status <> 'INACTIVE' \
                 FOR SHARE OF i",
            );
            let query = query
                .bind(scope.account.as_str())
                .bind(scope.region.as_str())
                .bind(cluster)
                .bind(id.0);
            query.fetch_optional(&mut **tx).await?
        }
        Resource::TaskDefinition { family, revision } => {
            let query = sqlx::query_scalar(
                "SELECT status FROM task_definitions \
                 WHERE account = $1 AND region = $2 AND family = $3 AND revision = $4 FOR SHARE",
            );
            let query = query
                .bind(scope.account.as_str())
                .bind(scope.region.as_str())
                .bind(family)
                .bind(revision);
            query.fetch_optional(&mut **tx).await?
        }
    };
    Ok(match status.as_deref() {
        None => Standing::Absent,
        Some("STOPPED") => Standing::Stopped,
        Some(_) => Standing::Live,
    })
}
