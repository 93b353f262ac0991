//! The names that scenarios give to what they make. On a cluster that others use too, they say beyond doubt whose it is.
//!
//! `kclab_RUN_INSTANCE_CHECK_NAME`: a fixed word, the run, the instance of a scenario in it, a checksum over these, and the
//! scenario's name for people. Whoever happens to begin a name with the same word does not hit the checksum as well.

use sha2::{Digest, Sha256};

const MARKER: &str = "kclab";
/// Of the scenario's name: with all the rest it leaves room for more in the 63 bytes of a slot's name.
const READABLE: usize = 24;

/// What belongs together in the names of one instance of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    run: String,
    instance: usize,
}

impl Mark {
    /// The mark of an instance in a run.
    pub fn new(run: &str, instance: usize) -> Self {
        Self {
            run: run.to_owned(),
            instance,
        }
    }

    /// The mark that a name begins with, if it does with one.
    pub fn of(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(MARKER)?.strip_prefix('_')?;
        let mut parts = rest.splitn(4, '_');
        let (run, instance, check) = (parts.next()?, parts.next()?, parts.next()?);
        // What people read follows in every name.
        parts.next().filter(|name| !name.is_empty())?;
        let mark = Self::new(run, instance.parse().ok()?);
        let exactly = stack::runs::began(run).is_some()
            && mark.instance.to_string() == instance
            && mark.check() == check;
        exactly.then_some(mark)
    }

    /// The run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// What names begin with, for the scenario of this id. Letters, digits and `_`, and a letter first: it is part of names
    /// of topics, connectors, slots, databases and metrics.
    pub fn prefix(&self, id: &str) -> String {
        let name = id.split('[').next().unwrap_or_default();
        let plain: String = name
            .chars()
            .map(|c| match c.is_ascii_alphanumeric() {
                true => c.to_ascii_lowercase(),
                false => '_',
            })
            .take(READABLE)
            .collect();
        format!(
            "{MARKER}_{}_{}_{}_{plain}",
            self.run,
            self.instance,
            self.check()
        )
    }

    fn check(&self) -> String {
        let digest = Sha256::digest(format!("{MARKER} {} {}", self.run, self.instance));
        digest
            .iter()
            .take(2)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;

    const RUN: &str = "mwsjg9o6t9";

    #[test]
    fn a_prefix_fits_every_name_it_becomes_part_of() {
        let prefix = Mark::new(RUN, 7).prefix("cdc/original-connector[debezium=3.7.0]");
        assert!(prefix.ends_with("_cdc_original_connector"), "{prefix}");
        assert!(Mark::new(RUN, 12345).prefix(&"x/y".repeat(40)).len() < 55);
    }

    #[rstest]
    #[case::alone("")]
    #[case::topic(".public.customers")]
    #[case::slot("_2")]
    #[case::group("-exporter-own")]
    fn what_a_scenario_names_is_known_again(#[case] rest: &str) {
        let mark = Mark::new(RUN, 12);
        let name = format!("{}{rest}", mark.prefix("cdc/original"));
        assert_eq!(Mark::of(&name), Some(mark));
    }

    #[rstest]
    #[case::nobodys("customers")]
    #[case::the_word_alone("kclab")]
    #[case::the_word_of_somebody_else("kclab_backup_2_of_cdc")]
    #[case::no_run("kclab_inventory_1_3fa2_cdc")]
    #[case::wrong_checksum("kclab_mwsjg9o6t9_12_0000_cdc_original")]
    #[case::empty("")]
    fn what_others_name_is_not(#[case] name: &str) {
        assert_eq!(Mark::of(name), None);
    }

    #[test]
    fn every_part_counts() {
        let name = Mark::new(RUN, 12).prefix("cdc/original");
        for (find, put) in [
            ("kclab", "Kclab"),
            ("mwsjg9", "mwsjg8"),
            ("_12_", "_13_"),
            ("_12_", "_012_"),
            ("_cdc_original", ""),
        ] {
            let other = name.replacen(find, put, 1);
            assert_ne!(other, name);
            assert_eq!(Mark::of(&other), None, "{other}");
        }
        assert_eq!(Mark::of(&format!("copy_of_{name}")), None);
    }
}
