//! Small files that only their owner may read: keys and credentials in the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kit::Random;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a private file cannot be had.
#[derive(Debug, Error)]
pub enum PrivateFileError {
    #[error("the file {path} could not be read or made")]
    Access { path: PathBuf, source: io::Error },
    #[error("the file {0} may be read by others; make it private with: chmod 600 {0}")]
    ReadableByOthers(PathBuf),
}

/// The text of a file that only its owner may read; `None` when there is no such file.
///
/// # Errors
/// When others may read it too, or it cannot be read.
pub fn read(path: &Path) -> Result<Option<Zeroizing<String>>, PrivateFileError> {
    let failed = |source| PrivateFileError::Access {
        path: path.to_owned(),
        source,
    };
    let mode = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?.permissions().mode(),
    };
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::ReadableByOthers(path.to_owned()));
    }
    fs::read_to_string(path)
        .map(|text| Some(Zeroizing::new(text)))
        .map_err(failed)
}

/// The text of the file at `path`, which is made with `text` and mode 0600 if there is none. It is there as a whole and on
/// the disk, or not at all; of several processes that make it at once, one wins and all get its text.
///
/// # Errors
/// As [`read`], and when it cannot be written.
pub fn read_or_create(
    path: &Path,
    random: &Random,
    text: impl FnOnce() -> Zeroizing<String>,
) -> Result<Zeroizing<String>, PrivateFileError> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    let failed = |source| PrivateFileError::Access {
        path: path.to_owned(),
        source,
    };
    let draft = path.with_extension(format!("{}.new", random.hex32()));
    let made = write(&draft, &text()).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all(),
    });
    let removed = fs::remove_file(&draft);
    made.and(removed).map_err(failed)?;
    read(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_private_file_is_made_once_and_refused_when_others_may_read_it() {
        let folder = std::env::temp_dir().join(format!("berth-private-{}", Random::from_os().hex32()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("credentials");
        let texts: Vec<String> = std::thread::scope(|scope| {
            let make = |number: usize| {
                let text = move || Zeroizing::new(format!("text {number}"));
                read_or_create(&path, &Random::from_os(), text)
                    .unwrap()
                    .to_string()
            };
            let makers: Vec<_> = (0..8).map(|number| scope.spawn(move || make(number))).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no drafts are left");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(read(&folder.join("nothing")).unwrap().is_none());
        fs::remove_dir_all(folder).unwrap();
    }
}
