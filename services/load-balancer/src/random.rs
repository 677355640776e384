//! Random numbers for the request path: one generator for each worker, without locks. Not for secrets.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<u64> = Cell::new(seed());
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    kit::Random::from_os().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// 64 random bits (SplitMix64).
pub fn bits() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// A number below `limit`; 0 when the limit is 0.
pub fn below(limit: u64) -> u64 {
    ((u128::from(bits()) * u128::from(limit)) >> 64) as u64
}

/// From 0 up to but not including 1.
pub fn fraction() -> f64 {
    (bits() >> 11) as f64 / (1_u64 << 53) as f64
}
