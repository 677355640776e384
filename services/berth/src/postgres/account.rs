//! Who runs the server: PostgreSQL refuses to run as root.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use nix::unistd::{Uid, User, geteuid};
use tokio::process::Command;

use super::PostgresError;

/// The user who runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// We do, being no root.
    Ourselves { uid: u32 },
    /// Another user, as whom root starts it.
    Other { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// Whoever owns the data; for new data ourselves, or in place of root the user `postgres`, else `nobody`.
    pub fn for_data(data: &Path) -> Result<Self, PostgresError> {
        let owner = std::fs::metadata(data).ok().map(|data| data.uid());
        let own = geteuid();
        if !own.is_root() {
            return match owner {
                Some(owner) if owner != own.as_raw() => Err(PostgresError::NotOurs {
                    folder: data.to_owned(),
                }),
                _ => Ok(Self::Ourselves { uid: own.as_raw() }),
            };
        }
        let of_data = || {
            owner
                .filter(|uid| *uid != 0)
                .and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten())
        };
        let named = |name| User::from_name(name).ok().flatten();
        let user = of_data()
            .or_else(|| named("postgres"))
            .or_else(|| named("nobody"))
            .ok_or(PostgresError::NoAccount)?;
        Ok(Self::Other {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    }

    pub fn uid(&self) -> u32 {
        match self {
            Self::Ourselves { uid } | Self::Other { uid, .. } => *uid,
        }
    }

    /// Makes a command run as this user, in a folder and an environment that suit everybody.
    pub fn apply(&self, command: &mut Command) {
        command
            .current_dir("/")
            .env_clear()
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        if let Self::Other { uid, gid, .. } = self {
            command.gid(*gid).uid(*uid);
        }
    }

    /// Gives a file or folder to this user.
    pub fn take(&self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Ourselves { .. } => Ok(()),
            Self::Other { uid, gid, .. } => chown(path, Some(*uid), Some(*gid)),
        }
    }

    /// Whether this user may pass through a folder.
    fn may_enter(&self, folder: &Path) -> bool {
        let Self::Other { uid, gid, .. } = self else {
            return true;
        };
        let Ok(metadata) = std::fs::metadata(folder) else {
            return false;
        };
        let bit = match (metadata.uid() == *uid, metadata.gid() == *gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        metadata.mode() & bit != 0
    }

    /// Sees to it that this user can reach what is in `folder`, which is ours: opens it for passing through if need be.
    ///
    /// # Errors
    /// [`PostgresError::Closed`] when a folder above it is closed.
    pub fn open_way(&self, folder: &Path) -> Result<(), PostgresError> {
        if !self.may_enter(folder) {
            let opened = std::fs::metadata(folder).and_then(|metadata| {
                let mode = metadata.permissions().mode() | 0o011;
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode))
            });
            opened.map_err(PostgresError::io(
                "opening the folder for passing through",
                folder,
            ))?;
        }
        match (
            self,
            folder.ancestors().find(|ancestor| !self.may_enter(ancestor)),
        ) {
            (Self::Other { name, .. }, Some(closed)) => Err(PostgresError::Closed {
                folder: closed.to_owned(),
                user: name.clone(),
            }),
            _ => Ok(()),
        }
    }
}
