use aws_model::elbv2::types::QueryStringKeyValuePair;

use super::*;

fn texts(values: &[&str]) -> Option<Vec<String>> {
    Some(values.iter().map(|value| (*value).to_owned()).collect())
}

fn of(field: &str, values: &[&str]) -> RuleCondition {
    RuleCondition {
        field: Some(field.to_owned()),
        values: texts(values),
        ..RuleCondition::default()
    }
}

fn header_of(name: &str, values: &[&str]) -> RuleCondition {
    RuleCondition {
        field: Some("http-header".to_owned()),
        http_header_config: Some(HttpHeaderConditionConfig {
            http_header_name: Some(name.to_owned()),
            values: texts(values),
            regex_values: None,
        }),
        ..RuleCondition::default()
    }
}

fn query_of(key: Option<&str>, value: &str) -> RuleCondition {
    RuleCondition {
        field: Some("query-string".to_owned()),
        query_string_config: Some(QueryStringConditionConfig {
            values: Some(vec![QueryStringKeyValuePair {
                key: key.map(str::to_owned),
                value: Some(value.to_owned()),
            }]),
        }),
        ..RuleCondition::default()
    }
}

fn refused(condition: RuleCondition) -> String {
    match normalised(vec![condition.clone()]) {
        Ok(_) => panic!("{condition:?} was accepted"),
        Err(error) => error.message,
    }
}

#[test]
fn lb31_older_values_and_the_fields_own_member_read_alike() {
    let old = normalised(vec![of("path-pattern", &["/img/*"])]).unwrap();
    let own = RuleCondition {
        field: Some("path-pattern".to_owned()),
        path_pattern_config: Some(PathPatternConditionConfig {
            values: texts(&["/img/*"]),
            regex_values: None,
        }),
        ..RuleCondition::default()
    };
    assert_eq!(normalised(vec![own]).unwrap(), old);
    assert_eq!(old[0].values, texts(&["/img/*"]));
    assert_eq!(
        old[0].path_pattern_config.as_ref().unwrap().values,
        texts(&["/img/*"])
    );
    assert_eq!(
        normalised(old.clone()).unwrap(),
        old,
        "what was described can be sent again"
    );
}

#[test]
fn lb31_only_hosts_and_paths_have_the_older_values() {
    for (field, values) in [("http-request-method", ["GET"]), ("source-ip", ["10.0.0.0/8"])] {
        let normal = normalised(vec![of(field, &values)]).unwrap();
        assert_eq!(normal[0].values, None, "{field}");
    }
}

#[test]
fn lb31_headers_and_queries_may_repeat_and_the_others_not() {
    let twice = vec![
        header_of("X-A", &["1"]),
        header_of("X-B", &["2"]),
        query_of(None, "a"),
        query_of(Some("b"), "c"),
    ];
    assert_eq!(normalised(twice).unwrap().len(), 4);
    for (field, value) in [
        ("host-header", "a.test"),
        ("path-pattern", "/"),
        ("http-request-method", "GET"),
        ("source-ip", "::/0"),
    ] {
        let error = normalised(vec![of(field, &[value]), of(field, &[value])]).unwrap_err();
        assert_eq!(
            error.message,
            format!("A rule can only have one '{field}' condition")
        );
    }
}

#[test]
fn lb31_a_rule_has_at_most_five_values_and_five_wildcards() {
    let five = ["/1", "/2", "/3", "/4", "/5"];
    assert!(normalised(vec![of("path-pattern", &five)]).is_ok());
    let error = normalised(vec![of("path-pattern", &five), of("host-header", &["a.test"])]).unwrap_err();
    assert_eq!(error.message, "A rule can only have '5' condition values");
    assert!(normalised(vec![of("path-pattern", &["/*/*/*/??"])]).is_ok());
    assert_eq!(
        refused(of("path-pattern", &["/*/*/*/???"])),
        "A rule can only have '5' condition wildcards"
    );
    assert!(
        normalised(vec![query_of(None, r"\*\*\*\*\*\*")]).is_ok(),
        "escaped ones are none"
    );
}

#[test]
fn lb31_values_that_no_request_could_have_are_refused() {
    let long = "a".repeat(129);
    for bad in [
        of("host-header", &["nodot"]),
        of("host-header", &["a.b1"]),
        of("host-header", &["a_b.test"]),
        of("path-pattern", &["/a b"]),
        of("path-pattern", &[""]),
        of("path-pattern", &[&long]),
        of("http-request-method", &["get"]),
        of("source-ip", &["10.0.0.1"]),
        of("source-ip", &["10.0.0.0/33"]),
        of("source-ip", &["*"]),
        header_of("", &["1"]),
        header_of("X-*", &["1"]),
        header_of("Host", &["a.test"]),
        header_of("X-A", &["ä"]),
        query_of(Some("a"), ""),
        of("cookie", &["a"]),
        of("path-pattern", &[]),
        RuleCondition::default(),
    ] {
        refused(bad);
    }
    assert!(normalised(Vec::new()).is_err());
}

#[test]
fn lb31_regular_expressions_stand_instead_of_wildcards() {
    let mut condition = of("path-pattern", &["/a"]);
    condition.regex_values = texts(&["^/a$"]);
    refused(condition.clone());
    condition.values = None;
    let normal = normalised(vec![condition.clone()]).unwrap();
    let own = normal[0].path_pattern_config.as_ref().unwrap();
    assert_eq!(
        (own.values.clone(), own.regex_values.clone()),
        (None, texts(&["^/a$"]))
    );
    condition.regex_values = texts(&["("]);
    refused(condition);
}
