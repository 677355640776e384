//! Placement from outside: its rules one by one, and its agreement with a reference that looks at every host.
#![allow(clippy::unwrap_used)]

mod properties;
mod reference;
mod rules;
mod scene;
