//! Blocks of addresses, as in source-ip conditions (LB-31).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// An IPv4 or IPv6 block such as `192.0.2.0/24`. Bits behind the prefix are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    /// IPv4 stands in its mapped form, so that one comparison serves both.
    bits: u128,
    /// Of 128 bits.
    prefix: u32,
    v4: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} is not a CIDR block")]
pub struct NotCidr(String);

impl Cidr {
    pub fn contains(&self, address: IpAddr) -> bool {
        (mapped(address) ^ self.bits) & mask(self.prefix) == 0
    }

    pub fn is_ipv4(&self) -> bool {
        self.v4
    }

    /// Length of the prefix as it is written.
    pub fn prefix(&self) -> u32 {
        if self.v4 { self.prefix - 96 } else { self.prefix }
    }

    /// How many addresses are in it; at most `u64::MAX`.
    pub fn size(&self) -> u64 {
        1u64.checked_shl(128 - self.prefix).unwrap_or(u64::MAX)
    }

    /// The address at this place, counted from 0 and around at the end.
    pub fn nth(&self, number: u64) -> IpAddr {
        let offset = if self.prefix <= 64 {
            number
        } else {
            number % self.size()
        };
        let bits = (self.bits & mask(self.prefix)) | u128::from(offset);
        let address = Ipv6Addr::from(bits);
        match self.v4 {
            true => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
            false => IpAddr::V6(address),
        }
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn mask(prefix: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = NotCidr;

    fn from_str(text: &str) -> Result<Self, NotCidr> {
        let invalid = || NotCidr(text.chars().take(64).collect());
        let (address, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        if prefix.is_empty() || prefix.len() > 3 || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let prefix: u32 = prefix.parse().map_err(|_| invalid())?;
        let (v4, longest) = match address {
            IpAddr::V4(_) => (true, 32),
            IpAddr::V6(_) => (false, 128),
        };
        match prefix <= longest {
            true => Ok(Self {
                bits: mapped(address),
                prefix: prefix + 128 - longest,
                v4,
            }),
            false => Err(invalid()),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.nth(0), self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().expect("a block")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn lb31_a_block_contains_its_addresses_of_either_family() {
        assert!(cidr("10.0.0.0/8").contains(ip("10.255.0.1")));
        assert!(!cidr("10.0.0.0/8").contains(ip("11.0.0.1")));
        assert!(cidr("0.0.0.0/0").contains(ip("203.0.113.9")));
        assert!(!cidr("0.0.0.0/0").contains(ip("2001:db8::1")));
        assert!(cidr("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
        assert!(cidr("2001:db8::/32").contains(ip("2001:db8:1::1")));
        assert!(cidr("::/0").contains(ip("2001:db8:1::1")));
        assert!(cidr("192.0.2.7/32").contains(ip("192.0.2.7")));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "a/8",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_of_a_block_are_counted_from_its_first() {
        assert_eq!(cidr("127.0.64.0/20").nth(1), ip("127.0.64.1"));
        assert_eq!(cidr("127.0.64.0/20").size(), 4096);
        assert_eq!(cidr("127.0.64.0/20").nth(4097), ip("127.0.64.1"));
        assert_eq!(cidr("10.1.2.3/8").to_string(), "10.0.0.0/8");
    }

    proptest! {
        #[test]
        fn a_block_contains_each_address_that_it_counts(bits in any::<u32>(), prefix in 0u32..=32, number in any::<u64>()) {
            let block = cidr(&format!("{}/{prefix}", std::net::Ipv4Addr::from(bits)));
            prop_assert!(block.contains(block.nth(number)));
            prop_assert_eq!(cidr(&block.to_string()).to_string(), block.to_string());
        }
    }
}
