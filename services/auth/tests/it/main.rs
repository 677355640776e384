//! Signature verification from outside: published vectors, the rules of W-07, and requests changed on the way.
#![allow(clippy::unwrap_used)]

mod coverage;
mod rules;
mod support;
mod tampering;
mod vectors;
