//! Which rules can match at all, by host and first segment of the path, so that a thousand rules cost little more than one.

use std::borrow::Cow;
use std::collections::HashMap;

use super::RequestFacts;
use super::condition::Test;

/// Places of rules, each list ascending.
#[derive(Debug, Default)]
pub(super) struct Index {
    hosts: HashMap<Box<str>, Paths>,
    any_host: Paths,
}

#[derive(Debug, Default)]
struct Paths {
    first_segments: HashMap<Box<str>, Vec<usize>>,
    any: Vec<usize>,
}

impl Index {
    pub(super) fn new(rules: &[Vec<Test>]) -> Self {
        let mut index = Self::default();
        for (place, tests) in rules.iter().enumerate() {
            let segments = tests.iter().find_map(first_segments);
            match tests.iter().find_map(hosts) {
                None => index.any_host.add(place, segments.as_deref()),
                Some(hosts) => {
                    for host in hosts {
                        index
                            .hosts
                            .entry(host)
                            .or_default()
                            .add(place, segments.as_deref());
                    }
                }
            }
        }
        index
    }

    /// Places of the rules that may match, ascending.
    pub(super) fn candidates(&self, request: &RequestFacts<'_>) -> Candidates<'_> {
        let segment = first_segment(request.path).unwrap_or_default();
        let host = match request.host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(request.host.to_ascii_lowercase()),
            false => Cow::Borrowed(request.host),
        };
        let [of_segment, of_any] = self.any_host.lists(segment);
        let [host_segment, host_any] = match self.hosts.is_empty() {
            true => [&[][..], &[]],
            false => self
                .hosts
                .get(host.as_ref())
                .map_or([&[][..], &[]], |paths| paths.lists(segment)),
        };
        Candidates {
            lists: [of_segment, of_any, host_segment, host_any],
        }
    }
}

impl Paths {
    fn add(&mut self, place: usize, segments: Option<&[Box<str>]>) {
        let Some(segments) = segments else {
            return self.any.push(place);
        };
        for segment in segments {
            let places = self.first_segments.entry(segment.clone()).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }

    fn lists(&self, segment: &str) -> [&[usize]; 2] {
        let places = self.first_segments.get(segment).map_or(&[][..], Vec::as_slice);
        [places, &self.any]
    }
}

/// Merges ascending lists; a place stands in one of them only.
pub(super) struct Candidates<'a> {
    lists: [&'a [usize]; 4],
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next = self
            .lists
            .iter_mut()
            .filter(|list| !list.is_empty())
            .min_by_key(|list| list[0])?;
        let (first, rest) = next.split_first()?;
        *next = rest;
        Some(*first)
    }
}

/// The hosts of a test that names hosts without wildcards only.
fn hosts(test: &Test) -> Option<Vec<Box<str>>> {
    match test {
        Test::Host(texts) if !texts.by_regex => {
            let mut hosts: Vec<Box<str>> = texts
                .wildcards
                .iter()
                .map(|value| value.literal().map(Into::into))
                .collect::<Option<_>>()?;
            hosts.sort();
            hosts.dedup();
            Some(hosts)
        }
        _ => None,
    }
}

/// First segments of a test all of whose paths begin with a whole literal segment.
fn first_segments(test: &Test) -> Option<Vec<Box<str>>> {
    match test {
        Test::Path(texts) if !texts.by_regex => texts
            .wildcards
            .iter()
            .map(|value| {
                let prefix = value.literal_prefix();
                let whole =
                    value.literal().is_some() || prefix.get(1..).is_some_and(|rest| rest.contains('/'));
                first_segment(&prefix).filter(|_| whole).map(Into::into)
            })
            .collect(),
        _ => None,
    }
}

/// `/api/users` → `api`.
fn first_segment(path: &str) -> Option<&str> {
    path.strip_prefix('/')
        .map(|rest| rest.split('/').next().unwrap_or_default())
}
