//! The settings as command-line flags.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use super::setting::{Kind, SETTINGS, Setting};

const CONFIG: &str = "config";

/// The flags in the order of the settings; clap takes texts that live for ever.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| SETTINGS.iter().map(Setting::flag).collect());

/// What was set on the command line. Flattened into each subcommand that takes settings.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Texts by the names of the settings.
    pub values: BTreeMap<&'static str, String>,
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Configuration file [default: <data-dir>/berth.toml, else /etc/berth/berth.toml]")
            .help_heading("Settings");
        let settings = SETTINGS.iter().zip(NAMES.iter());
        settings
            .filter(|(setting, _)| bearer(setting).name == setting.name)
            .map(|(setting, flag)| argument(setting, flag))
            .fold(command.arg(config), Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(path) = matches.get_one::<PathBuf>(CONFIG) {
            self.config = Some(path.clone());
        }
        for setting in SETTINGS {
            if let Some(texts) = matches.get_many::<String>(bearer(setting).name) {
                let text = texts.map(String::as_str).collect::<Vec<_>>().join(",");
                self.values.insert(setting.name, text);
            }
        }
        Ok(())
    }
}

/// The setting that the flag of `setting` is an argument of: the first of those that share it.
fn bearer(setting: &'static Setting) -> &'static Setting {
    let flag = setting.flag();
    SETTINGS
        .iter()
        .find(|other| other.flag() == flag)
        .unwrap_or(setting)
}

fn argument(setting: &'static Setting, flag: &'static str) -> Arg {
    let help = match setting.default {
        Some(default) if setting.kind != Kind::Switch => {
            format!("{} [default: {default}]", setting.about)
        }
        _ => setting.about.to_owned(),
    };
    let variables = [Some(setting.env()), setting.also_env.map(str::to_owned)];
    let variables = variables.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let argument = Arg::new(setting.name)
        .long(flag)
        .help(format!("{help} [env: {variables}]"))
        .help_heading(setting.heading());
    match setting.kind {
        Kind::Text(word) => argument.value_name(word).action(ArgAction::Set),
        Kind::List(word) => argument.value_name(word).action(ArgAction::Append),
        Kind::Map => argument.value_name("NAME=VALUE").action(ArgAction::Append),
        Kind::Switch => argument
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .action(ArgAction::Set),
    }
}
