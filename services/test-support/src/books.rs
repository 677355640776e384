//! What must hold in every database at every moment, whatever was killed when.

use sqlx::PgPool;
use uuid::Uuid;

/// Checks that hosts have given to tasks exactly what their tasks hold, never more than they have, and no port or GPU twice.
///
/// # Panics
/// With the rows that do not balance.
pub async fn balance(pool: &PgPool) {
    let wrong: Vec<(Uuid, String)> = sqlx::query_as(
        "WITH held AS (SELECT instance_id, sum((resources->>'cpu')::bigint) AS cpu, sum((resources->>'memory')::bigint) AS memory, \
             count(*) AS tasks FROM tasks WHERE last_status <> 'STOPPED' GROUP BY instance_id) \
         SELECT i.id, format('cpu %s of %s, tasks hold %s; memory %s of %s, tasks hold %s; groups %s', \
             i.used_cpu, i.cpu, h.cpu, i.used_memory, i.memory, h.memory, i.task_groups) \
         FROM container_instances i LEFT JOIN held h ON h.instance_id = i.id \
         WHERE i.used_cpu <> coalesce(h.cpu, 0) OR i.used_memory <> coalesce(h.memory, 0) OR i.used_cpu > i.cpu OR i.used_memory > i.memory \
            OR (SELECT coalesce(sum(g.value::bigint), 0) FROM jsonb_each_text(i.task_groups) g) <> coalesce(h.tasks, 0) \
            OR (SELECT count(*) FROM unnest(i.used_ports) p) <> (SELECT count(DISTINCT p) FROM unnest(i.used_ports) p)",
    )
    .fetch_all(pool)
    .await
    .expect("the database answers");
    assert!(wrong.is_empty(), "the books of hosts do not balance: {wrong:#?}");
    let twice: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT t.instance_id, x.what FROM tasks t, LATERAL (SELECT 'port ' || jsonb_array_elements_text(t.resources->'ports') AS what \
             UNION ALL SELECT 'gpu ' || unnest(t.gpu_ids)) x \
         WHERE t.last_status <> 'STOPPED' GROUP BY t.instance_id, x.what HAVING count(*) > 1",
    )
    .fetch_all(pool)
    .await
    .expect("the database answers");
    assert!(twice.is_empty(), "held by two tasks of one host: {twice:?}");
}

/// A digest of each table, to see that nothing changed. Leases of servers and what agents' sessions write are left out: they change
/// by themselves.
///
/// # Panics
/// When the database does not answer.
pub async fn digest(pool: &PgPool) -> Vec<(String, i64, Option<String>)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('servers', '_sqlx_migrations') ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .expect("the database answers");
    let mut digests = Vec::new();
    for table in tables {
        // The names are those of our own schema.
        let query = format!(
            "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {table} t"
        );
        let (rows, digest) = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .fetch_one(pool)
            .await
            .expect("the database answers");
        digests.push((table, rows, digest));
    }
    digests
}
