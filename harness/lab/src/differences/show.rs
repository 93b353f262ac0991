//! Two runs beside each other.

use std::collections::BTreeSet;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::events::Topics;

/// How one event of a topic is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// In both.
    Both,
    /// In the first alone.
    From,
    /// In the second alone.
    To,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Where it is.
    pub side: Side,
    /// The event in a line.
    pub event: String,
}

/// A topic in both runs.
#[derive(Debug, Serialize)]
pub struct Topic {
    /// Its name, the prefix put as `PREFIX`.
    pub topic: String,
    /// Its events in order.
    pub events: Vec<Event>,
}

/// Both runs beside each other.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The first version.
    pub from: String,
    /// The second.
    pub to: String,
    /// Topics of either.
    pub topics: Vec<Topic>,
}

/// Puts both beside each other.
pub fn compare(from: (&str, &Topics), to: (&str, &Topics)) -> Compared {
    let names: BTreeSet<_> = from.1.keys().chain(to.1.keys()).collect();
    let none = Vec::new();
    let topics = names.into_iter().map(|name| {
        let of = |topics: &Topics| topics.get(name).unwrap_or(&none).clone();
        let (old, new) = (of(from.1), of(to.1));
        let old: Vec<&str> = old.iter().map(String::as_str).collect();
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        let diff = TextDiff::from_slices(&old, &new);
        let events = diff.iter_all_changes().map(|change| Event {
            side: match change.tag() {
                ChangeTag::Equal => Side::Both,
                ChangeTag::Delete => Side::From,
                ChangeTag::Insert => Side::To,
            },
            event: change.value().to_string(),
        });
        Topic {
            topic: name.clone(),
            events: events.collect(),
        }
    });
    Compared {
        from: from.0.to_owned(),
        to: to.0.to_owned(),
        topics: topics.collect(),
    }
}

impl Compared {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        let mut events = self.topics.iter().flat_map(|topic| &topic.events);
        events.all(|event| event.side == Side::Both)
    }

    /// For people: `-` is what only the first version sends, `+` what only the second does.
    pub fn text(&self) -> String {
        let mut text = format!("--- Debezium {}\n+++ Debezium {}\n", self.from, self.to);
        for topic in &self.topics {
            text.push_str(&format!("\n{}\n", topic.topic));
            for Event { side, event } in &topic.events {
                let mark = match side {
                    Side::Both => ' ',
                    Side::From => '-',
                    Side::To => '+',
                };
                text.push_str(&format!("{mark} {event}\n"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_version_sends_has_a_mark() {
        let topics = |events: &[&str]| -> Topics {
            let events = events.iter().map(|event| (*event).to_owned()).collect();
            [("PREFIX.t".to_owned(), events)].into()
        };
        let (from, to) = (
            topics(&["a", "deleted", "tombstone", "b"]),
            topics(&["a", "null", "b"]),
        );
        let compared = compare(("1", &from), ("2", &to));
        let expected = "--- Debezium 1\n+++ Debezium 2\n\nPREFIX.t\n  a\n- deleted\n- tombstone\n+ null\n  b\n";
        assert_eq!(compared.text(), expected);
        assert!(!compared.is_same());
        assert!(compare(("1", &from), ("2", &from)).is_same());
    }
}
