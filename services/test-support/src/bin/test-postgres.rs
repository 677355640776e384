//! `test-postgres start|stop|url`: the PostgreSQL that tests share. Tests start it themselves; `make test` stops it at the end.

use anyhow::{Result, bail};
use test_support::postgres::Server;

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("start") => println!("{}", Server::running()?.url("postgres")),
        Some("stop") => Server::stop()?,
        Some("url") => println!("{}", Server::here().url("postgres")),
        _ => bail!("usage: test-postgres start|stop|url"),
    }
    Ok(())
}
