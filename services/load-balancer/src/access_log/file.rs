//! One log file: its name, and how it comes to stand under it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use routing::Kind as BalancerKind;
use routing::attributes::LogPlace;

use super::text::balancer_id;
use crate::state::LiveBalancer;

/// How long a file is written to.
pub(super) const PERIOD: TimeDelta = TimeDelta::minutes(5);

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Access,
    Connection,
}

/// The end of the period that `at` lies in.
pub(super) fn period_end(at: DateTime<Utc>) -> DateTime<Utc> {
    let begin = at
        .with_second(0)
        .and_then(|at| at.with_nanosecond(0))
        .unwrap_or(at);
    begin - TimeDelta::minutes(i64::from(begin.minute() % 5)) + PERIOD
}

/// Where the file of a period stands, below the directory of all logs.
pub(super) fn path(
    place: &LogPlace,
    balancer: &LiveBalancer,
    kind: Kind,
    end: DateTime<Utc>,
    address: IpAddr,
    random: &str,
) -> PathBuf {
    let LiveBalancer { account, region, .. } = balancer;
    let mut path = within(&place.bucket);
    path.push(within(&place.prefix));
    path.push(format!("AWSLogs/{account}/elasticloadbalancing/{region}"));
    path.push(end.format("%Y/%m/%d").to_string());
    let prefix = match kind {
        Kind::Access => "",
        Kind::Connection => "conn_log.",
    };
    let id = balancer_id(&balancer.arn).replace('/', ".");
    let at = end.format("%Y%m%dT%H%MZ");
    let address = match balancer.kind {
        BalancerKind::Application => format!("_{}", address.to_string().replace(':', "-")),
        BalancerKind::Network => String::new(),
    };
    path.push(format!(
        "{prefix}{account}_elasticloadbalancing_{region}_{id}_{at}{address}_{random}.log.gz"
    ));
    path
}

/// What an operator wrote as a place, without what would lead out of the directory.
fn within(text: &str) -> PathBuf {
    let parts = Path::new(text).components();
    parts
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

/// A file that is being written. It stands under its name when it is whole.
pub(super) struct LogFile {
    path: PathBuf,
    partial: PathBuf,
    gzip: GzEncoder<BufWriter<File>>,
    pub end: DateTime<Utc>,
}

impl LogFile {
    pub fn create(path: PathBuf, end: DateTime<Utc>) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let partial = path.with_extension("gz.partial");
        let file = File::create_new(&partial)?;
        Ok(Self {
            path,
            partial,
            gzip: GzEncoder::new(BufWriter::new(file), Compression::fast()),
            end,
        })
    }

    pub fn write(&mut self, line: &str) -> io::Result<()> {
        self.gzip.write_all(line.as_bytes())?;
        self.gzip.write_all(b"\n")
    }

    pub fn close(self) -> io::Result<()> {
        self.gzip
            .finish()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        fs::rename(self.partial, self.path)
    }
}

#[cfg(test)]
mod tests {
    use routing::BalancerAttributes;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn balancer(kind: BalancerKind, id: &str) -> LiveBalancer {
        LiveBalancer {
            arn: format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/{id}"),
            name: "web".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            kind,
            number: 1,
            revision: 1,
            dns_name: String::new(),
            created_at: at("2026-01-01T00:00:00Z"),
            attributes: BalancerAttributes::default(),
            listeners: Vec::new(),
        }
    }

    #[test]
    fn lb38_files_have_the_names_that_elb_gives_them() {
        let place = LogPlace {
            bucket: "logs".into(),
            prefix: "web/prod".into(),
        };
        let end = period_end(at("2026-03-31T23:57:10Z"));
        let address = "10.1.2.3".parse().unwrap();
        let path = |kind, id| {
            path(
                &place,
                &balancer(kind, id),
                Kind::Access,
                end,
                address,
                "20sg8hgm",
            )
        };
        assert_eq!(
            path(BalancerKind::Application, "app/web/1234567890abcdef")
                .to_str()
                .unwrap(),
            "logs/web/prod/AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2026/04/01/\
             123456789012_elasticloadbalancing_eu-west-1_app.web.1234567890abcdef_20260401T0000Z_10.1.2.3_20sg8hgm.log.gz"
        );
        assert!(
            path(BalancerKind::Network, "net/web/1234567890abcdef")
                .to_str()
                .unwrap()
                .ends_with("_net.web.1234567890abcdef_20260401T0000Z_20sg8hgm.log.gz")
        );
    }

    #[test]
    fn lb38_a_prefix_does_not_lead_out_of_the_directory() {
        assert_eq!(within("/../../etc/./x"), Path::new("etc/x"));
    }

    #[test]
    fn lb38_periods_end_at_full_five_minutes() {
        assert_eq!(period_end(at("2026-01-01T10:00:00Z")), at("2026-01-01T10:05:00Z"));
        assert_eq!(
            period_end(at("2026-01-01T10:04:59.999Z")),
            at("2026-01-01T10:05:00Z")
        );
    }
}
