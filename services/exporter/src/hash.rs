//! Hashes of half the size: tables that hold one beside each place weigh half as much, and are as fast.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Places by the hash of a key that is kept elsewhere.
#[derive(Default)]
pub(crate) struct Places {
    hasher: DefaultHashBuilder,
    table: HashTable<(u32, u32)>,
}

impl Places {
    /// Places of keys with the same hash, which the key is mostly the same of.
    pub(crate) fn of<'p, K: Hash + ?Sized>(
        &'p self,
        key: &K,
    ) -> impl Iterator<Item = u32> + use<'p, K> {
        let half = self.half(key);
        let entries = self.table.iter_hash(spread(half));
        entries
            .filter(move |(other, _)| *other == half)
            .map(|(_, place)| *place)
    }

    pub(crate) fn insert<K: Hash + ?Sized>(&mut self, key: &K, place: u32) {
        let half = self.half(key);
        self.table
            .insert_unique(spread(half), (half, place), |(half, _)| spread(*half));
    }

    pub(crate) fn remove<K: Hash + ?Sized>(&mut self, key: &K, place: u32) {
        let half = self.half(key);
        let found = self
            .table
            .find_entry(spread(half), |entry| *entry == (half, place));
        if let Ok(entry) = found {
            entry.remove();
        }
    }

    fn half<K: Hash + ?Sized>(&self, key: &K) -> u32 {
        #[allow(clippy::cast_possible_truncation)]
        let half = self.hasher.hash_one(key) as u32;
        half
    }
}

/// A hash for the table, which looks at the highest bits and the lowest ones, of one that has half as many (Donald Knuth, *The Art of
/// Computer Programming*, volume 3, section 6.4: multiplicative hashing).
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
