//! Attributes as the API writes them (`idle_timeout.timeout_seconds` → `60`) made into values. What is missing or cannot be read has the
//! default; the operations let nothing pass that cannot be read.

use std::collections::BTreeMap;

use routing::attributes::{Algorithm, DesyncMitigation, LogPlace, Stickiness, XffProcessing};
use routing::snapshot::TargetProtocol;
use routing::{BalancerAttributes, ListenerAttributes, TargetGroupAttributes};

/// Attribute key → value.
pub type AttributeMap = BTreeMap<String, String>;

/// One day, in seconds: how long cookies bind a client where nothing else is said (LB-34).
const DAY: u32 = 86_400;

/// Reads texts by their keys.
struct Reader<'a>(&'a AttributeMap);

impl Reader<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str, default: u32) -> u32 {
        self.text(key)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }

    /// `true` and `false`, or `on` and `off`.
    fn switch(&self, key: &str, default: bool) -> bool {
        match self.text(key) {
            Some("true" | "on") => true,
            Some("false" | "off") => false,
            _ => default,
        }
    }

    fn log_place(&self, kind: &str) -> Option<LogPlace> {
        let part = |name: &str| self.text(&format!("{kind}.s3.{name}"));
        if part("enabled") != Some("true") {
            return None;
        }
        Some(LogPlace {
            bucket: part("bucket")?.to_owned(),
            prefix: part("prefix").unwrap_or_default().to_owned(),
        })
    }
}

/// Attributes of a load balancer.
pub fn balancer(map: &AttributeMap) -> BalancerAttributes {
    let (read, default) = (Reader(map), BalancerAttributes::default());
    BalancerAttributes {
        idle_timeout_seconds: read.number("idle_timeout.timeout_seconds", default.idle_timeout_seconds),
        client_keep_alive_seconds: read
            .number("client_keep_alive.seconds", default.client_keep_alive_seconds),
        http2_enabled: read.switch("routing.http2.enabled", default.http2_enabled),
        desync_mitigation: match read.text("routing.http.desync_mitigation_mode") {
            Some("monitor") => DesyncMitigation::Monitor,
            Some("strictest") => DesyncMitigation::Strictest,
            _ => default.desync_mitigation,
        },
        drop_invalid_header_fields: read.switch(
            "routing.http.drop_invalid_header_fields.enabled",
            default.drop_invalid_header_fields,
        ),
        preserve_host_header: read.switch(
            "routing.http.preserve_host_header.enabled",
            default.preserve_host_header,
        ),
        tls_version_and_cipher_headers: read.switch(
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
            default.tls_version_and_cipher_headers,
        ),
        xff_client_port: read.switch("routing.http.xff_client_port.enabled", default.xff_client_port),
        xff_processing: match read.text("routing.http.xff_header_processing.mode") {
            Some("preserve") => XffProcessing::Preserve,
            Some("remove") => XffProcessing::Remove,
            _ => default.xff_processing,
        },
        access_logs: read.log_place("access_logs"),
        connection_logs: read.log_place("connection_logs"),
    }
}

/// Attributes of a listener.
pub fn listener(map: &AttributeMap) -> ListenerAttributes {
    let (read, default) = (Reader(map), ListenerAttributes::default());
    let named = |before: &str, after: &str, name: fn(&str) -> String| -> Vec<(String, String)> {
        let headers = map.iter().filter_map(|(key, value)| {
            let header = key.strip_prefix(before)?.strip_suffix(after)?;
            (!value.is_empty()).then(|| (name(header), value.clone()))
        });
        headers.collect()
    };
    ListenerAttributes {
        tcp_idle_timeout_seconds: read.number("tcp.idle_timeout.seconds", default.tcp_idle_timeout_seconds),
        server_header: read.switch("routing.http.response.server.enabled", default.server_header),
        response_headers: named("routing.http.response.", ".header_value", |key| {
            key.replace('_', "-")
        }),
        renamed_headers: named("routing.http.request.", ".header_name", title_case),
    }
}

/// `x_amzn_tls_version` → `X-Amzn-Tls-Version`.
fn title_case(key: &str) -> String {
    let words = key.split('_').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_uppercase()),
        None => String::new(),
    });
    words.collect::<Vec<_>>().join("-")
}

/// Attributes of a target group of this protocol, on which some defaults depend.
pub fn target_group(map: &AttributeMap, protocol: TargetProtocol) -> TargetGroupAttributes {
    let (read, default) = (Reader(map), TargetGroupAttributes::default());
    TargetGroupAttributes {
        deregistration_delay_seconds: read.number(
            "deregistration_delay.timeout_seconds",
            default.deregistration_delay_seconds,
        ),
        connection_termination: read.switch(
            "deregistration_delay.connection_termination.enabled",
            // Nobody can tell when a UDP flow is over.
            matches!(protocol, TargetProtocol::Udp | TargetProtocol::TcpUdp),
        ),
        unhealthy_connection_termination: read.switch(
            "target_health_state.unhealthy.connection_termination.enabled",
            default.unhealthy_connection_termination,
        ),
        algorithm: match read.text("load_balancing.algorithm.type") {
            Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
            Some("weighted_random") => Algorithm::WeightedRandom,
            _ => default.algorithm,
        },
        anomaly_mitigation: read.switch(
            "load_balancing.algorithm.anomaly_mitigation",
            default.anomaly_mitigation,
        ),
        slow_start_seconds: read.number("slow_start.duration_seconds", default.slow_start_seconds),
        stickiness: stickiness(&read, protocol),
        proxy_protocol_v2: read.switch("proxy_protocol_v2.enabled", default.proxy_protocol_v2),
        preserve_client_ip: read.switch("preserve_client_ip.enabled", default.preserve_client_ip),
        minimum_healthy_count: read.number(
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            default.minimum_healthy_count,
        ),
        minimum_healthy_percent: read
            .text("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage")
            .and_then(|text| text.parse().ok()),
    }
}

fn stickiness(read: &Reader<'_>, protocol: TargetProtocol) -> Option<Stickiness> {
    if !read.switch("stickiness.enabled", false) {
        return None;
    }
    let http = matches!(protocol, TargetProtocol::Http | TargetProtocol::Https);
    match read.text("stickiness.type") {
        Some("app_cookie") => Some(Stickiness::AppCookie {
            name: read.text("stickiness.app_cookie.cookie_name")?.to_owned(),
            duration_seconds: read.number("stickiness.app_cookie.duration_seconds", DAY),
        }),
        Some("lb_cookie") => Some(lb_cookie(read)),
        None if http => Some(lb_cookie(read)),
        _ => Some(Stickiness::SourceIp),
    }
}

fn lb_cookie(read: &Reader<'_>) -> Stickiness {
    Stickiness::LbCookie {
        duration_seconds: read.number("stickiness.lb_cookie.duration_seconds", DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> AttributeMap {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn nothing_set_gives_the_defaults_of_elbv2() {
        assert_eq!(balancer(&AttributeMap::new()), BalancerAttributes::default());
        assert_eq!(listener(&AttributeMap::new()), ListenerAttributes::default());
        assert_eq!(
            target_group(&AttributeMap::new(), TargetProtocol::Http),
            TargetGroupAttributes::default()
        );
    }

    #[test]
    fn lb35_attributes_of_a_balancer_are_read() {
        let read = balancer(&map(&[
            ("idle_timeout.timeout_seconds", "4000"),
            ("routing.http.xff_header_processing.mode", "remove"),
            ("routing.http.desync_mitigation_mode", "strictest"),
            ("routing.http2.enabled", "false"),
            ("access_logs.s3.enabled", "true"),
            ("access_logs.s3.bucket", "logs"),
            ("connection_logs.s3.bucket", "not enabled"),
        ]));
        let expected = BalancerAttributes {
            idle_timeout_seconds: 4000,
            xff_processing: XffProcessing::Remove,
            desync_mitigation: DesyncMitigation::Strictest,
            http2_enabled: false,
            access_logs: Some(LogPlace {
                bucket: "logs".to_owned(),
                prefix: String::new(),
            }),
            ..BalancerAttributes::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn headers_of_a_listener_are_set_and_renamed() {
        let read = listener(&map(&[
            (
                "routing.http.response.strict_transport_security.header_value",
                "max-age=1",
            ),
            ("routing.http.response.x_frame_options.header_value", ""),
            ("routing.http.response.server.enabled", "false"),
            ("routing.http.request.x_amzn_tls_version.header_name", "tls"),
            ("tcp.idle_timeout.seconds", "60"),
        ]));
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(
            read.response_headers,
            pair("strict-transport-security", "max-age=1")
        );
        assert_eq!(read.renamed_headers, pair("X-Amzn-Tls-Version", "tls"));
        assert_eq!((read.server_header, read.tcp_idle_timeout_seconds), (false, 60));
    }

    #[test]
    fn lb34_stickiness_and_algorithms_of_a_target_group_are_read() {
        let sticky = |pairs: &[(&str, &str)], protocol| target_group(&map(pairs), protocol).stickiness;
        let on = ("stickiness.enabled", "true");
        assert_eq!(
            sticky(&[on], TargetProtocol::Http),
            Some(Stickiness::LbCookie {
                duration_seconds: 86_400
            })
        );
        assert_eq!(sticky(&[on], TargetProtocol::Tcp), Some(Stickiness::SourceIp));
        assert_eq!(
            sticky(&[("stickiness.type", "lb_cookie")], TargetProtocol::Http),
            None
        );
        let app = [
            on,
            ("stickiness.type", "app_cookie"),
            ("stickiness.app_cookie.cookie_name", "SESSION"),
            ("stickiness.app_cookie.duration_seconds", "60"),
        ];
        assert_eq!(
            sticky(&app, TargetProtocol::Http),
            Some(Stickiness::AppCookie {
                name: "SESSION".to_owned(),
                duration_seconds: 60
            })
        );
        let random = target_group(
            &map(&[
                ("load_balancing.algorithm.type", "weighted_random"),
                ("load_balancing.algorithm.anomaly_mitigation", "on"),
                (
                    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
                    "off",
                ),
            ]),
            TargetProtocol::Http,
        );
        assert_eq!(random.algorithm, Algorithm::WeightedRandom);
        assert!(random.anomaly_mitigation && random.minimum_healthy_percent.is_none());
    }
}
