//! Giving resources of stopped tasks back to their instance.

use std::collections::BTreeMap;

use domain::Resources;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::types::Json;

/// What tasks that become STOPPED give back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Release {
    cpu: i64,
    memory: i64,
    ports: Vec<i32>,
    ports_udp: Vec<i32>,
    gpus: Vec<String>,
    groups: BTreeMap<String, i64>,
}

impl Release {
    /// Adds one task.
    pub fn add(&mut self, resources: &Resources, gpu_ids: &[String], group: &str) {
        self.cpu += resources.cpu;
        self.memory += resources.memory;
        self.ports
            .extend(resources.ports.iter().map(|port| i32::from(*port)));
        self.ports_udp
            .extend(resources.ports_udp.iter().map(|port| i32::from(*port)));
        self.gpus.extend_from_slice(gpu_ids);
        *self.groups.entry(group.to_owned()).or_default() += 1;
    }

    /// Binds the six parameters of [`set`].
    pub fn bind<'q>(&self, query: Query<'q, Postgres, PgArguments>) -> Query<'q, Postgres, PgArguments> {
        query
            .bind(self.cpu)
            .bind(self.memory)
            .bind(self.ports.clone())
            .bind(self.ports_udp.clone())
            .bind(self.gpus.clone())
            .bind(Json(self.groups.clone()))
    }
}

/// Assignments of an UPDATE of `container_instances AS i` whose parameters from `$first` on are bound by [`Release::bind`].
/// A port that is reserved by now stays taken.
pub(crate) fn set(first: usize) -> String {
    let [cpu, memory, ports, ports_udp, gpus, groups] = std::array::from_fn(|n| first + n);
    format!(
        "used_cpu = i.used_cpu - ${cpu}, used_memory = i.used_memory - ${memory}, \
         used_ports = ARRAY(SELECT p FROM unnest(i.used_ports) p WHERE p <> ALL(${ports}::integer[]) OR p = ANY(i.reserved_ports)), \
         used_ports_udp = ARRAY(SELECT p FROM unnest(i.used_ports_udp) p \
             WHERE p <> ALL(${ports_udp}::integer[]) OR p = ANY(i.reserved_ports_udp)), \
         used_gpus = ARRAY(SELECT g FROM unnest(i.used_gpus) g WHERE g <> ALL(${gpus}::text[])), \
         task_groups = (SELECT coalesce(jsonb_object_agg(e.key, e.value::bigint - coalesce((${groups}::jsonb ->> e.key)::bigint, 0)), '{{}}') \
             FROM jsonb_each_text(i.task_groups) e WHERE e.value::bigint > coalesce((${groups}::jsonb ->> e.key)::bigint, 0)), \
         revision = i.revision + 1"
    )
}
