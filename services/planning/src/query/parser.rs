//! From text to tree, by recursive descent:
//!
//! ```text
//! any     := all ( ("||" | "or") all )*
//! all     := operand ( ("&&" | "and") operand )*
//! operand := ("!" | "not") operand | "(" any ")" | test
//! test    := subject operator value? | "attribute:" name
//! ```

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::ast::{Node, Order, Test, TextTest};
use super::cursor::Cursor;
use super::error::{ParseError, ParseErrorKind};
use super::pattern::Pattern;
use super::version::Version;
use super::{MAX_DEPTH, MAX_LENGTH};

pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    if text.chars().nth(MAX_LENGTH).is_some() {
        return Err(ParseError {
            position: MAX_LENGTH + 1,
            kind: ParseErrorKind::TooLong,
        });
    }
    let mut parser = Parser {
        cursor: Cursor::new(text),
    };
    let root = parser.any(0)?;
    if !parser.cursor.is_at_end() {
        return parser.expected("'and', 'or' or the end of the expression");
    }
    Ok(root)
}

struct Parser<'a> {
    cursor: Cursor<'a>,
}

/// What is tested. Each takes its own operators and operands (P-20).
#[derive(Clone, Copy)]
enum Subject<'a> {
    AgentConnected,
    AgentVersion,
    Attribute(&'a str),
    Ec2InstanceId,
    RegisteredAt,
    RunningTasksCount,
    TaskGroup,
}

#[derive(Clone, Copy)]
enum Operator {
    Exists,
    In,
    Matches,
    Ordered(Order),
}

impl Subject<'_> {
    const fn name(self) -> &'static str {
        match self {
            Subject::AgentConnected => "agentConnected",
            Subject::AgentVersion => "agentVersion",
            Subject::Attribute(_) => "attribute",
            Subject::Ec2InstanceId => "ec2InstanceId",
            Subject::RegisteredAt => "registeredAt",
            Subject::RunningTasksCount => "runningTasksCount",
            Subject::TaskGroup => "task:group",
        }
    }
}

impl<'a> Parser<'a> {
    fn expected<T>(&mut self, what: &'static str) -> Result<T, ParseError> {
        self.cursor.error(ParseErrorKind::Expected(what))
    }

    fn any(&mut self, depth: usize) -> Result<Node, ParseError> {
        let mut nodes = vec![self.all(depth)?];
        while self.cursor.take_sign("||") || self.cursor.take_word("or") {
            nodes.push(self.all(depth)?);
        }
        Ok(Node::any(nodes))
    }

    fn all(&mut self, depth: usize) -> Result<Node, ParseError> {
        let mut nodes = vec![self.operand(depth)?];
        while self.cursor.take_sign("&&") || self.cursor.take_word("and") {
            nodes.push(self.operand(depth)?);
        }
        Ok(Node::all(nodes))
    }

    fn operand(&mut self, depth: usize) -> Result<Node, ParseError> {
        if depth > MAX_DEPTH {
            return self.cursor.error(ParseErrorKind::TooDeep);
        }
        if self.cursor.take_sign("!") || self.cursor.take_word("not") {
            return self.operand(depth + 1).map(Node::negated);
        }
        if self.cursor.take_sign("(") {
            let inner = self.any(depth + 1)?;
            if !self.cursor.take_sign(")") {
                return self.expected("'and', 'or' or ')'");
            }
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Node, ParseError> {
        let subject = self.subject()?;
        let mark = self.cursor.mark();
        let Some((name, operator, negated)) = self.operator() else {
            return match subject {
                Subject::Attribute(name) => {
                    Ok(Node::Test(Test::Attribute(name.to_owned(), TextTest::Exists)))
                }
                _ => self.expected("an operator"),
            };
        };
        use Operator::{In, Matches, Ordered};
        let test = match (subject, operator) {
            (Subject::Attribute(name), _) => Test::Attribute(name.to_owned(), self.text(operator)?),
            (Subject::TaskGroup, _) => Test::TaskGroup(self.text(operator)?),
            (Subject::Ec2InstanceId, In | Matches | Ordered(Order::Equal)) => {
                Test::Ec2InstanceId(self.text(operator)?)
            }
            (Subject::AgentConnected, Matches) => Test::AgentConnected(self.text(operator)?),
            (Subject::AgentConnected, In | Ordered(Order::Equal)) => {
                Test::AgentConnected(self.booleans(operator)?)
            }
            (Subject::AgentVersion, Ordered(order)) => {
                Test::AgentVersion(order, self.typed(Version::parse, ParseErrorKind::Version)?)
            }
            (Subject::RegisteredAt, Ordered(order)) => {
                Test::RegisteredAt(order, self.typed(date, ParseErrorKind::Date)?)
            }
            (Subject::RunningTasksCount, Ordered(order)) => Test::RunningTasksCount(
                order,
                self.typed(|text| text.parse().ok(), ParseErrorKind::Number)?,
            ),
            _ => {
                let refusal = ParseErrorKind::Operator {
                    subject: subject.name(),
                    operator: name,
                };
                return self.cursor.error_at(mark, refusal);
            }
        };
        let test = Node::Test(test);
        Ok(if negated { test.negated() } else { test })
    }

    fn subject(&mut self) -> Result<Subject<'a>, ParseError> {
        let mark = self.cursor.mark();
        let word = self.cursor.word();
        if let Some(name) = word.strip_prefix("attribute:") {
            let fits = (1..=128).contains(&name.len()) && !name.contains(':');
            return match fits {
                true => Ok(Subject::Attribute(name)),
                false => self
                    .cursor
                    .error_at(mark, ParseErrorKind::AttributeName(name.to_owned())),
            };
        }
        match word {
            "agentConnected" => Ok(Subject::AgentConnected),
            "agentVersion" => Ok(Subject::AgentVersion),
            "ec2InstanceId" => Ok(Subject::Ec2InstanceId),
            "registeredAt" => Ok(Subject::RegisteredAt),
            "runningTasksCount" => Ok(Subject::RunningTasksCount),
            "task:group" => Ok(Subject::TaskGroup),
            "" => self
                .cursor
                .error_at(mark, ParseErrorKind::Expected("a subject, 'not' or '('")),
            other => self
                .cursor
                .error_at(mark, ParseErrorKind::UnknownSubject(other.to_owned())),
        }
    }

    /// The operator ahead: its name, what it tests, and whether it asks for the opposite.
    fn operator(&mut self) -> Option<(&'static str, Operator, bool)> {
        use Operator::{Exists, In, Matches, Ordered};
        const SIGNS: [(&str, Operator, bool); 8] = [
            ("==", Ordered(Order::Equal), false),
            ("!=", Ordered(Order::Equal), true),
            (">=", Ordered(Order::GreaterOrEqual), false),
            ("<=", Ordered(Order::LessOrEqual), false),
            ("=~", Matches, false),
            ("!~", Matches, true),
            (">", Ordered(Order::Greater), false),
            ("<", Ordered(Order::Less), false),
        ];
        const WORDS: [(&str, Operator, bool); 12] = [
            ("equals", Ordered(Order::Equal), false),
            ("not_equals", Ordered(Order::Equal), true),
            ("greater_than", Ordered(Order::Greater), false),
            ("greater_than_equal", Ordered(Order::GreaterOrEqual), false),
            ("less_than", Ordered(Order::Less), false),
            ("less_than_equal", Ordered(Order::LessOrEqual), false),
            ("matches", Matches, false),
            ("not_matches", Matches, true),
            ("exists", Exists, false),
            ("not_exists", Exists, true),
            ("in", In, false),
            ("not_in", In, true),
        ];
        let cursor = &mut self.cursor;
        if let Some(found) = SIGNS.into_iter().find(|(sign, ..)| cursor.take_sign(sign)) {
            return Some(found);
        }
        if let Some(found) = WORDS.into_iter().find(|(word, ..)| cursor.take_word(word)) {
            return Some(found);
        }
        if cursor.take_negated("exists") {
            return Some(("!exists", Exists, true));
        }
        cursor.take_negated("in").then_some(("!in", In, true))
    }

    /// The operand of a test of text.
    fn text(&mut self, operator: Operator) -> Result<TextTest, ParseError> {
        Ok(match operator {
            Operator::Exists => TextTest::Exists,
            Operator::In => TextTest::In(
                self.list()?
                    .into_iter()
                    .map(|(_, value)| value.to_owned())
                    .collect(),
            ),
            Operator::Matches => {
                let mark = self.cursor.mark();
                let text = self.cursor.pattern()?;
                match Pattern::compile(text) {
                    Some(pattern) => TextTest::Matches(pattern),
                    None => {
                        return self
                            .cursor
                            .error_at(mark, ParseErrorKind::Pattern(text.to_owned()));
                    }
                }
            }
            Operator::Ordered(Order::Equal) => TextTest::Equals(self.cursor.value()?.to_owned()),
            Operator::Ordered(order) => TextTest::Ordered(order, self.cursor.value()?.to_owned()),
        })
    }

    /// The operand of `==` or `in` on agentConnected.
    fn booleans(&mut self, operator: Operator) -> Result<TextTest, ParseError> {
        let is_list = matches!(operator, Operator::In);
        let values = match is_list {
            true => self.list()?,
            false => vec![(self.cursor.mark(), self.cursor.value()?)],
        };
        let mut words = Vec::with_capacity(values.len());
        for (mark, value) in values {
            match value.to_ascii_lowercase() {
                word if word == "true" || word == "false" => words.push(word),
                _ => {
                    return self
                        .cursor
                        .error_at(mark, ParseErrorKind::Boolean(value.to_owned()));
                }
            }
        }
        Ok(match is_list {
            true => TextTest::In(words),
            false => TextTest::Equals(words.remove(0)),
        })
    }

    /// A list of at least one value, each with where it stands.
    fn list(&mut self) -> Result<Vec<(usize, &'a str)>, ParseError> {
        if !self.cursor.take_sign("[") {
            return self.expected("'['");
        }
        let mut values = Vec::new();
        loop {
            values.push((self.cursor.mark(), self.cursor.value()?));
            if self.cursor.take_sign("]") {
                return Ok(values);
            }
            if !self.cursor.take_sign(",") {
                return self.expected("',' or ']'");
            }
        }
    }

    fn typed<T>(
        &mut self,
        read: impl Fn(&str) -> Option<T>,
        refusal: fn(String) -> ParseErrorKind,
    ) -> Result<T, ParseError> {
        let mark = self.cursor.mark();
        let text = self.cursor.value()?;
        match read(text) {
            Some(value) => Ok(value),
            None => self.cursor.error_at(mark, refusal(text.to_owned())),
        }
    }
}

/// A date in one of the four forms of P-20; UTC where it names no offset.
fn date(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    if let Ok(instant) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        return Some(instant.and_utc());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}
