//! Which names on `/metrics` belong to which family.
//!
//! Two names of sources can meet in one shown name, and a counter's family has more names than one in
//! OpenMetrics: `jobs_total` is the family `jobs`, which may also have `jobs_created`.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use message::Kind;

use super::Refused;
use super::family::Family;
use crate::exposition::Escaping;
use crate::slab::Slab;

/// Families by the name in the message, and by each name that they have on `/metrics`.
#[derive(Default)]
pub(super) struct Claims {
    hasher: DefaultHashBuilder,
    by_name: HashTable<(u64, u32)>,
    by_shown: HashTable<(u64, u32)>,
}

impl Claims {
    /// The family of the name in the message.
    pub(super) fn family(&self, families: &Slab<Family>, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        let found = self.by_name.find(hash, |(known, id)| {
            *known == hash && *families[*id].name == *name
        });
        found.map(|(_, id)| *id)
    }

    /// Whether a new family's names are free.
    pub(super) fn check(&self, families: &Slab<Family>, family: &Family) -> Result<(), Refused> {
        let shown = shown(family);
        if shown.starts_with("exporter_") {
            return Err(Refused::ReservedName);
        }
        for claim in claims(&shown, family.kind) {
            let hash = self.hasher.hash_one(claim.as_ref());
            let holder = self.by_shown.find(hash, |(known, id)| {
                *known == hash && {
                    let other = &families[*id];
                    claims(&self::shown(other), other.kind).any(|theirs| theirs == claim)
                }
            });
            if let Some((_, id)) = holder {
                let holder = families[*id].name.to_string();
                return Err(Refused::NameCollision {
                    shown: claim.into_owned(),
                    holder,
                });
            }
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, family: &Family, id: u32) {
        let hash = self.hasher.hash_one(&*family.name);
        self.by_name
            .insert_unique(hash, (hash, id), |(hash, _)| *hash);
        for claim in claims(&shown(family), family.kind) {
            let hash = self.hasher.hash_one(claim.as_ref());
            self.by_shown
                .insert_unique(hash, (hash, id), |(hash, _)| *hash);
        }
    }

    pub(super) fn remove(&mut self, families: &Slab<Family>, id: u32) {
        let family = &families[id];
        let hash = self.hasher.hash_one(&*family.name);
        if let Ok(entry) = self.by_name.find_entry(hash, |(_, other)| *other == id) {
            entry.remove();
        }
        for claim in claims(&shown(family), family.kind) {
            let hash = self.hasher.hash_one(claim.as_ref());
            if let Ok(entry) = self
                .by_shown
                .find_entry(hash, |(known, other)| *known == hash && *other == id)
            {
                entry.remove();
            }
        }
    }
}

fn shown(family: &Family) -> Cow<'_, str> {
    Escaping::Underscores.metric_name(&family.name)
}

fn claims<'n>(shown: &'n str, kind: Kind) -> impl Iterator<Item = Cow<'n, str>> {
    let stem = match kind {
        Kind::Counter => crate::exposition::openmetrics_counter(shown),
        Kind::Gauge => None,
    };
    let of_counter = stem.map(|stem| [Cow::Borrowed(stem), Cow::Owned(format!("{stem}_created"))]);
    std::iter::once(Cow::Borrowed(shown)).chain(of_counter.into_iter().flatten())
}
