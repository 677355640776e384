//! Randomness, passed in wherever logic depends on it: from the operating system, or from a seed in tests.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use uuid::Uuid;

/// A shared source of random ids and numbers. Clones draw from the same sequence.
#[derive(Clone)]
pub struct Random {
    rng: Arc<Mutex<StdRng>>,
}

impl Random {
    /// Seeded by the operating system; fit for secrets.
    pub fn from_os() -> Self {
        Self::over(StdRng::from_os_rng())
    }

    /// The same sequence for the same seed: for tests and simulations only.
    pub fn seeded(seed: u64) -> Self {
        Self::over(StdRng::seed_from_u64(seed))
    }

    fn over(rng: StdRng) -> Self {
        Self {
            rng: Arc::new(Mutex::new(rng)),
        }
    }

    /// 32 lower-case hexadecimal digits, as in the ids of tasks and container instances.
    pub fn hex32(&self) -> String {
        format!("{:032x}", self.rng.lock().random::<u128>())
    }

    /// A number of exactly 19 digits, as in the ids of deployments (`ecs-svc/1234567890123456789`).
    pub fn number19(&self) -> u64 {
        self.rng
            .lock()
            .random_range(1_000_000_000_000_000_000..=9_999_999_999_999_999_999)
    }

    /// A random (version 4) uuid.
    pub fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.rng.lock().fill_bytes(bytes);
    }

    /// `length` characters of `alphabet`, which must not be empty.
    pub fn text(&self, alphabet: &[u8], length: usize) -> String {
        let mut rng = self.rng.lock();
        (0..length)
            .map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())]))
            .collect()
    }

    /// A number below `limit`, which must not be 0.
    pub fn below(&self, limit: usize) -> usize {
        self.rng.lock().random_range(0..limit)
    }

    /// A number from 0 up to but not including 1.
    pub fn fraction(&self) -> f64 {
        self.rng.lock().random()
    }

    /// A generator of its own, seeded from this one, for code that takes a `rand` generator.
    pub fn fork(&self) -> StdRng {
        StdRng::from_rng(&mut *self.rng.lock())
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_form() {
        let random = Random::from_os();
        for _ in 0..200 {
            let hex = random.hex32();
            assert!(
                hex.len() == 32
                    && hex
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
                "{hex}"
            );
            assert_eq!(random.number19().to_string().len(), 19);
            assert_eq!(random.uuid().get_version_num(), 4);
            assert!(random.below(3) < 3 && random.fraction() < 1.0);
            assert!(random.text(b"AZ", 9).bytes().all(|b| b == b'A' || b == b'Z'));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let draw = |random: Random| {
            (
                random.hex32(),
                random.number19(),
                random.uuid(),
                random.fork().random::<u64>(),
            )
        };
        assert_eq!(draw(Random::seeded(7)), draw(Random::seeded(7)));
        assert_ne!(draw(Random::seeded(7)), draw(Random::seeded(8)));
        assert_ne!(draw(Random::from_os()), draw(Random::from_os()));
    }
}
