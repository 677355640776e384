//! A program for test images: does what a test needs to see happen in a container, and shows what the container is like
//! from inside. Linked statically, so that its image holds nothing else; `docker exec` runs the verbs that look around.

mod look;
mod network;
mod signals;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

const USAGE: &str = "\
usage: probe <verb>
  on <SIGNAL>=<code|ignore>…   waits; ends with the code at that signal
  exit <code> [seconds]        ends with the code after a while
  die <SIGNAL> [seconds]       sends itself the signal, which it does not handle
  eat <MiB>                    fills memory, then waits
  serve [port]                 answers over HTTP and echoes datagrams; ends with 0 at SIGTERM
  fetch <url>                  prints what an HTTP address answers
  talk <host:port> <text>      sends a datagram and prints the answer
  file|list|link <path>        prints a file, a folder, the target of a link
  write <path> <text>, remove <path>, there <path>
  tty                          ends with 0 if standard input is a terminal";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] => signals::wait_for(&["TERM=0"]),
        ["on", pairs @ ..] => signals::wait_for(pairs),
        ["exit", code, rest @ ..] => {
            pause(rest);
            return ExitCode::from(code.parse::<u8>().unwrap_or(1));
        }
        ["die", signal, rest @ ..] => {
            pause(rest);
            signals::die(signal)
        }
        ["eat", mib] => eat(mib),
        ["serve", rest @ ..] => network::serve(rest.first().copied().unwrap_or("8080")),
        ["fetch", url] => network::fetch(url),
        ["talk", address, text] => network::talk(address, text),
        ["file", path] => look::file(path),
        ["list", path] => look::list(path),
        ["link", path] => look::link(path),
        ["write", path, text] => std::fs::write(path, text),
        ["remove", path] => std::fs::remove_file(path),
        ["there", path] => std::fs::metadata(path).map(drop),
        ["tty"] => look::tty(),
        _ => Err(std::io::Error::other(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probe {}: {error}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn pause(words: &[&str]) {
    let seconds = words.first().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    thread::sleep(Duration::from_secs_f64(seconds));
}

/// Takes memory and touches each page of it, then waits for SIGTERM.
fn eat(mib: &str) -> std::io::Result<()> {
    let mib: usize = mib.parse().map_err(std::io::Error::other)?;
    let eaten: Vec<Vec<u8>> = (0..mib).map(|_| vec![1; 1024 * 1024]).collect();
    println!("ate {} MiB", eaten.len());
    signals::wait_for(&["TERM=0"])
}
