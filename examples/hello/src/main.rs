//! The sample service: a small web server that says which task answered. Linked statically, so that its image holds nothing else.
//!
//! `hello` serves on `$PORT` (8080); `hello check` asks `/healthz` of the server in the same container and is its health check;
//! `hello exit <code> [seconds]` ends with that code, for trying out how tasks stop.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["serve"] => serve(),
        ["check"] => check(),
        ["exit", code, rest @ ..] => {
            let seconds = rest.first().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            thread::sleep(Duration::from_secs_f64(seconds));
            ExitCode::from(code.parse::<u8>().unwrap_or(1))
        }
        _ => {
            eprintln!("usage: hello [serve | check | exit <code> [seconds]]");
            ExitCode::from(2)
        }
    }
}

fn port() -> u16 {
    env::var("PORT")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(8080)
}

fn serve() -> ExitCode {
    let mut signals = match Signals::new([SIGTERM, SIGINT]) {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("cannot watch for signals: {error}")),
    };
    // A process with pid 1 has no default action for SIGTERM: without this a stop would wait for SIGKILL.
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            println!("asked to stop, goodbye");
            std::process::exit(0);
        }
    });
    let listener = match TcpListener::bind(("0.0.0.0", port())) {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("cannot listen on port {}: {error}", port())),
    };
    println!("serving on port {}", port());
    for stream in listener.incoming().flatten() {
        thread::spawn(move || {
            let _ = answer(stream);
        });
    }
    ExitCode::SUCCESS
}

fn answer(stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.by_ref().take(8192).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split_whitespace().nth(1).unwrap_or("/").to_owned();
        let mut close = false;
        loop {
            let mut header = String::new();
            if reader.by_ref().take(8192).read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            close |= header.to_ascii_lowercase().starts_with("connection: close");
        }
        let (status, body) = match path.as_str() {
            "/healthz" => ("200 OK", "ok\n".to_owned()),
            "/" => ("200 OK", greeting()),
            _ => ("404 Not Found", "there is nothing here\n".to_owned()),
        };
        let length = body.len();
        let reply = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        writer.write_all(reply.as_bytes())?;
        if close {
            return Ok(());
        }
    }
}

/// Which task answers: the last part of the metadata address and the container's host name tell them apart.
fn greeting() -> String {
    let name = env::var("GREETING").unwrap_or_else(|_| "Hello from Berth".to_owned());
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    format!("{name}! This is container {}.\n", host.trim())
}

fn check() -> ExitCode {
    let asked = TcpStream::connect(("127.0.0.1", port())).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    });
    match asked {
        Ok(reply) if reply.starts_with("HTTP/1.1 200") => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("hello: {text}");
    ExitCode::FAILURE
}
