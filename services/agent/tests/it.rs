//! The whole agent against a backend in this process and a simulated container runtime.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "it/backend.rs"]
mod backend;
#[path = "it/bench.rs"]
mod bench;
#[path = "it/crashes.rs"]
mod crashes;
#[path = "it/life.rs"]
mod life;
#[path = "it/metadata.rs"]
mod metadata;
#[path = "it/sessions.rs"]
mod sessions;
