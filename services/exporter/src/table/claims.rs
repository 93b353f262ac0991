//! Which names on `/metrics` belong to which family.
//!
//! Two names of sources can meet in one shown name, and a counter's family has more names than one in
//! OpenMetrics: `jobs_total` is the family `jobs`, which may also have `jobs_created`.

use std::borrow::Cow;

use message::Kind;

use super::Refused;
use super::family::Family;
use crate::exposition::Escaping;
use crate::hash::Places;
use crate::slab::Slab;

/// Families by the name in the message, and by each other name that they have on `/metrics`: most have none.
#[derive(Default)]
pub(super) struct Claims {
    by_name: Places,
    by_other: Places,
}

impl Claims {
    /// The family of the name in the message.
    pub(super) fn family(&self, families: &Slab<Family>, name: &str) -> Option<u32> {
        let mut ids = self.by_name.of(name);
        ids.find(|id| *families[*id].name == *name)
    }

    /// Whether a new family's names are free.
    pub(super) fn check(&self, families: &Slab<Family>, family: &Family) -> Result<(), Refused> {
        let shown = shown(family);
        if shown.starts_with("exporter_") {
            return Err(Refused::ReservedName);
        }
        for claim in claims(&shown, family.kind) {
            let holder = self.all(claim.as_ref()).find(|id| {
                let other = &families[*id];
                claims(&self::shown(other), other.kind).any(|theirs| theirs == claim)
            });
            if let Some(id) = holder {
                let holder = families[id].name.to_string();
                return Err(Refused::NameCollision {
                    shown: claim.into_owned(),
                    holder,
                });
            }
        }
        Ok(())
    }

    /// Families that may have a name, in the message or on `/metrics`.
    fn all<'c>(&'c self, name: &str) -> impl Iterator<Item = u32> + use<'c> {
        self.by_name.of(name).chain(self.by_other.of(name))
    }

    pub(super) fn insert(&mut self, family: &Family, id: u32) {
        self.by_name.insert(&*family.name, id);
        for other in others(family, &shown(family)) {
            self.by_other.insert(other.as_ref(), id);
        }
    }

    pub(super) fn remove(&mut self, families: &Slab<Family>, id: u32) {
        let family = &families[id];
        self.by_name.remove(&*family.name, id);
        for other in others(family, &shown(family)) {
            self.by_other.remove(other.as_ref(), id);
        }
    }
}

fn shown(family: &Family) -> Cow<'_, str> {
    Escaping::Underscores.metric_name(&family.name)
}

/// Names on `/metrics` that are not the one in the message.
fn others<'n>(family: &'n Family, shown: &'n str) -> impl Iterator<Item = Cow<'n, str>> {
    claims(shown, family.kind).filter(|claim| **claim != *family.name)
}

fn claims<'n>(shown: &'n str, kind: Kind) -> impl Iterator<Item = Cow<'n, str>> {
    let stem = match kind {
        Kind::Counter => crate::exposition::openmetrics_counter(shown),
        Kind::Gauge => None,
    };
    let of_counter = stem.map(|stem| [Cow::Borrowed(stem), Cow::Owned(format!("{stem}_created"))]);
    std::iter::once(Cow::Borrowed(shown)).chain(of_counter.into_iter().flatten())
}
