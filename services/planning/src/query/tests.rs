#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Expression, MAX_DEPTH, ParseError, ParseErrorKind, Subject};

/// A container instance as the tests describe it.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub connected: bool,
    pub version: Option<String>,
    pub attributes: BTreeMap<String, Option<String>>,
    pub ec2: Option<String>,
    pub registered_at: DateTime<Utc>,
    pub running: i64,
    pub groups: Vec<String>,
}

impl Subject for Instance {
    fn agent_connected(&self) -> bool {
        self.connected
    }
    fn agent_version(&self) -> Option<&str> {
        self.version.as_deref()
    }
    fn attribute(&self, name: &str) -> Option<Option<&str>> {
        self.attributes.get(name).map(Option::as_deref)
    }
    fn ec2_instance_id(&self) -> Option<&str> {
        self.ec2.as_deref()
    }
    fn registered_at(&self) -> DateTime<Utc> {
        self.registered_at
    }
    fn running_tasks_count(&self) -> i64 {
        self.running
    }
    fn task_groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }
}

fn instance() -> Instance {
    let attributes = [
        ("ecs.instance-type", Some("g2.2xlarge")),
        ("ecs.availability-zone", Some("us-east-1a")),
        ("ecs.capability.task-eni", None),
        ("rank", Some("10")),
        ("stack", Some("prod")),
        ("mood", Some("in good order")),
    ];
    Instance {
        connected: true,
        version: Some("1.18.0".to_owned()),
        attributes: attributes
            .map(|(k, v)| (k.to_owned(), v.map(str::to_owned)))
            .into(),
        ec2: Some("i-abcd1234".to_owned()),
        registered_at: "2018-06-18T22:28:28.250Z".parse().unwrap(),
        running: 3,
        groups: vec!["service:web".to_owned(), "family:batch".to_owned()],
    }
}

fn check(table: &[(&str, bool)]) {
    let instance = instance();
    for (text, expected) in table {
        let expression = Expression::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(expression.matches(&instance), *expected, "{text}");
        let canonical = expression.to_string();
        assert_eq!(
            Expression::parse(&canonical).unwrap(),
            expression,
            "{text} printed as {canonical}"
        );
    }
}

fn refused(text: &str) -> ParseError {
    Expression::parse(text).expect_err(text)
}

#[test]
fn p20_attributes_take_every_operator() {
    check(&[
        ("attribute:ecs.instance-type == g2.2xlarge", true),
        ("attribute:ecs.instance-type==g2.2xlarge", true),
        ("attribute:ecs.instance-type equals 'g2.2xlarge'", true),
        ("attribute:stack != prod", false),
        ("attribute:stack!=test", true),
        ("attribute:stack not_equals prod", false),
        ("attribute:stack in [test, prod]", true),
        ("attribute:stack in ['test','prod']", true),
        ("attribute:stack !in [test, prod]", false),
        ("attribute:stack ! in [ test ]", true),
        ("attribute:stack not_in [test]", true),
        ("attribute:mood == 'in good order'", true),
        ("attribute:rank > 9", true),
        ("attribute:rank less_than 9", false),
        ("attribute:rank >= 10.0", true),
        ("attribute:stack > prime", true),
        ("attribute:stack <= prod", true),
    ]);
}

#[test]
fn p20_a_bare_attribute_means_that_it_exists() {
    check(&[
        ("attribute:stack", true),
        ("attribute:nothing", false),
        ("!attribute:nothing", true),
        ("attribute:stack and attribute:rank", true),
        ("attribute:ecs.capability.task-eni exists", true),
        ("attribute:ecs.capability.task-eni !exists", false),
        ("attribute:nothing !exists", true),
        ("attribute:nothing not_exists", true),
        ("attribute:ecs.capability.task-eni == ''", false),
    ]);
}

#[test]
fn p20_negative_operators_hold_for_a_host_without_the_attribute() {
    check(&[
        ("attribute:nothing != a", true),
        ("attribute:nothing !in [a]", true),
        ("attribute:nothing !~ .*", true),
        ("attribute:nothing == a", false),
        ("attribute:nothing < a", false),
    ]);
}

#[test]
fn p20_matches_takes_the_whole_value() {
    check(&[
        ("attribute:ecs.instance-type =~ g2.*", true),
        ("attribute:ecs.instance-type =~ g2", false),
        (
            "attribute:ecs.instance-type matches '(g2|t3)\\.[0-9]*xlarge'",
            true,
        ),
        ("attribute:ecs.instance-type =~ (t3|g2)[.].{2,9}", true),
        ("(attribute:ecs.instance-type =~ (t3|g2).*)", true),
        ("attribute:stack =~ p|prod", true),
        ("attribute:stack !~ PROD", true),
        ("attribute:stack =~ (?i)PROD", true),
        ("attribute:stack =~ pr and attribute:rank == 10", false),
        ("ec2InstanceId =~ i-[a-z]+\\d{4}", true),
        ("agentConnected =~ t.*", true),
    ]);
    for bad in ["a)|(b", "*a", "(?=a)b", "(a)\\1", "(a{999}){999}", "[a"] {
        let error = refused(&format!("attribute:a =~ '{bad}'"));
        assert_eq!(
            (error.position, error.kind),
            (16, ParseErrorKind::Pattern(bad.to_owned()))
        );
    }
}

#[test]
fn p20_dates_versions_and_counts_have_their_own_order() {
    check(&[
        ("agentVersion < 1.100.0", true),
        ("agentVersion > 1.9", true),
        ("agentVersion == 1.18", true),
        ("agentVersion != v1.18.0", false),
        ("agentVersion > 1.18.0-rc.1", true),
        ("registeredAt > 2018-06-18", true),
        ("registeredAt == 2018-06-18T22:28:28", true),
        ("registeredAt <= 2018-06-18T22:28:28Z", true),
        ("registeredAt >= 2018-06-19T00:28:28+02:00", true),
        ("registeredAt < '2018-06-18T22:28:28+00:00'", false),
        ("registeredAt == 2018-06-18T22:28:28.25Z", true),
        ("runningTasksCount >= 3", true),
        ("runningTasksCount less_than_equal 2", false),
        ("runningTasksCount greater_than 2", true),
        ("runningTasksCount greater_than_equal 4", false),
    ]);
}

#[test]
fn p20_subjects_restrict_their_operators() {
    let refusals = [
        ("agentConnected > true", "agentConnected", ">"),
        ("agentConnected exists", "agentConnected", "exists"),
        ("ec2InstanceId < i-1", "ec2InstanceId", "<"),
        ("ec2InstanceId !exists", "ec2InstanceId", "!exists"),
        ("agentVersion =~ 1.*", "agentVersion", "=~"),
        ("agentVersion in [1.0]", "agentVersion", "in"),
        ("registeredAt not_in [2018-06-18]", "registeredAt", "not_in"),
        ("runningTasksCount matches 3", "runningTasksCount", "matches"),
    ];
    for (text, subject, operator) in refusals {
        assert_eq!(
            refused(text).kind,
            ParseErrorKind::Operator { subject, operator },
            "{text}"
        );
    }
}

#[test]
fn p20_agent_connected_is_true_or_false() {
    check(&[
        ("agentConnected==true", true),
        ("agentConnected != TRUE", false),
        ("agentConnected in [false]", false),
        ("agentConnected not_in [false]", true),
    ]);
    assert_eq!(
        refused("agentConnected == yes").kind,
        ParseErrorKind::Boolean("yes".to_owned())
    );
}

#[test]
fn p21_task_group_is_true_where_any_task_of_the_group_runs() {
    check(&[
        ("task:group == service:web", true),
        ("task:group == service:db", false),
        ("not(task:group == service:web)", false),
        ("not(task:group == service:db)", true),
        ("task:group != service:web", false),
        ("task:group =~ service:.*", true),
        ("task:group in [service:db, family:batch]", true),
        ("task:group exists", true),
    ]);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    check(&[
        ("attribute:no and attribute:no or attribute:stack", true),
        ("attribute:no and (attribute:no or attribute:stack)", false),
        ("attribute:stack || attribute:no && attribute:no", true),
        ("not attribute:stack or attribute:stack", true),
        ("!(attribute:stack or attribute:stack)", false),
        ("!!not not attribute:stack", true),
        ("((attribute:stack))", true),
    ]);
}

#[test]
fn p22_errors_say_what_and_where() {
    let table = [
        ("", "expected a subject, 'not' or '(' at character 1"),
        ("  attribute:a == ", "expected a value at character 18"),
        (
            "attribute:a == b c",
            "expected 'and', 'or' or the end of the expression at character 18",
        ),
        ("(attribute:a", "expected 'and', 'or' or ')' at character 13"),
        ("attribute:a in b", "expected '[' at character 16"),
        ("attribute:a in [b c]", "expected ',' or ']' at character 19"),
        ("attribute:a in []", "expected a value at character 17"),
        (
            "attribute:ä == 1",
            "an attribute's name has 1 to 128 letters, digits, '_', '-', '.', '/' or '\\', got '' at character 1",
        ),
        ("attribute:a == 'ä", "the quote is not closed at character 16"),
        (
            "attribute:a == 'ä' or x",
            "unknown subject 'x', expected agentConnected, agentVersion, attribute:<name>, ec2InstanceId, registeredAt, runningTasksCount or task:group at character 23",
        ),
        ("agentConnected", "expected an operator at character 15"),
        (
            "agentVersion == new",
            "'new' is not a version such as 1.82.0 at character 17",
        ),
        (
            "registeredAt > 18.6.2018",
            "'18.6.2018' is not a date such as 2018-06-18T22:28:28Z at character 16",
        ),
        (
            "runningTasksCount > 1.5",
            "'1.5' is not a whole number at character 21",
        ),
        ("attribute:a == \"b\"", "expected a value at character 16"),
    ];
    for (text, message) in table {
        assert_eq!(refused(text).to_string(), message, "{text}");
    }
}

#[test]
fn p22_an_expression_has_at_most_2000_characters() {
    let text = format!("attribute:a == '{}'", "ä".repeat(2000 - 17));
    assert!(Expression::parse(&text).is_ok());
    let error = refused(&format!("{text} "));
    assert_eq!((error.position, error.kind), (2001, ParseErrorKind::TooLong));
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    for (open, close) in [("(", ")"), ("!", ""), ("not ", ""), ("!(", ")")] {
        let levels = MAX_DEPTH / open.trim().replace("not", "!").len();
        let nested = |n: usize| format!("{}attribute:a{}", open.repeat(n), close.repeat(n));
        assert!(Expression::parse(&nested(levels)).is_ok(), "{open}");
        assert_eq!(
            refused(&nested(levels + 1)).kind,
            ParseErrorKind::TooDeep,
            "{open}"
        );
        assert_eq!(refused(&nested(400)).kind, ParseErrorKind::TooDeep, "{open}");
    }
}
