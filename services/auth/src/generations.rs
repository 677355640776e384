//! A bounded map that forgets what was not used for a while, in constant time.

use std::collections::HashMap;

use parking_lot::Mutex;

/// Two maps: when the young one is full it becomes the old one, and the old one is dropped. Reading an old entry moves it to
/// the young map. Holds at most twice `capacity` entries.
pub(crate) struct Generations<V> {
    capacity: usize,
    maps: Mutex<Maps<V>>,
}

struct Maps<V> {
    young: HashMap<Box<str>, V>,
    old: HashMap<Box<str>, V>,
}

impl<V: Clone> Generations<V> {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            maps: Mutex::new(Maps {
                young: HashMap::new(),
                old: HashMap::new(),
            }),
        }
    }

    pub fn get(&self, key: &str) -> Option<V> {
        let mut maps = self.maps.lock();
        if let Some(value) = maps.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = maps.old.remove_entry(key)?;
        maps.put(self.capacity, key, value.clone());
        Some(value)
    }

    pub fn insert(&self, key: &str, value: V) {
        let mut maps = self.maps.lock();
        maps.old.remove(key);
        maps.put(self.capacity, key.into(), value);
    }

    pub fn remove(&self, key: &str) {
        let mut maps = self.maps.lock();
        maps.young.remove(key);
        maps.old.remove(key);
    }

    pub fn clear(&self) {
        let mut maps = self.maps.lock();
        maps.young.clear();
        maps.old.clear();
    }
}

impl<V> Maps<V> {
    fn put(&mut self, capacity: usize, key: Box<str>, value: V) {
        if self.young.len() >= capacity && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let cache = Generations::new(4);
        for number in 0..1_000 {
            cache.insert(&number.to_string(), number);
            assert_eq!(cache.get("0"), Some(0), "after {number}");
            let maps = cache.maps.lock();
            assert!(maps.young.len() + maps.old.len() <= 8);
        }
        assert_eq!(cache.get("500"), None);
    }

    #[test]
    fn a_replaced_or_removed_entry_does_not_come_back() {
        let cache = Generations::new(1);
        cache.insert("a", 1);
        cache.insert("b", 1);
        cache.insert("a", 2);
        assert_eq!(cache.get("a"), Some(2));
        cache.remove("a");
        assert_eq!(cache.get("a"), None);
        cache.clear();
        assert_eq!(cache.get("b"), None);
    }
}
