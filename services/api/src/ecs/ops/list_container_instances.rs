use std::collections::BTreeMap;

use aws_model::ecs::types::{
    ContainerInstanceStatus, ListContainerInstancesRequest, ListContainerInstancesResponse,
};
use chrono::{DateTime, Utc};
use domain::{ContainerInstanceId, InstanceStatus};
use planning::query::{Expression, Subject};
use store::instances::{InstanceRow, TaskCounts};

use crate::ecs::find;
use crate::ecs::paging::Page;
use crate::{Context, Error, Result};

/// ListContainerInstances: all but INACTIVE ones, narrowed by status and by an expression of the cluster query language (I-11, P-20).
pub async fn list_container_instances(
    cx: &Context,
    input: ListContainerInstancesRequest,
) -> Result<ListContainerInstancesResponse> {
    let cluster = find::cluster(cx, input.cluster.as_deref()).await?;
    let page = Page::new(
        "ListContainerInstances",
        input.max_results,
        input.next_token.as_deref(),
        100,
    )?;
    let filter = filter(input.filter.as_deref())?;
    let status = input.status.map(status);
    let after = page.after::<ContainerInstanceId>()?;
    let limit = filter.is_none().then(|| page.fetch());
    let mut rows = store::instances::list(cx.db(), cluster.id, status, after, limit).await?;
    if let Some(filter) = filter {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let counts = store::instances::task_counts(cx.db(), &ids).await?;
        rows.retain(|row| filter.matches(&Candidate { row, counts: &counts }));
    }
    let (rows, next_token) = page.cut(rows, InstanceRow::instance_id);
    let arns = rows
        .iter()
        .map(|row| cx.scope.container_instance_arn(&cluster.name, row.instance_id()));
    Ok(ListContainerInstancesResponse {
        container_instance_arns: Some(arns.collect()),
        next_token,
    })
}

fn filter(text: Option<&str>) -> Result<Option<Expression>> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let parsed = Expression::parse(text);
    parsed
        .map(Some)
        .map_err(|error| Error::invalid_parameter(format!("Expression cannot be parsed: {error}")))
}

fn status(status: ContainerInstanceStatus) -> InstanceStatus {
    match status {
        ContainerInstanceStatus::Active => InstanceStatus::Active,
        ContainerInstanceStatus::Draining => InstanceStatus::Draining,
        ContainerInstanceStatus::Registering => InstanceStatus::Registering,
        ContainerInstanceStatus::Deregistering => InstanceStatus::Deregistering,
        ContainerInstanceStatus::RegistrationFailed => InstanceStatus::RegistrationFailed,
    }
}

struct Candidate<'a> {
    row: &'a InstanceRow,
    counts: &'a BTreeMap<uuid::Uuid, TaskCounts>,
}

impl Subject for Candidate<'_> {
    fn agent_connected(&self) -> bool {
        self.row.agent_connected
    }

    fn agent_version(&self) -> Option<&str> {
        self.row.agent_version.as_deref()
    }

    fn attribute(&self, name: &str) -> Option<Option<&str>> {
        self.row.attributes.get(name).map(Option::as_deref)
    }

    fn ec2_instance_id(&self) -> Option<&str> {
        self.row.ec2_instance_id.as_deref()
    }

    fn registered_at(&self) -> DateTime<Utc> {
        self.row.registered_at
    }

    fn running_tasks_count(&self) -> i64 {
        self.counts.get(&self.row.id).map_or(0, |counts| counts.running)
    }

    fn task_groups(&self) -> impl Iterator<Item = &str> {
        self.row.task_groups.keys().map(String::as_str)
    }
}
