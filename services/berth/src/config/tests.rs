#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    flags: Flags,
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("berth-config-{}", Random::from_os().hex32()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn surroundings(folder: &Folder, variables: &[(&str, &str)]) -> Surroundings {
    let home = [("HOME", folder.0.to_str().unwrap())];
    Surroundings {
        variables: home
            .iter()
            .chain(variables)
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        root: false,
        machine_file: folder.0.join("etc/berth.toml"),
    }
}

fn load_in(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let flags = CommandLine::try_parse_from([&["berth"], arguments].concat())
        .unwrap()
        .flags;
    Config::load(&flags, &surroundings(folder, variables))
}

fn load(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load_in(&Folder::new(), arguments, variables)
}

fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    load(arguments, variables).unwrap_err().to_string()
}

#[test]
fn nothing_has_to_be_set() {
    let folder = Folder::new();
    let config = load_in(&folder, &[], &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8400");
    assert_eq!(config.advertise_url, "http://127.0.0.1:8400");
    assert_eq!(config.account_id.as_str(), "000000000000");
    assert_eq!((config.region.as_str(), &config.regions), ("us-east-1", &None));
    assert_eq!(config.data_dir, folder.0.join(".local/share/berth"));
    assert!(config.database_url.is_none() && config.given_key_pair.is_none());
    assert!(!config.no_agent && !config.allow_reset);
    let times = [
        config.host_loss_after,
        config.service_healthy_after,
        config.stopped_task_retention,
    ];
    assert_eq!(times.map(|time| time.as_secs()), [10, 40, 7 * 24 * 60 * 60]);
    assert_eq!(
        (
            config.agent.cluster.as_str(),
            config.agent.availability_zone.as_str()
        ),
        ("default", "us-east-1a")
    );
    assert_eq!(config.agent.docker_host, "unix:///var/run/docker.sock");
}

#[test]
fn root_keeps_its_data_under_var_lib() {
    let surroundings = Surroundings {
        root: true,
        ..surroundings(&Folder::new(), &[])
    };
    let config = Config::load(&Flags::default(), &surroundings).unwrap();
    assert_eq!(config.data_dir, Path::new("/var/lib/berth"));
}

#[test]
fn a_flag_counts_before_the_environment_before_the_file_before_the_default() {
    let folder = Folder::new();
    let file = folder.file(
        "some.toml",
        "region = 'file-1'\naccount_id = '111111111111'\nlisten = '127.0.0.1:1'\n",
    );
    let variables = [
        ("BERTH_CONFIG", file.to_str().unwrap()),
        ("BERTH_REGION", "env-1"),
        ("BERTH_LISTEN", "127.0.0.1:2"),
    ];
    let config = load_in(&folder, &["--listen", "127.0.0.1:3"], &variables).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.region.as_str(), "env-1");
    assert_eq!(config.account_id.as_str(), "111111111111");
    let table = config.table();
    let row = |name: &str| {
        let row = table
            .lines()
            .find(|line| line.split(' ').next() == Some(name))
            .unwrap();
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("listen"), ["listen", "127.0.0.1:3", "--listen"]);
    assert_eq!(row("region"), ["region", "env-1", "BERTH_REGION"]);
    assert_eq!(
        row("account_id"),
        ["account_id", "111111111111", file.to_str().unwrap()]
    );
    assert_eq!(
        row("advertise_url"),
        ["advertise_url", "http://127.0.0.1:3", "default"]
    );
}

#[test]
fn the_file_is_the_named_one_else_the_data_folders_else_the_machines() {
    let folder = Folder::new();
    let region = |arguments: &[&str]| load_in(&folder, arguments, &[]).unwrap().region.to_string();
    let data = folder.0.join("data");
    let data_flag = ["--data-dir", data.to_str().unwrap()];
    folder.file("etc/berth.toml", "region = 'machine-1'");
    assert_eq!(region(&data_flag), "machine-1");
    folder.file("data/berth.toml", "region = 'data-1'");
    assert_eq!(region(&data_flag), "data-1");
    let named = folder.file("named.toml", "region = 'named-1'");
    assert_eq!(
        region(&[&data_flag[..], &["--config", named.to_str().unwrap()]].concat()),
        "named-1"
    );
    let missing = load_in(&folder, &["--config", "/nowhere/berth.toml"], &[]).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/berth.toml"), "{missing}");
}

#[test]
fn the_machines_file_may_move_the_data_folder() {
    let folder = Folder::new();
    folder.file("etc/berth.toml", "data_dir = '/srv/berth'");
    assert_eq!(
        load_in(&folder, &[], &[]).unwrap().data_dir,
        Path::new("/srv/berth")
    );
}

#[test]
fn switches_lists_and_maps_are_written_in_many_ways() {
    let config = load(
        &[
            "--no-agent",
            "--allow-reset=false",
            "--regions",
            "us-east-1,eu-west-1",
            "--regions",
            "local-1",
        ],
        &[
            ("BERTH_AGENT_ATTRIBUTES", "rack=a1,tier=web"),
            ("BERTH_ALLOW_RESET", "1"),
        ],
    )
    .unwrap();
    assert!(config.no_agent && !config.allow_reset);
    assert_eq!(config.regions.unwrap().len(), 3);
    assert_eq!(config.agent.attributes["tier"], "web");
    let flags = load(&["--attributes", "a=1", "--attributes", "b=2"], &[]).unwrap();
    assert_eq!(flags.agent.attributes.len(), 2);
}

#[test]
fn the_database_may_be_named_as_everywhere_else() {
    let url = "postgres://berth:secret@db/berth";
    assert_eq!(
        load(&[], &[("DATABASE_URL", url)])
            .unwrap()
            .database_url
            .as_deref(),
        Some(url)
    );
    let both = load(
        &[],
        &[("DATABASE_URL", url), ("BERTH_DATABASE_URL", "postgres://other")],
    )
    .unwrap();
    assert_eq!(both.database_url.as_deref(), Some("postgres://other"));
    assert_eq!(load(&[], &[("DATABASE_URL", "")]).unwrap().database_url, None);
}

#[test]
fn a_wrong_value_is_named_with_its_source() {
    assert_eq!(
        refusal(&["--listen", "8400"], &[]),
        "listen (from --listen): invalid socket address syntax"
    );
    let account = refusal(&[], &[("BERTH_ACCOUNT_ID", "12")]);
    assert_eq!(
        account,
        "account_id (from BERTH_ACCOUNT_ID): an account id has 12 digits, got '12'"
    );
    let table = [
        ("BERTH_REGION", "nowhere"),
        ("BERTH_REGIONS", "us-east-1,x"),
        ("BERTH_HOST_LOSS_AFTER", "0s"),
        ("BERTH_LOG", "store=loud"),
        ("BERTH_LOG_FORMAT", "xml"),
        ("BERTH_MASTER_KEY", "short"),
        ("BERTH_ADVERTISE_URL", "berth.local"),
        ("BERTH_AGENT_IMAGE_PULL_BEHAVIOR", "never"),
        ("BERTH_AGENT_RESERVED_MEMORY", "-1"),
        ("BERTH_AGENT_ATTRIBUTES", "rack"),
        ("BERTH_NO_AGENT", "perhaps"),
    ];
    for (variable, text) in table {
        let message = refusal(&[], &[(variable, text)]);
        assert!(message.contains(&format!("(from {variable}): ")), "{message}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    assert!(refusal(&["--access-key-id", "test"], &[]).contains("given together"));
    assert!(refusal(&["--regions", "eu-west-1"], &[]).contains("region us-east-1 is not among"));
}

#[test]
fn secrets_are_masked_wherever_the_configuration_is_shown() {
    let master_key = hex::encode([0xab; 32]);
    let variables = [
        ("BERTH_ACCESS_KEY_ID", "AKIDSHOWN"),
        ("BERTH_SECRET_ACCESS_KEY", "hidden-secret"),
        ("BERTH_MASTER_KEY", master_key.as_str()),
        ("DATABASE_URL", "postgres://berth:hidden-password@db/berth"),
    ];
    let table = load(&[], &variables).unwrap().table();
    assert!(
        table.contains("AKIDSHOWN") && table.contains("postgres://berth:***@db/berth"),
        "{table}"
    );
    assert!(
        !table.contains("hidden") && !table.contains(&master_key),
        "{table}"
    );
}

#[test]
fn the_first_key_pair_is_made_once_and_kept_private() {
    let folder = Folder::new();
    let config = load_in(&folder, &[], &[]).unwrap();
    assert!(config.existing_key_pair().unwrap().is_none());
    assert!(config.table().contains("(made at the first start)"));
    config.create_data_dir().unwrap();
    config.create_data_dir().unwrap();
    let pair = config.key_pair(&Random::from_os()).unwrap();
    assert_eq!(config.key_pair(&Random::from_os()).unwrap(), pair);
    assert_eq!(config.existing_key_pair().unwrap().unwrap(), pair);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&config.credentials_file()), mode(&config.data_dir)),
        (0o600, 0o711)
    );
    let table = config.table();
    assert!(
        table.contains(&pair.access_key_id) && !table.contains(pair.secret.expose()),
        "{table}"
    );
}

#[test]
fn given_keys_count_before_kept_ones() {
    let arguments = ["--access-key-id", "test", "--secret-access-key", "test"];
    let config = load(&arguments, &[]).unwrap();
    let pair = config.key_pair(&Random::from_os()).unwrap();
    assert_eq!(
        (pair.access_key_id.as_str(), pair.secret.expose()),
        ("test", "test")
    );
    assert!(!config.credentials_file().exists());
}

#[test]
fn the_master_key_is_made_once() {
    let folder = Folder::new();
    let config = load_in(&folder, &[], &[]).unwrap();
    config.create_data_dir().unwrap();
    let seal = |config: &Config| {
        auth::Vault::new(&config.master_key(&Random::from_os()).unwrap(), Random::from_os())
    };
    let sealed = seal(&config).seal("AKID", &Secret::new("s"));
    assert!(seal(&config).open("AKID", &sealed).is_ok());
}

#[test]
fn an_open_address_is_advertised_as_this_machine() {
    let url = |listen: &str| load(&["--listen", listen], &[]).unwrap().advertise_url;
    assert_eq!(url("0.0.0.0:8400"), "http://127.0.0.1:8400");
    assert_eq!(url("[::]:80"), "http://127.0.0.1:80");
    assert_eq!(url("10.0.0.5:8400"), "http://10.0.0.5:8400");
}

#[test]
fn every_setting_has_a_flag_and_only_the_server_is_shared() {
    use clap::CommandFactory;
    CommandLine::command().debug_assert();
    let flags: BTreeSet<String> = setting::SETTINGS.iter().map(setting::Setting::flag).collect();
    assert_eq!(flags.len(), setting::SETTINGS.len() - 1);
    let config = load(&["--server", "http://10.0.0.5:8400"], &[]).unwrap();
    let joined = Some("http://10.0.0.5:8400");
    assert_eq!(
        (config.agent.server.as_deref(), config.proxy.server.as_deref()),
        (joined, joined)
    );
}

#[test]
fn a_proxy_has_a_block_of_addresses_and_keeps_its_state_under_the_data_folder() {
    let folder = Folder::new();
    let config = load_in(&folder, &[], &[]).unwrap();
    let addresses =
        |config: &Config| -> Vec<String> { config.proxy.addresses.iter().map(ToString::to_string).collect() };
    assert_eq!(addresses(&config), ["127.0.64.0/20"]);
    assert_eq!(config.proxy.state_dir, config.data_dir.join("proxy"));
    assert_eq!(config.proxy.log_dir, config.data_dir.join("proxy/logs"));
    let file = folder.file(
        "proxy.toml",
        "[proxy]\naddresses = ['10.0.0.5', '10.1.0.0/24']\nbalancers = 'web,shop'\nthreads = 3\nstate_dir = '/run/p'\n",
    );
    let config = load_in(&folder, &["--config", file.to_str().unwrap()], &[]).unwrap();
    assert_eq!(addresses(&config).len(), 2);
    assert_eq!(config.proxy.balancers, ["web", "shop"]);
    assert_eq!(config.proxy.threads, Some(3));
    assert_eq!(config.proxy.log_dir, Path::new("/run/p/logs"));
    assert!(refusal(&["--addresses", "everywhere"], &[]).contains("no block such as"));
}
