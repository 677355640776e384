//! Task definitions: references to them, and what registration checks, fills in and derives (section 4 of the behaviour rules).

pub mod reference;

pub use reference::{find, find_active};
