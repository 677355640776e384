//! CIDR blocks, always in their canonical form: bits beyond the prefix are 0.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// Why a text is no CIDR block.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("'{0}' is not a CIDR block such as 10.0.0.0/16")]
pub struct CidrError(pub String);

/// A block of IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv4Cidr {
    first: u32,
    prefix: u8,
}

/// A block of IPv6 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv6Cidr {
    first: u128,
    prefix: u8,
}

/// A block of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cidr {
    V4(Ipv4Cidr),
    V6(Ipv6Cidr),
}

impl Ipv4Cidr {
    /// The block of this prefix length around an address. `None` for a prefix above 32.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Option<Self> {
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
        (prefix <= 32).then_some(Self {
            first: address.to_bits() & mask,
            prefix,
        })
    }

    /// Bits that all its addresses share, 0 to 32.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn first(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first)
    }

    pub fn last(self) -> Ipv4Addr {
        Ipv4Addr::from_bits((u64::from(self.first) + self.size() - 1) as u32)
    }

    /// Number of its addresses.
    pub fn size(self) -> u64 {
        1 << (32 - self.prefix)
    }

    /// True if every address of `other` is in this block.
    pub fn contains(self, other: Self) -> bool {
        self.first() <= other.first() && other.last() <= self.last()
    }

    /// True if an address is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.first() <= other.last() && other.first() <= self.last()
    }

    /// Its parts of this prefix length, in order. None for a prefix shorter than its own or above 32.
    pub fn parts(self, prefix: u8) -> impl Iterator<Item = Self> {
        let fits = (self.prefix..=32).contains(&prefix);
        let step = 1u64 << (32 - prefix.min(32));
        let count = if fits { self.size() / step } else { 0 };
        (0..count).map(move |n| Self {
            first: (u64::from(self.first) + n * step) as u32,
            prefix,
        })
    }
}

impl Ipv6Cidr {
    /// The block of this prefix length around an address. `None` for a prefix above 128.
    pub fn new(address: Ipv6Addr, prefix: u8) -> Option<Self> {
        let mask = u128::MAX
            .checked_shl(128 - u32::from(prefix.min(128)))
            .unwrap_or(0);
        (prefix <= 128).then_some(Self {
            first: address.to_bits() & mask,
            prefix,
        })
    }
}

/// The parts of `address/prefix`; the prefix is plain decimal digits.
fn halves<A: FromStr>(text: &str) -> Option<(A, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let plain = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
    if !plain || (prefix.len() > 1 && prefix.starts_with('0')) {
        return None;
    }
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

impl FromStr for Ipv4Cidr {
    type Err = CidrError;
    /// Bits beyond the prefix are cleared, as EC2 does: `100.68.0.18/18` is `100.68.0.0/18`.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        halves(text)
            .and_then(|(address, prefix)| Self::new(address, prefix))
            .ok_or_else(|| CidrError(text.to_owned()))
    }
}

impl FromStr for Ipv6Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Self, CidrError> {
        halves(text)
            .and_then(|(address, prefix)| Self::new(address, prefix))
            .ok_or_else(|| CidrError(text.to_owned()))
    }
}

impl FromStr for Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Self, CidrError> {
        match text.contains(':') {
            true => text.parse().map(Self::V6),
            false => text.parse().map(Self::V4),
        }
    }
}

impl fmt::Display for Ipv4Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.prefix)
    }
}

impl fmt::Display for Ipv6Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from_bits(self.first), self.prefix)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(block) => block.fmt(f),
            Self::V6(block) => block.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v4(text: &str) -> Ipv4Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn a_block_is_shown_in_its_canonical_form() {
        assert_eq!(v4("100.68.0.18/18").to_string(), "100.68.0.0/18");
        assert_eq!(v4("1.2.3.4/0").to_string(), "0.0.0.0/0");
        assert_eq!(v4("1.2.3.4/32").to_string(), "1.2.3.4/32");
        assert_eq!("::/0".parse::<Cidr>().unwrap().to_string(), "::/0");
        assert_eq!(
            "2001:DB8::1/32".parse::<Cidr>().unwrap().to_string(),
            "2001:db8::/32"
        );
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/8 ",
            "010.0.0.0/8",
            "::/129",
            "::",
            ":::/0",
        ] {
            assert_eq!(bad.parse::<Cidr>(), Err(CidrError(bad.to_owned())));
        }
    }

    #[test]
    fn the_default_vpc_has_room_for_sixteen_default_subnets() {
        let parts: Vec<String> = v4("172.31.0.0/16")
            .parts(20)
            .map(|part| part.to_string())
            .collect();
        assert_eq!(parts.len(), 16);
        assert_eq!(parts[1], "172.31.16.0/20");
        assert_eq!(parts[15], "172.31.240.0/20");
    }

    fn block() -> impl Strategy<Value = Ipv4Cidr> {
        // Few address bits differ, so that blocks meet often.
        (0u32..1 << 12, 16u8..=32).prop_map(|(bits, prefix)| {
            Ipv4Cidr::new(Ipv4Addr::from_bits(0x0a00_0000 | (bits << 4)), prefix).unwrap()
        })
    }

    proptest! {
        #[test]
        fn two_blocks_overlap_exactly_when_an_address_is_in_both(a in block(), b in block()) {
            let within = |block: Ipv4Cidr, address: Ipv4Addr| Ipv4Cidr::new(address, block.prefix()).unwrap() == block;
            // Blocks that meet contain one another's first address, one way or the other.
            let meet = within(a, b.first()) || within(b, a.first());
            prop_assert_eq!(a.overlaps(b), meet);
            prop_assert_eq!(b.overlaps(a), meet);
        }

        #[test]
        fn blocks_are_nested_or_apart(a in block(), b in block()) {
            prop_assert_eq!(a.overlaps(b), a.contains(b) || b.contains(a));
            prop_assert_eq!(a.contains(b) && b.contains(a), a == b);
        }

        #[test]
        fn parts_of_a_block_fill_it_and_do_not_overlap(a in block(), longer in 0u8..=6) {
            let prefix = (a.prefix() + longer).min(32);
            let parts: Vec<Ipv4Cidr> = a.parts(prefix).collect();
            prop_assert!(parts.iter().all(|part| a.contains(*part)));
            prop_assert!(parts.windows(2).all(|pair| !pair[0].overlaps(pair[1])));
            prop_assert_eq!(parts.iter().map(|part| part.size()).sum::<u64>(), a.size());
        }

        #[test]
        fn a_block_reads_back_as_it_is_shown(a in block()) {
            prop_assert_eq!(a.to_string().parse::<Ipv4Cidr>(), Ok(a));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,24}") {
            let _ = text.parse::<Cidr>();
        }
    }
}
