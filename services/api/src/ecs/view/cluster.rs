//! A cluster as the API shows it (C-02, C-05).

use aws_model::ecs::types::{Cluster, ClusterSetting, ClusterSettingName, KeyValuePair, Tag};
use domain::Scope;
use store::clusters::{ClusterCounts, ClusterRow};

/// What DescribeClusters was asked to include. Create, update and delete show all but statistics.
#[derive(Debug, Clone, Copy)]
pub struct Include {
    pub configuration: bool,
    pub settings: bool,
    pub statistics: bool,
}

impl Include {
    pub const OF_CHANGES: Self = Self {
        configuration: true,
        settings: true,
        statistics: false,
    };
}

/// The row with its counts. `tags` is empty when they were not asked for (TG-06).
pub fn cluster(
    scope: &Scope,
    row: ClusterRow,
    counts: ClusterCounts,
    tags: Vec<Tag>,
    include: Include,
) -> Cluster {
    let ClusterCounts {
        running_ec2,
        running_external,
        pending_ec2,
        pending_external,
        ..
    } = counts;
    let count = |n: i64| Some(i32::try_from(n).unwrap_or(i32::MAX));
    Cluster {
        cluster_arn: Some(scope.cluster_arn(&row.name)),
        cluster_name: Some(row.name),
        status: Some(row.status),
        registered_container_instances_count: count(counts.registered_instances),
        running_tasks_count: count(running_ec2 + running_external),
        pending_tasks_count: count(pending_ec2 + pending_external),
        active_services_count: count(counts.active_ec2_services + counts.active_external_services),
        statistics: Some(if include.statistics {
            statistics(counts)
        } else {
            Vec::new()
        }),
        tags: Some(tags),
        settings: Some(if include.settings {
            row.settings.0
        } else {
            Vec::new()
        }),
        configuration: row
            .configuration
            .filter(|_| include.configuration)
            .map(|json| json.0),
        service_connect_defaults: row.service_connect_defaults.map(|json| json.0),
        capacity_providers: Some(row.capacity_providers.0),
        default_capacity_provider_strategy: Some(row.default_capacity_provider_strategy.0),
        ..Cluster::default()
    }
}

/// The settings of a cluster for which none were given.
pub fn default_settings(container_insights: &str) -> Vec<ClusterSetting> {
    let value = Some(container_insights.to_owned());
    vec![ClusterSetting {
        name: Some(ClusterSettingName::ContainerInsights),
        value,
    }]
}

fn statistics(counts: ClusterCounts) -> Vec<KeyValuePair> {
    let rows = [
        ("runningEC2TasksCount", counts.running_ec2),
        ("runningFargateTasksCount", 0),
        ("pendingEC2TasksCount", counts.pending_ec2),
        ("pendingFargateTasksCount", 0),
        ("runningExternalTasksCount", counts.running_external),
        ("pendingExternalTasksCount", counts.pending_external),
        ("activeEC2ServiceCount", counts.active_ec2_services),
        ("activeFargateServiceCount", 0),
        ("drainingEC2ServiceCount", counts.draining_ec2_services),
        ("drainingFargateServiceCount", 0),
        ("activeExternalServiceCount", counts.active_external_services),
        ("drainingExternalServiceCount", counts.draining_external_services),
    ];
    rows.map(|(name, count)| KeyValuePair {
        name: Some(name.to_owned()),
        value: Some(count.to_string()),
    })
    .into()
}
