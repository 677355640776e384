//! What a simulated container does.

use crate::container::{ExecOutput, HealthState};
use crate::image::repository_of;
use crate::model::ContainerCreateBody;
use std::time::Duration;

/// A call that may be slow and may fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// How long it takes.
    pub delay: Duration,
    /// Why it fails; absent: it does not.
    pub failure: Option<String>,
}

/// How long a container runs by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Life {
    /// Until it is stopped.
    #[default]
    Forever,
    /// Its process ends.
    Exits {
        /// Since its start.
        after: Duration,
        /// Exit code.
        code: i64,
    },
    /// The kernel kills it for memory.
    OutOfMemory {
        /// Since its start.
        after: Duration,
    },
}

/// What its health check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Since its start.
    pub after: Duration,
    /// What.
    pub state: HealthState,
}

/// What it does when it gets its stop signal, SIGTERM, SIGINT or SIGQUIT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnSignal {
    /// Ends at once with 128 + signal.
    #[default]
    Dies,
    /// Cleans up and ends.
    Exits {
        /// Since the signal.
        after: Duration,
        /// Exit code.
        code: i64,
    },
    /// Goes on; only SIGKILL ends it.
    Ignores,
}

/// What a simulated image or container does. The default pulls, starts and turns healthy at once and runs until
/// it is stopped.
///
/// Images below `fake/` carry their script in the name, with durations such as `500ms`, `2s` or `2` (seconds):
///
/// | image | what it does |
/// | --- | --- |
/// | `fake/exit:3` | exits at once |
/// | `fake/run-then-exit:2s-1` | exits after 2 s with 1 |
/// | `fake/oom:1s` | is killed for memory after 1 s |
/// | `fake/pull-fails`, `fake/create-fails`, `fake/start-fails` | fails at that step |
/// | `fake/pull-slow:5s`, `fake/create-slow:5s`, `fake/start-slow:5s` | takes long for that step |
/// | `fake/private` | is pulled with credentials only |
/// | `fake/healthy-after:2`, `fake/unhealthy:2`, `fake/never-healthy` | verdict of its health check |
/// | `fake/ignore-term` | ends by SIGKILL only |
/// | `fake/graceful:1s` | ends 1 s after SIGTERM, with 0 |
/// | `fake/stopsignal:SIGQUIT` | an image with `STOPSIGNAL SIGQUIT` |
///
/// The same words, without `fake/`, may stand in the variable `FAKE_SCRIPT` or the label `fake.script`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its pull.
    pub pull: Step,
    /// Whether a pull without credentials is refused.
    pub private: bool,
    /// Its create.
    pub create: Step,
    /// Its start.
    pub start: Step,
    /// How long it runs.
    pub life: Life,
    /// Verdict of its health check, if it is given one; absent: stays `starting`.
    pub health: Option<Verdict>,
    /// What it does on signals.
    pub on_signal: OnSignal,
    /// The image's `STOPSIGNAL`.
    pub stop_signal: Option<String>,
    /// What commands inside it come to.
    pub exec: ExecOutput,
    /// How long commands inside it take.
    pub exec_delay: Duration,
    /// What it writes at its start.
    pub logs: Vec<String>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            pull: Step::default(),
            private: false,
            create: Step::default(),
            start: Step::default(),
            life: Life::Forever,
            health: Some(Verdict {
                after: Duration::ZERO,
                state: HealthState::Healthy,
            }),
            on_signal: OnSignal::Dies,
            stop_signal: None,
            exec: ExecOutput::default(),
            exec_delay: Duration::ZERO,
            logs: Vec::new(),
        }
    }
}

impl Script {
    /// The script in the name of an image; the default for images of other names.
    pub fn of_image(reference: &str) -> Self {
        let repository = repository_of(reference);
        let Some((_, word)) = repository.rsplit_once('/').filter(|(path, _)| is_fake(path)) else {
            return Self::default();
        };
        let tag = reference
            .strip_prefix(repository)
            .and_then(|rest| rest.strip_prefix(':'));
        Self::from_words(word, tag)
    }

    /// The script that a container itself names, if it does.
    pub(super) fn of_container(body: &ContainerCreateBody) -> Option<Self> {
        let label = body
            .labels
            .as_ref()
            .and_then(|labels| labels.get("fake.script"))
            .map(String::as_str);
        let words = label.or_else(|| {
            body.env
                .iter()
                .flatten()
                .find_map(|variable| variable.strip_prefix("FAKE_SCRIPT="))
        })?;
        let (word, argument) = words
            .split_once(':')
            .map_or((words, None), |(word, rest)| (word, Some(rest)));
        Some(Self::from_words(word, argument))
    }

    fn from_words(word: &str, argument: Option<&str>) -> Self {
        let after = argument.and_then(duration).unwrap_or_default();
        let fails = |what: &str| Step {
            failure: Some(format!("{what} fails by script")),
            ..Step::default()
        };
        let slow = Step {
            delay: after,
            failure: None,
        };
        let verdict = |state| Some(Verdict { after, state });
        let default = Self::default();
        match word {
            "exit" => Self {
                life: exits(Duration::ZERO, argument),
                ..default
            },
            "run-then-exit" => {
                let (after, code) = argument.map_or((None, None), |text| match text.split_once('-') {
                    Some((after, code)) => (duration(after), Some(code)),
                    None => (duration(text), None),
                });
                Self {
                    life: exits(after.unwrap_or_default(), code),
                    ..default
                }
            }
            "oom" => Self {
                life: Life::OutOfMemory { after },
                ..default
            },
            "pull-fails" => Self {
                pull: fails("pull"),
                ..default
            },
            "pull-slow" => Self {
                pull: slow,
                ..default
            },
            "private" => Self {
                private: true,
                ..default
            },
            "create-fails" => Self {
                create: fails("create"),
                ..default
            },
            "create-slow" => Self {
                create: slow,
                ..default
            },
            "start-fails" => Self {
                start: fails("start"),
                ..default
            },
            "start-slow" => Self {
                start: slow,
                ..default
            },
            "healthy-after" => Self {
                health: verdict(HealthState::Healthy),
                ..default
            },
            "unhealthy" => Self {
                health: verdict(HealthState::Unhealthy),
                exec: ExecOutput {
                    exit_code: 1,
                    output: "unhealthy by script".to_owned(),
                },
                ..default
            },
            "never-healthy" => Self {
                health: None,
                ..default
            },
            "ignore-term" => Self {
                on_signal: OnSignal::Ignores,
                ..default
            },
            "graceful" => Self {
                on_signal: OnSignal::Exits { after, code: 0 },
                ..default
            },
            "stopsignal" => Self {
                stop_signal: argument.map(str::to_owned),
                ..default
            },
            _ => default,
        }
    }
}

fn is_fake(path: &str) -> bool {
    path == "fake" || path.ends_with("/fake")
}

fn exits(after: Duration, code: Option<&str>) -> Life {
    Life::Exits {
        after,
        code: code.and_then(|code| code.parse().ok()).unwrap_or_default(),
    }
}

/// `500ms`, `2s`, `1m` or `2` (seconds).
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" | "" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number * 60)),
        _ => None,
    }
}

/// Number of a signal by name (with or without `SIG`) or by number; SIGTERM if it is none.
pub(super) fn signal_number(signal: &str) -> i64 {
    let name = signal.strip_prefix("SIG").unwrap_or(signal);
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        _ => name.parse().unwrap_or(15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_carry_scripts() {
        let life = |image: &str| Script::of_image(image).life;
        let exits = |millis, code| Life::Exits {
            after: Duration::from_millis(millis),
            code,
        };
        assert_eq!(life("fake/exit:3"), exits(0, 3));
        assert_eq!(life("localhost:5000/fake/run-then-exit:500ms-7"), exits(500, 7));
        assert_eq!(life("fake/run-then-exit:2"), exits(2000, 0));
        assert_eq!(
            life("fake/oom:1m"),
            Life::OutOfMemory {
                after: Duration::from_secs(60)
            }
        );
        assert_eq!(Script::of_image("nginx:1.27"), Script::default());
        assert_eq!(Script::of_image("notfake/exit:3"), Script::default());
        assert_eq!(
            Script::of_image("fake/stopsignal:SIGQUIT").stop_signal.as_deref(),
            Some("SIGQUIT")
        );
    }

    #[test]
    fn a_container_may_name_its_own_script() {
        let body = ContainerCreateBody {
            env: Some(vec!["FAKE_SCRIPT=exit:4".into()]),
            ..Default::default()
        };
        let script = Script::of_container(&body).unwrap_or_default();
        assert_eq!(
            script.life,
            Life::Exits {
                after: Duration::ZERO,
                code: 4
            }
        );
        assert_eq!(Script::of_container(&ContainerCreateBody::default()), None);
    }
}
