//! What a container is like from inside.

use std::io::{self, IsTerminal, Write};

pub fn file(path: &str) -> io::Result<()> {
    io::stdout().write_all(&std::fs::read(path)?)
}

pub fn list(path: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        println!("{}", entry?.file_name().display());
    }
    Ok(())
}

pub fn link(path: &str) -> io::Result<()> {
    println!("{}", std::fs::read_link(path)?.display());
    Ok(())
}

pub fn tty() -> io::Result<()> {
    match io::stdin().is_terminal() {
        true => Ok(()),
        false => Err(io::Error::other("standard input is not a terminal")),
    }
}
