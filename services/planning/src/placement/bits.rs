//! Sets of hosts, by slot.

/// A set of slots; as long as its greatest member needs.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(super) fn of(slot: u32) -> Self {
        let mut bits = Self::default();
        bits.set(slot, true);
        bits
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.words
            .get(slot as usize / 64)
            .is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, slot: u32, member: bool) {
        let at = slot as usize / 64;
        let bit = 1 << (slot % 64);
        if member {
            if self.words.len() <= at {
                self.words.resize(at + 1, 0);
            }
            self.words[at] |= bit;
        } else if let Some(word) = self.words.get_mut(at) {
            *word &= !bit;
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn intersect(&mut self, other: &Bits) {
        self.words.truncate(other.words.len());
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    pub(super) fn subtract(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    pub(super) fn unite(&mut self, other: &Bits) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Keeps the slots whose entry in the column passes; the column reaches at least as far as the set.
    pub(super) fn retain<T>(&mut self, column: &[T], passes: impl Fn(&T) -> bool) {
        for (word, entries) in self.words.iter_mut().zip(column.chunks(64)) {
            if *word == 0 {
                continue;
            }
            let mut mask = 0;
            for (bit, entry) in entries.iter().enumerate() {
                mask |= u64::from(passes(entry)) << bit;
            }
            *word &= mask;
        }
        self.words.truncate(column.len().div_ceil(64));
    }

    /// Keeps the slots whose entry in the column is least among them; the column reaches at least as far as the set.
    pub(super) fn retain_least<T>(&mut self, column: &[T], value: impl Fn(&T) -> i64) {
        let mut least = i64::MAX;
        for (word, entries) in self
            .words
            .iter()
            .zip(column.chunks(64))
            .filter(|(word, _)| **word != 0)
        {
            for (bit, entry) in entries.iter().enumerate() {
                let seen = if word >> bit & 1 == 1 {
                    value(entry)
                } else {
                    i64::MAX
                };
                least = least.min(seen);
            }
        }
        self.retain(column, |entry| value(entry) == least);
    }

    pub(super) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The greatest member.
    pub(super) fn last(&self) -> Option<u32> {
        let at = self.words.iter().rposition(|word| *word != 0)?;
        Some(at as u32 * 64 + self.words[at].ilog2())
    }

    /// The members, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().zip(0_u32..).flat_map(|(word, at)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(slots: &[u32]) -> Bits {
        let mut bits = Bits::default();
        for slot in slots {
            bits.set(*slot, true);
        }
        bits
    }

    fn slots(bits: &Bits) -> Vec<u32> {
        bits.iter().collect()
    }

    #[test]
    fn sets_of_different_length_combine() {
        let (short, long) = (bits(&[0, 5, 63]), bits(&[5, 64, 200]));
        let mut both = short.clone();
        both.intersect(&long);
        assert_eq!(slots(&both), [5]);
        let mut any = short.clone();
        any.unite(&long);
        assert_eq!(slots(&any), [0, 5, 63, 64, 200]);
        any.subtract(&short);
        assert_eq!(slots(&any), [64, 200]);
        any.intersect(&short);
        assert!(any.is_empty());
        assert!(long.contains(200) && !long.contains(199) && !long.contains(9999));
    }

    #[test]
    fn retain_goes_by_the_column_and_drops_what_lies_beyond_it() {
        let column: Vec<i64> = (0..130).collect();
        let mut set = bits(&[1, 64, 65, 129, 500]);
        set.retain(&column, |value| *value >= 65);
        assert_eq!(slots(&set), [65, 129]);
    }

    #[test]
    fn retain_least_keeps_all_that_tie() {
        let column: Vec<i64> = (0..130).map(|n| [9, 4, 2][n % 3]).collect();
        let mut set = bits(&[0, 1, 3, 64, 66]);
        set.retain_least(&column, |value| *value);
        assert_eq!(slots(&set), [1, 64]);
        assert_eq!((set.len(), set.last()), (2, Some(64)));
    }
}
