use super::*;

fn group(protocol: &str) -> Group<'_> {
    Group {
        protocol,
        is_grpc: false,
    }
}

fn text(http: Option<&str>, grpc: Option<&str>) -> Option<CodesText> {
    Some(CodesText {
        http_code: http.map(str::to_owned),
        grpc_code: grpc.map(str::to_owned),
    })
}

#[test]
fn lb15_defaults_follow_the_protocol() {
    let grpc = Group {
        protocol: "HTTP",
        is_grpc: true,
    };
    let with = |protocol| Given {
        protocol: Some(protocol),
        ..Given::default()
    };
    for (group, given, protocol, path, timeout, matcher) in [
        (
            group("HTTP"),
            Given::default(),
            CheckProtocol::Http,
            "/",
            5,
            Some("200"),
        ),
        (
            group("HTTPS"),
            Given::default(),
            CheckProtocol::Http,
            "/",
            5,
            Some("200"),
        ),
        (
            grpc,
            Given::default(),
            CheckProtocol::Http,
            GRPC_PATH,
            5,
            Some("12"),
        ),
        (group("TCP"), Given::default(), CheckProtocol::Tcp, "", 10, None),
        (group("UDP"), Given::default(), CheckProtocol::Tcp, "", 10, None),
        (
            group("TLS"),
            with(ProtocolEnum::Http),
            CheckProtocol::Http,
            "/",
            6,
            Some("200-399"),
        ),
        (
            group("TCP"),
            with(ProtocolEnum::Https),
            CheckProtocol::Https,
            "/",
            10,
            Some("200-399"),
        ),
    ] {
        let made = created(group, given).unwrap();
        assert_eq!(made.matcher.as_deref(), matcher, "{group:?}");
        let check = made.check;
        assert_eq!(
            (check.protocol, check.path.as_str(), check.timeout_seconds),
            (protocol, path, timeout)
        );
        assert_eq!(
            (
                check.interval_seconds,
                check.healthy_threshold,
                check.unhealthy_threshold
            ),
            (30, 5, 2)
        );
        assert_eq!((check.port, check.enabled), (None, true));
    }
}

#[test]
fn lb15_what_aws_refuses_is_refused_in_its_words() {
    let given = |change: fn(&mut Given)| {
        let mut given = Given::default();
        change(&mut given);
        given
    };
    let long = "Health check path 'ping' must begin with a '/' character, and can only contain printable ASCII characters, without spaces";
    for (protocol, given, code, message) in [
        (
            "HTTP",
            given(|given| given.interval_seconds = Some(5)),
            "ValidationError",
            "Health check interval must be greater than the timeout.",
        ),
        (
            "HTTP",
            given(|given| given.path = Some("ping".to_owned())),
            "ValidationError",
            long,
        ),
        (
            "HTTP",
            given(|given| given.matcher = text(Some("500"), None)),
            "ValidationError",
            "Health check matcher HTTP code '500' must be within '200-499' inclusive",
        ),
        (
            "HTTP",
            given(|given| given.protocol = Some(ProtocolEnum::Tcp)),
            "InvalidConfigurationRequest",
            "Health check protocol 'TCP' is not supported for target groups with the HTTP protocol",
        ),
        (
            "TCP",
            given(|given| given.enabled = Some(false)),
            "InvalidConfigurationRequest",
            "Health checks can only be disabled for target groups with target type 'lambda'",
        ),
        (
            "TCP",
            given(|given| given.path = Some("/".to_owned())),
            "InvalidConfigurationRequest",
            "A health check path can not be specified for health checks with the TCP protocol",
        ),
        (
            "HTTP",
            given(|given| given.port = Some("0".to_owned())),
            "ValidationError",
            "Health check port '0' must be 'traffic-port' or a number between '1' and '65535'",
        ),
    ] {
        let error = created(group(protocol), given).unwrap_err();
        assert_eq!((error.code.name(), error.message.as_str()), (code, message));
    }
    let equal = given(|given| given.interval_seconds = Some(10));
    assert!(
        created(group("TCP"), equal.clone()).is_ok(),
        "interval and timeout are both 10"
    );
    let current = created(group("HTTP"), Given::default()).unwrap();
    let short = given(|given| given.timeout_seconds = Some(30));
    assert_eq!(
        modified(group("HTTP"), current, short).unwrap_err().message,
        "Health check timeout '30' must be smaller than the interval '30'"
    );
}

#[test]
fn lb15_codes_are_lists_of_codes_and_ranges() {
    let codes = |text| parsed(group("HTTP"), text);
    assert_eq!(
        codes("200,202-299").unwrap(),
        Matcher::HttpCodes(vec![200..=200, 202..=299])
    );
    for bad in ["", "2e2", "200 ", "299-200", "200-", "199", "200-500", "200,,201"] {
        assert!(bad.is_empty() || codes(bad).is_err(), "{bad}");
    }
    let grpc = Group {
        protocol: "HTTP",
        is_grpc: true,
    };
    assert_eq!(parsed(grpc, "0-99").unwrap(), Matcher::GrpcCodes(vec![0..=99]));
    assert!(parsed(grpc, "100").is_err());
}

#[test]
fn lb15_a_change_of_the_check_protocol_brings_its_path_and_codes() {
    let current = created(group("TCP"), Given::default()).unwrap();
    let to = |protocol| Given {
        protocol: Some(protocol),
        ..Given::default()
    };
    let http = modified(group("TCP"), current, to(ProtocolEnum::Http)).unwrap();
    assert_eq!(
        (http.check.path.as_str(), http.matcher.as_deref()),
        ("/", Some("200-399"))
    );
    let tcp = modified(group("TCP"), http, to(ProtocolEnum::Tcp)).unwrap();
    assert_eq!((tcp.check.path.as_str(), tcp.matcher), ("", None));
}
