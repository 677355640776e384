#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use sqlx::{Connection, PgConnection, Row};

use super::*;

/// A data folder that only we may enter, as `mktemp -d` makes it; removed at the end, with a server that still runs there.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self::at(std::env::temp_dir().join(format!("berth-pg-{}", &Random::from_os().hex32()[..8])))
    }

    fn at(path: PathBuf) -> Self {
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    async fn start(&self) -> Result<PrivatePostgres, PostgresError> {
        PrivatePostgres::start(&self.0, std::env::var("PATH").ok().as_deref()).await
    }

    fn data(&self) -> PathBuf {
        self.0.join("postgres/data")
    }

    fn postmaster(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster() {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGQUIT);
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn write_note(url: &str, text: &str) {
    let mut connection = connect(url).await;
    sqlx::query("CREATE TABLE IF NOT EXISTS notes (text text)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO notes VALUES ($1)")
        .bind(text)
        .execute(&mut connection)
        .await
        .unwrap();
}

async fn notes(url: &str) -> Vec<String> {
    let mut connection = connect(url).await;
    let rows = sqlx::query("SELECT text FROM notes ORDER BY 1")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_private_server_keeps_its_data_over_a_restart() {
    let folder = Folder::new();
    let server = folder.start().await.unwrap();
    write_note(&server.url(), "first").await;
    let mut connection = connect(&server.url()).await;
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
    ] {
        let row = sqlx::query("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(row.get::<String, _>(0), value, "{setting}");
    }
    server.stop().await.unwrap();
    assert_eq!(folder.postmaster(), None);

    let server = folder.start().await.unwrap();
    assert_eq!(notes(&server.url()).await, ["first"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_has_no_rights_and_a_process_group_of_its_own() {
    let folder = Folder::new();
    let server = folder.start().await.unwrap();
    let pid = folder.postmaster().unwrap();
    assert_ne!(std::fs::metadata(format!("/proc/{pid}")).unwrap().uid(), 0);
    let group = nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).unwrap();
    assert_eq!(group.as_raw(), pid);
    let socket = std::fs::metadata(&server.place.socket_folder).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o700);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_berths_cannot_share_a_data_folder() {
    let folder = Folder::new();
    let server = folder.start().await.unwrap();
    let Err(error) = folder.start().await else {
        panic!("started twice")
    };
    assert_eq!(
        error.to_string(),
        format!("another berth is using {}", folder.0.display())
    );
    assert!(
        connect(&server.url()).await.ping().await.is_ok(),
        "the first one is left alone"
    );
    server.stop().await.unwrap();
}

const HELD: &str = "BERTH_TEST_HELD_FOLDER";

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
async fn holds_a_server_when_told_to() {
    let Ok(folder) = std::env::var(HELD) else { return };
    let server = PrivatePostgres::start(Path::new(&folder), std::env::var("PATH").ok().as_deref())
        .await
        .unwrap();
    write_note(&server.url(), "written before the kill").await;
    std::fs::write(Path::new(&folder).join("held"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_server_left_by_a_killed_berth_is_stopped_and_its_data_used() {
    let folder = Folder::new();
    for round in 1..=2 {
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres::tests::holds_a_server_when_told_to"])
            .env(HELD, &folder.0)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while !folder.0.join("held").exists() {
            assert_eq!(holder.try_wait().unwrap(), None, "the holder ended early");
            sleep(Duration::from_millis(5)).await;
        }
        holder.kill().await.unwrap();
        std::fs::remove_file(folder.0.join("held")).unwrap();
        let left = folder.postmaster().unwrap();
        assert!(
            Path::new(&format!("/proc/{left}")).exists(),
            "it outlives its berth"
        );

        let server = folder.start().await.unwrap();
        assert_ne!(folder.postmaster(), Some(left));
        assert_eq!(notes(&server.url()).await.len(), round);
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_server_is_started_again_with_everything_committed() {
    let folder = Folder::new();
    let server = folder.start().await.unwrap();
    let (url, stop) = (server.url(), Shutdown::new());
    let supervision = tokio::spawn(server.supervise(stop.clone()));
    for round in 1..=3 {
        write_note(&url, "kept").await;
        let killed = folder.postmaster().unwrap();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(killed),
            nix::sys::signal::Signal::SIGKILL,
        )
        .unwrap();
        let again = || {
            folder
                .postmaster()
                .filter(|pid| *pid != killed && process::is_ready(&folder.data(), *pid as u32))
        };
        while again().is_none() {
            assert!(!supervision.is_finished());
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(notes(&url).await.len(), round);
    }
    stop.request();
    supervision.await.unwrap().unwrap();
    assert_eq!(folder.postmaster(), None);
}

#[tokio::test]
async fn a_stale_process_file_and_a_half_made_database_do_not_matter() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.0.join("postgres/data.new/half")).unwrap();
    folder.start().await.unwrap().stop().await.unwrap();
    // The id of a process that lives and is no PostgreSQL: our own.
    let stale = format!("{}\n{}\n", std::process::id(), folder.data().display());
    std::fs::write(folder.data().join("postmaster.pid"), stale).unwrap();
    folder.start().await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let outer = Folder::new();
    std::fs::set_permissions(&outer.0, std::fs::Permissions::from_mode(0o711)).unwrap();
    let folder = Folder::at(outer.0.join("long".repeat(25)));
    let server = folder.start().await.unwrap();
    let socket = server.place.socket_folder.clone();
    assert!(
        socket.to_string_lossy().starts_with("/tmp/berth-postgres-"),
        "{}",
        socket.display()
    );
    connect(&server.url()).await.ping().await.unwrap();
    server.stop().await.unwrap();
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_server_that_cannot_start_tells_its_last_words() {
    let folder = Folder::new();
    folder.start().await.unwrap().stop().await.unwrap();
    std::fs::write(folder.data().join("postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let Err(error) = folder.start().await else {
        panic!("started with a broken configuration")
    };
    let text = error.to_string();
    assert!(text.contains("FATAL:") && text.contains("its log is"), "{text}");
}

#[tokio::test]
async fn root_is_told_which_folder_keeps_the_server_out() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let closed = Folder::new();
    let folder = Folder::at(closed.0.join("data"));
    let Err(error) = folder.start().await else {
        panic!("got through a closed folder")
    };
    let text = error.to_string();
    assert!(
        text.contains(&format!("may not enter {};", closed.0.display())),
        "{text}"
    );
}
