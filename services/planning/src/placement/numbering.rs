//! Small numbers for keys, by order of first appearance.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Up to this many possible keys a plain table is cheaper than hashing.
const TABLE: usize = 1 << 15;

/// Numbers keys below a known limit from 0 on.
pub(super) enum Numbering {
    /// By key; 0 is none, else one more than the number.
    Table(Vec<u32>),
    Map(HashMap<u64, u32, BuildHasherDefault<Mixer>>),
}

impl Numbering {
    /// For keys below `limit`.
    pub(super) fn new(limit: usize) -> Self {
        if limit <= TABLE {
            Self::Table(vec![0; limit])
        } else {
            Self::Map(HashMap::default())
        }
    }

    /// The number of a key; `next` when it has not been seen before.
    #[inline]
    pub(super) fn number(&mut self, key: u64, next: u32) -> u32 {
        match self {
            Self::Table(table) => {
                let entry = &mut table[key as usize];
                if *entry == 0 {
                    *entry = next + 1;
                }
                *entry - 1
            }
            Self::Map(map) => *map.entry(key).or_insert(next),
        }
    }
}

/// Hashes one integer. The keys are made here, so nobody can choose them to collide.
#[derive(Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = mix(self.0 ^ value);
    }
}

/// Spreads the bits of an integer (the finalizer of SplitMix64).
#[inline]
pub(super) const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
