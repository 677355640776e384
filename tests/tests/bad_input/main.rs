//! Requests that no client should send: always a 4xx in the protocol's form, never a 5xx, nothing changed.
#![allow(clippy::unwrap_used)]

mod framing;
mod hostile;
mod malformed;
mod signatures;
mod unimplemented;
