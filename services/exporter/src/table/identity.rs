//! Which series a set of labels is.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use message::Label;

use super::family::Family;
use super::{Labels, Refused, Series};
use crate::exposition::Escaping;
use crate::exposition::names::without_controls;
use crate::slab::Slab;

/// Labels as `/metrics` shows them, where that differs from what the source wrote.
pub(super) struct ShownLabels(Option<Labels>);

impl ShownLabels {
    /// Checks a new series' labels by themselves.
    pub(super) fn new(labels: &[Label<'_>]) -> Result<ShownLabels, Refused> {
        let mut changed = false;
        let mut shown = Vec::with_capacity(labels.len());
        for (name, value) in labels {
            let shown_name = Escaping::Underscores.label_name(name);
            let shown_value = without_controls(value);
            if shown_name.starts_with("__") || matches!(shown_name.as_ref(), "le" | "quantile") {
                return Err(Refused::ReservedLabel {
                    label: name.to_string(),
                });
            }
            changed |= shown_name != name.as_ref() || shown_value != value.as_ref();
            shown.push((
                Box::from(shown_name.as_ref()),
                Box::from(shown_value.as_ref()),
            ));
        }
        if !changed {
            return Ok(ShownLabels(None));
        }
        shown.sort_unstable();
        if shown
            .windows(2)
            .any(|pair| matches!(pair, [(a, _), (b, _)] if a == b))
        {
            return Err(Refused::LabelCollision);
        }
        Ok(ShownLabels(Some(shown.into())))
    }
}

/// Series by family and labels.
#[derive(Default)]
pub(super) struct Identities {
    hasher: DefaultHashBuilder,
    labelled: HashTable<u32>,
    /// Only series whose labels are shown otherwise than written: nearly none, nearly always.
    changed: HashMap<(u32, Labels), u32>,
}

impl Identities {
    pub(super) fn find(
        &self,
        series: &Slab<Series>,
        id: u32,
        family: &Family,
        labels: &[Label<'_>],
    ) -> Option<u32> {
        if labels.is_empty() {
            return family.bare;
        }
        self.labelled
            .find(self.hash(id, labels), |place| {
                let series = &series[*place];
                series.family == id && same(&series.labels, labels)
            })
            .copied()
    }

    /// Whether a new series of a known family would be shown as another one is.
    pub(super) fn check(
        &self,
        series: &Slab<Series>,
        id: u32,
        labels: &[Label<'_>],
        shown: &ShownLabels,
    ) -> Result<(), Refused> {
        let taken = match &shown.0 {
            None if self.changed.is_empty() => false,
            None => {
                let labels: Labels = labels
                    .iter()
                    .map(|(n, v)| (Box::from(n.as_ref()), Box::from(v.as_ref())))
                    .collect();
                self.changed.contains_key(&(id, labels))
            }
            Some(shown) => {
                let written =
                    |place: &u32| series[*place].family == id && series[*place].labels == *shown;
                self.changed.contains_key(&(id, shown.clone()))
                    || self.labelled.find(self.hash(id, shown), written).is_some()
            }
        };
        if taken {
            Err(Refused::LabelCollision)
        } else {
            Ok(())
        }
    }

    pub(super) fn insert(
        &mut self,
        series: &Slab<Series>,
        id: u32,
        family: &mut Family,
        place: u32,
        shown: ShownLabels,
    ) {
        let labels = &series[place].labels;
        if labels.is_empty() {
            family.bare = Some(place);
            return;
        }
        let hasher = &self.hasher;
        let hash = |labels: &Labels, id| hash(hasher, id, labels);
        self.labelled
            .insert_unique(hash(labels, id), place, |place| {
                hash(&series[*place].labels, series[*place].family)
            });
        if let Some(shown) = shown.0 {
            self.changed.insert((id, shown), place);
        }
    }

    pub(super) fn remove(
        &mut self,
        series: &Slab<Series>,
        id: u32,
        family: &mut Family,
        place: u32,
    ) {
        if series[place].labels.is_empty() {
            family.bare = None;
            return;
        }
        let hash = self.hash(id, &series[place].labels);
        if let Ok(entry) = self.labelled.find_entry(hash, |other| *other == place) {
            entry.remove();
        }
        if self.changed.is_empty() {
            return;
        }
        let labels = series[place]
            .labels
            .iter()
            .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()));
        let labels: Vec<Label<'_>> = labels.collect();
        if let Ok(ShownLabels(Some(shown))) = ShownLabels::new(&labels) {
            self.changed.remove(&(id, shown));
        }
    }

    fn hash<L: AsRef<str>>(&self, id: u32, labels: &[(L, L)]) -> u64 {
        hash(&self.hasher, id, labels)
    }
}

fn hash<L: AsRef<str>>(hasher: &DefaultHashBuilder, id: u32, labels: &[(L, L)]) -> u64 {
    let mut hasher = hasher.build_hasher();
    id.hash(&mut hasher);
    for (name, value) in labels {
        name.as_ref().hash(&mut hasher);
        value.as_ref().hash(&mut hasher);
    }
    hasher.finish()
}

fn same(known: &Labels, given: &[Label<'_>]) -> bool {
    known.len() == given.len()
        && known
            .iter()
            .zip(given)
            .all(|((a, b), (c, d))| **a == **c && **b == **d)
}
