//! Counts of requests and connections, by minute (LB-40).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use routing::message::{MetricsMinute, Statistics};

use crate::{Db, Result};

type Key<'a> = (&'a str, &'a str, &'a str, DateTime<Utc>);

/// Adds a report to the counts. False if it was counted before: reports of a boot are numbered upwards, and one that comes twice, or
/// after a later one, counts no more.
pub async fn count_metrics(
    db: &Db,
    proxy: &str,
    boot: &str,
    sequence: u64,
    minutes: &[MetricsMinute],
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let taken = sqlx::query(
        "INSERT INTO proxy_reports AS r (proxy, boot, sequence, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (proxy, boot) DO UPDATE SET sequence = excluded.sequence, at = excluded.at WHERE r.sequence < excluded.sequence",
    )
    .bind(proxy)
    .bind(boot)
    .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    // By key, so that proxies that report at the same time meet in the same order.
    let rows = merged(minutes);
    let column = |read: fn(&Key<'_>) -> String| rows.keys().map(read).collect::<Vec<String>>();
    let figures = |read: fn(&Statistics) -> f64| rows.values().map(read).collect::<Vec<f64>>();
    let samples: Vec<i64> = rows
        .values()
        .map(|statistics| i64::try_from(statistics.samples).unwrap_or(i64::MAX))
        .collect();
    let at: Vec<DateTime<Utc>> = rows.keys().map(|key| key.3).collect();
    sqlx::query(
        "INSERT INTO balancer_metrics AS m (load_balancer_arn, target_group_arn, metric, minute, samples, sum, minimum, maximum) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::float8[], $7::float8[], $8::float8[]) \
         ON CONFLICT (load_balancer_arn, target_group_arn, metric, minute) DO UPDATE SET samples = m.samples + excluded.samples, \
             sum = m.sum + excluded.sum, minimum = least(m.minimum, excluded.minimum), maximum = greatest(m.maximum, excluded.maximum)",
    )
    .bind(column(|key| key.0.to_owned()))
    .bind(column(|key| key.1.to_owned()))
    .bind(column(|key| key.2.to_owned()))
    .bind(at)
    .bind(samples)
    .bind(figures(|statistics| statistics.sum))
    .bind(figures(|statistics| statistics.minimum))
    .bind(figures(|statistics| statistics.maximum))
    .execute(&mut *tx)
    .await?;
    db.commit(tx, []).await?;
    Ok(true)
}

/// One row for each key; a row that samples nothing says nothing.
fn merged(minutes: &[MetricsMinute]) -> BTreeMap<Key<'_>, Statistics> {
    let mut rows = BTreeMap::new();
    for minute in minutes {
        for row in &minute.rows {
            let group = row.target_group.as_deref().unwrap_or_default();
            for (metric, statistics) in row
                .metrics
                .iter()
                .filter(|(_, statistics)| statistics.samples > 0)
            {
                let key = (row.balancer.as_str(), group, metric.as_str(), minute.minute);
                rows.entry(key)
                    .and_modify(|sum: &mut Statistics| add(sum, statistics))
                    .or_insert(*statistics);
            }
        }
    }
    rows
}

fn add(sum: &mut Statistics, more: &Statistics) {
    sum.samples += more.samples;
    sum.sum += more.sum;
    sum.minimum = sum.minimum.min(more.minimum);
    sum.maximum = sum.maximum.max(more.maximum);
}
