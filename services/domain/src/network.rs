//! What networks are made of: ids in EC2's form, CIDR blocks and availability zones.

pub mod cidr;
pub mod id;
pub mod zone;

pub use cidr::{Cidr, CidrError, Ipv4Cidr, Ipv6Cidr};
pub use id::ResourceKind;
pub use zone::{Zone, zones};
