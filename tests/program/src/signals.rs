//! What happens at a signal.

use std::collections::HashMap;
use std::io;
use std::process;

use nix::sys::signal::{Signal, raise};
use signal_hook::iterator::Signals;

/// Waits for signals given as `TERM=3` (ends with 3) or `TERM=ignore`.
pub fn wait_for(pairs: &[&str]) -> io::Result<()> {
    let mut codes = HashMap::new();
    for pair in pairs {
        let (name, what) = pair
            .split_once('=')
            .ok_or_else(|| io::Error::other("not SIGNAL=code"))?;
        let code: Option<i32> = match what {
            "ignore" => None,
            code => Some(code.parse().map_err(io::Error::other)?),
        };
        codes.insert(number(name)? as i32, code);
    }
    // A process with pid 1 has no default action for signals, so the rest is ignored anyway.
    let mut signals = Signals::new(codes.keys())?;
    println!("waiting");
    for signal in signals.forever() {
        println!("signal {signal}");
        if let Some(Some(code)) = codes.get(&signal) {
            process::exit(*code);
        }
    }
    Ok(())
}

/// Sends the signal to this process; as pid 1 it would not be hit by it, so such a container has an init process.
pub fn die(name: &str) -> io::Result<()> {
    // The first SIGSEGV only ends what Rust's runtime installed to name stack overflows.
    for _ in 0..2 {
        raise(number(name)?)?;
    }
    Err(io::Error::other("still alive"))
}

fn number(name: &str) -> io::Result<Signal> {
    format!("SIG{name}").parse().map_err(io::Error::from)
}
