//! Log lines on stderr, chosen by a filter text (`BERTH_LOG`), for people or as one JSON object a line.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

/// The environment variable that holds the filter text.
pub const FILTER_VARIABLE: &str = "BERTH_LOG";

/// What is logged when nothing is said: our own steps, and other libraries' warnings.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,bollard=warn";

/// Who reads the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line an event, coloured on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    #[error("'{filter}' is not a log filter such as info,store=debug")]
    Filter {
        filter: String,
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("logging was set up before")]
    Twice(#[source] TryInitError),
}

/// A word that is not the name of a log format.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a log format is human or json, not '{0}'")]
pub struct UnknownFormat(String);

impl FromStr for LogFormat {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}

/// Checks a filter text without using it.
///
/// # Errors
/// [`LoggingError::Filter`] when it cannot be read.
pub fn parse_filter(filter: &str) -> Result<EnvFilter, LoggingError> {
    EnvFilter::try_new(filter).map_err(|source| LoggingError::Filter {
        filter: filter.to_owned(),
        source,
    })
}

/// Sends this process's log to stderr. To be called once, by the binary.
///
/// # Errors
/// When the filter cannot be read, or logging was set up before.
pub fn init(filter: &str, format: LogFormat) -> Result<(), LoggingError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse_filter(filter)?)
        .with_writer(std::io::stderr)
        .with_target(true);
    match format {
        LogFormat::Human => builder
            .with_ansi(std::io::stderr().is_terminal())
            .finish()
            .try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .finish()
            .try_init(),
    }
    .map_err(LoggingError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_and_written_by_name() {
        for format in [LogFormat::Human, LogFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }

    #[test]
    fn a_bad_filter_is_refused_with_its_text() {
        assert!(parse_filter(DEFAULT_FILTER).is_ok());
        let error = parse_filter("store=loud").expect_err("no such level");
        assert_eq!(
            error.to_string(),
            "'store=loud' is not a log filter such as info,store=debug"
        );
    }
}
