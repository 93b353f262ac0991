//! What a table has after what was done to it, and what must have arrived of each of its rows.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// Changes of a row, as Debezium calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Create,
    Update,
    Delete,
}

/// The table `customers (id, name)`. It has a row 0 from the start, which nothing changes but a TRUNCATE.
#[derive(Debug, Default)]
pub(super) struct Customers {
    alive: BTreeSet<u32>,
    first_is_gone: bool,
    history: BTreeMap<u32, Vec<Change>>,
    /// Statements so far, so that no two write the same name.
    statements: u32,
    changes: u64,
}

/// The id of the row that is written last, which no other has.
const LAST: u32 = 1_000_000;

impl Customers {
    /// Some statements, in one transaction.
    pub(super) fn change(&mut self, random: &mut StdRng) -> String {
        let mut text = String::new();
        for _ in 0..random.random_range(1..=4) {
            let divisor = random.random_range(2..7);
            let statement = match random.random_range(0..10) {
                0..4 => self.insert(random.random_range(10..300)),
                4..7 => self.update(divisor),
                7..9 => self.delete_some(divisor),
                _ => self.truncate(),
            };
            text.push_str(&statement);
        }
        text
    }

    fn next(&mut self) -> u32 {
        self.statements += 1;
        self.statements
    }

    fn note(&mut self, ids: &BTreeSet<u32>, change: Change) {
        self.changes += ids.len() as u64;
        for id in ids {
            self.history.entry(*id).or_default().push(change);
        }
    }

    fn insert(&mut self, count: u32) -> String {
        let statement = self.next();
        // Ids come again once their rows are gone, so that histories grow long.
        let first = self.alive.last().map_or(1, |last| last + 1);
        let ids: BTreeSet<u32> = (first..first + count).collect();
        self.note(&ids, Change::Create);
        self.alive.extend(ids);
        let last = first + count - 1;
        format!(
            "INSERT INTO customers SELECT n, 'name {statement}.' || n FROM generate_series({first}, {last}) n; "
        )
    }

    fn update(&mut self, divisor: u32) -> String {
        let statement = self.next();
        let ids = self.every(divisor);
        self.note(&ids, Change::Update);
        format!(
            "UPDATE customers SET name = 'name {statement}.' || id WHERE id > 0 AND id % {divisor} = 0; "
        )
    }

    fn delete_some(&mut self, divisor: u32) -> String {
        let ids = self.every(divisor);
        self.note(&ids, Change::Delete);
        self.alive.retain(|id| !ids.contains(id));
        format!("DELETE FROM customers WHERE id > 0 AND id % {divisor} = 0; ")
    }

    fn every(&self, divisor: u32) -> BTreeSet<u32> {
        let alive = self.alive.iter().copied();
        alive.filter(|id| id % divisor == 0).collect()
    }

    /// Rows, and then none but these: what a copy that leaves deletes out does not have.
    pub(super) fn delete(&mut self) -> String {
        let insert = self.insert(20);
        insert + &self.delete_some(2)
    }

    /// Rows, and then no rows, of which none is told of alone.
    pub(super) fn truncate(&mut self) -> String {
        let insert = self.insert(5);
        self.alive.clear();
        self.first_is_gone = true;
        self.changes += 1;
        insert + "TRUNCATE customers; "
    }

    /// A row behind everything.
    pub(super) fn last(&self) -> String {
        format!("INSERT INTO customers VALUES ({LAST}, 'last')")
    }

    /// Rows in the end, the last one with them.
    pub(super) fn alive(&self) -> usize {
        self.alive.len() + usize::from(!self.first_is_gone) + 1
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes + 2
    }

    /// The rows of which most was done, with what must have arrived of each.
    pub(super) fn longest(&self, count: usize) -> Vec<(u32, Vec<Value>)> {
        let mut all: Vec<_> = self.history.iter().collect();
        all.sort_by_key(|(id, history)| (std::cmp::Reverse(history.len()), **id));
        let events = |change: &Change| match change {
            Change::Create => vec![json!({ "value": { "op": "c" } })],
            Change::Update => vec![json!({ "value": { "op": "u" } })],
            Change::Delete => vec![
                json!({ "value": { "op": "d" } }),
                json!({ "tombstone": true }),
            ],
        };
        all.into_iter()
            .take(count)
            .map(|(id, history)| (*id, history.iter().flat_map(events).collect()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_comes_again_has_one_history() {
        let mut customers = Customers::default();
        customers.insert(4);
        customers.update(2);
        customers.delete_some(4);
        assert_eq!(customers.alive(), 3 + 2);
        customers.truncate();
        customers.insert(4);
        assert_eq!(customers.alive(), 4 + 1);
        let (id, history) = customers.longest(1).remove(0);
        assert_eq!(id, 4);
        let ops: Vec<_> = history.iter().map(|event| event.to_string()).collect();
        assert_eq!(
            ops,
            [
                r#"{"value":{"op":"c"}}"#,
                r#"{"value":{"op":"u"}}"#,
                r#"{"value":{"op":"d"}}"#,
                r#"{"tombstone":true}"#,
                // Before the TRUNCATE, which says nothing of single rows, and after it.
                r#"{"value":{"op":"c"}}"#,
                r#"{"value":{"op":"c"}}"#,
            ]
        );
    }
}
