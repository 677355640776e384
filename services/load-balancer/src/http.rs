//! Application balancers: HTTP/1.1 on a codec of our own, which sees each octet and so can be exact about framing, and HTTP/2.

mod account;
pub mod answers;
pub mod authenticate;
pub mod body;
mod coalesce;
mod connection;
mod exchange;
mod fields;
mod flow;
mod forward;
mod h1;
pub(crate) mod h2;
mod handle;
pub mod head;
mod lanes;
pub mod parse;
pub mod side;
mod tunnel;
mod write;

pub use connection::serve;
