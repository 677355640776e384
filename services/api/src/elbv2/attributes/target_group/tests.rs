use super::*;

fn subject(protocol: &str, is_ip: bool) -> Subject {
    Subject {
        protocol: protocol.to_owned(),
        is_ip,
    }
}

fn set(subject: &Subject, pairs: &[(&str, &str)]) -> Result<Map> {
    let pairs = pairs
        .iter()
        .map(|(key, value)| (Some((*key).to_owned()), Some((*value).to_owned())));
    CATALOGUE.changed(subject, &subject.initial(), pairs.collect())
}

#[test]
fn lb34_each_protocol_has_its_attributes_and_defaults() {
    let value = |subject: &Subject, key: &str| {
        let all = CATALOGUE.all(subject, &subject.initial());
        all.into_iter().find(|(k, _)| k == key).map(|(_, v)| v)
    };
    let http = subject("HTTP", true);
    assert_eq!(CATALOGUE.all(&http, &http.initial()).len(), 14);
    assert_eq!(http.initial(), Map::new());
    assert_eq!(value(&http, STICKINESS_TYPE).as_deref(), Some("lb_cookie"));
    assert_eq!(value(&http, PRESERVE_CLIENT_IP), None);
    for (protocol, is_ip, preserved, terminated, unhealthy) in [
        ("TCP", true, "false", "false", "true"),
        ("TCP", false, "true", "false", "true"),
        ("TLS", true, "false", "false", "true"),
        ("UDP", true, "true", "true", "false"),
        ("TCP_UDP", false, "true", "true", "false"),
    ] {
        let group = subject(protocol, is_ip);
        assert_eq!(
            value(&group, PRESERVE_CLIENT_IP).as_deref(),
            Some(preserved),
            "{protocol}"
        );
        let key = "deregistration_delay.connection_termination.enabled";
        assert_eq!(value(&group, key).as_deref(), Some(terminated), "{protocol}");
        assert_eq!(
            value(&group, UNHEALTHY_TERMINATION).as_deref(),
            Some(unhealthy),
            "{protocol}"
        );
        assert_eq!(
            value(&group, STICKINESS_TYPE).as_deref(),
            Some("source_ip"),
            "{protocol}"
        );
        assert_eq!(value(&group, ALGORITHM), None);
    }
}

#[test]
fn lb34_attributes_that_do_not_go_together_are_refused() {
    let (http, tcp, udp) = (subject("HTTP", true), subject("TCP", true), subject("UDP", true));
    for (group, pairs, text) in [
        (
            &tcp,
            &[(STICKINESS, "false"), (STICKINESS_TYPE, "lb_cookie")][..],
            "Stickiness type 'lb_cookie' is not supported for target groups with the TCP protocol",
        ),
        (
            &tcp,
            &[("slow_start.duration_seconds", "30")],
            "The provided target group attribute is not supported",
        ),
        (
            &http,
            &[("lambda.multi_value_headers.enabled", "true")],
            "The provided target group attribute is not supported",
        ),
        (
            &http,
            &[(SLOW_START, "60"), (ALGORITHM, "least_outstanding_requests")],
            "Slow start cannot be enabled when the load balancing algorithm is 'least_outstanding_requests'",
        ),
        (
            &http,
            &[(ANOMALY, "on")],
            "'load_balancing.algorithm.anomaly_mitigation' can only be turned on when 'load_balancing.algorithm.type' is \
             'weighted_random'",
        ),
        (
            &http,
            &[(STICKINESS, "true"), (STICKINESS_TYPE, "app_cookie")],
            "'stickiness.app_cookie.cookie_name' must be specified when 'stickiness.type' is 'app_cookie'",
        ),
        (
            &http,
            &[(COOKIE_NAME, "AWSALBAPP")],
            "The cookie name 'AWSALBAPP' is not valid: names that start with 'AWSALB' are reserved",
        ),
        (
            &udp,
            &[(PRESERVE_CLIENT_IP, "false")],
            "Client IP preservation cannot be disabled for target groups with the UDP or TCP_UDP protocol",
        ),
    ] {
        let error = set(group, pairs).unwrap_err();
        assert_eq!(error.code.name(), "InvalidConfigurationRequest", "{text}");
        assert_eq!(error.message, text);
    }
    for bad in ["10", "29", "901", "-1"] {
        assert_eq!(
            set(&http, &[(SLOW_START, bad)]).unwrap_err().code.name(),
            "ValidationError"
        );
    }
    for group in [&http, &tcp, &udp] {
        let written = CATALOGUE.all(group, &group.initial());
        let pairs: Vec<(&str, &str)> = written.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert!(set(group, &pairs).is_ok());
    }
}
