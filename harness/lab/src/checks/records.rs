//! `records`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use async_trait::async_trait;
use scenario::JsonPath;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::matching::{Mode, around, difference, short};
use super::number::Expected;
use crate::runner::{Check, Context, Grid, Observed, Record, Sound, Step, StepError, Topic};
use crate::words::{self, count};

/// Records of a topic that no earlier check of the scenario has settled.
///
/// One of `exactly`, `sequence`, `contains`, `count`, `keys`; and `none` alone or beside them. When the check holds, `exactly` and
/// `sequence` settle what they matched: the next check begins after it. `for` makes sure that nothing comes late.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// The topic. One that does not exist has no records.
    topic: Topic,
    /// Look at all records again, from the start of the topic.
    #[serde(default)]
    from_start: bool,
    /// Look at what a consumer finds who begins now: what compaction has removed is gone.
    #[serde(default)]
    anew: bool,
    /// Leave out what was sent before: a connector that was restarted sends its last events again. Key, change and position in
    /// the database's log tell that it is the same event.
    #[serde(default)]
    once: bool,
    /// Only those of this partition.
    partition: Option<u16>,
    /// Only those with this key.
    key: Option<Value>,
    /// These, in this order, and no others.
    exactly: Option<Vec<Sound<Wanted>>>,
    /// These first, in this order; others may follow.
    sequence: Option<Vec<Sound<Wanted>>>,
    /// These, among others, in any order.
    contains: Option<Vec<Sound<Wanted>>>,
    /// So many.
    count: Option<Expected>,
    /// So many different keys.
    keys: Option<Expected>,
    /// None like these.
    #[serde(default)]
    none: Vec<Sound<Wanted>>,
    /// What order means for `exactly` and `sequence` where there are several partitions.
    #[serde(default)]
    order: Order,
}

/// What order means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// As the records were read: that is the topic's order when it has one partition.
    #[default]
    Topic,
    /// Among records of one key.
    Key,
    /// Among records of one partition.
    Partition,
}

/// A record as it has to be. What is not given may be anything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Its key has this; text, or JSON of which it may have more.
    key: Option<Value>,
    /// It has no key.
    #[serde(default)]
    no_key: bool,
    /// Its value has this; it may have more.
    value: Option<Value>,
    /// Its value is this.
    value_exactly: Option<Value>,
    /// It has no value.
    tombstone: Option<bool>,
    /// Headers that it has, as text.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Headers that it lacks.
    #[serde(default)]
    lacks_headers: Vec<String>,
    /// Values in the record `{key, value, headers, partition, offset}`, by JSONPath.
    #[serde(default, rename = "where")]
    paths: Paths,
    /// Paths in the record that lead to nothing.
    #[serde(default)]
    absent: Vec<JsonPath>,
}

/// A table from JSONPath to what it has to lead to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<String, Value>")]
struct Paths(#[schemars(with = "BTreeMap<String, Value>")] Vec<(JsonPath, Value)>);

impl TryFrom<BTreeMap<String, Value>> for Paths {
    type Error = String;

    fn try_from(written: BTreeMap<String, Value>) -> Result<Self, String> {
        let read = |(path, value): (String, Value)| Ok((path.parse::<JsonPath>()?, value));
        Ok(Self(
            written
                .into_iter()
                .map(read)
                .collect::<Result<_, String>>()?,
        ))
    }
}

#[async_trait]
impl Step for Records {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let reader = if self.anew {
            context.new_reader(&self.topic)?
        } else {
            context.reader(&self.topic)?
        };
        let (skipped, records) = tokio::task::block_in_place(|| {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let skipped = if self.from_start { 0 } else { reader.settled() };
            let all = if self.anew {
                reader.whole()?
            } else {
                reader.all()?
            };
            Ok::<_, anyhow::Error>((skipped, all.get(skipped..).unwrap_or_default().to_vec()))
        })
        // The broker may be on its way back.
        .map_err(|error| StepError::mismatch("kafka", self.expected(), format!("{error:#}")))?;
        let mut sent = Sent::default();
        let selected: Vec<(usize, &Record)> = records
            .iter()
            .enumerate()
            .filter(|(_, record)| !self.once || sent.is_new(record))
            .filter(|(_, record)| {
                self.partition
                    .is_none_or(|partition| record.partition == i32::from(partition))
            })
            .filter(|(_, record)| {
                self.key
                    .as_ref()
                    .is_none_or(|key| difference(&record.key, key, Mode::Subset).is_none())
            })
            .collect();
        let seen: Vec<&Record> = selected.iter().map(|(_, record)| *record).collect();
        let matched = self.matches(&seen).map_err(|why| {
            StepError::mismatch(
                "connect",
                self.expected(),
                format!("{why}\n{}", shown(&seen, &self.asked())),
            )
        })?;
        // Everything up to the last record that was matched is behind the scenario now.
        let behind = matched
            .iter()
            .filter_map(|place| selected.get(*place))
            .map(|(place, _)| place + 1)
            .max();
        let settles = (!self.from_start && !self.anew && self.settles_records())
            .then(|| (self.topic.to_string(), skipped + behind.unwrap_or(0)));
        let records: Vec<&Record> = matched
            .iter()
            .filter_map(|place| seen.get(*place).copied())
            .collect();
        Ok(Observed {
            grid: Some(grid(&records)),
            settles,
            ..Observed::value(count(seen.len(), "record"), json!(records))
        })
    }
}

impl Check for Records {
    fn check(&self) -> Result<(), String> {
        let given = [
            self.exactly.is_some(),
            self.sequence.is_some(),
            self.contains.is_some(),
            self.count.is_some(),
            self.keys.is_some(),
        ];
        match given.iter().filter(|given| **given).count() {
            0 if self.none.is_empty() => Err(
                "nothing is expected\ngive one of `exactly`, `sequence`, `contains`, `count`, `keys`; or `none`"
                    .to_owned(),
            ),
            0 | 1 => Ok(()),
            _ => Err(
                "`exactly`, `sequence`, `contains`, `count` and `keys` exclude each other\ngive one of them"
                    .to_owned(),
            ),
        }
    }
}

impl Check for Wanted {
    fn check(&self) -> Result<(), String> {
        let other = |what: &str, key: &str| Err(format!("{what}\ngive either that or `{key}`"));
        if self.no_key && self.key.is_some() {
            return other("`no_key` says that there is no key", "key");
        }
        if self.tombstone == Some(true) {
            for (key, given) in [
                ("value", &self.value),
                ("value_exactly", &self.value_exactly),
            ] {
                // Null is what the value of a tombstone is.
                if given.as_ref().is_some_and(|value| !value.is_null()) {
                    return other("`tombstone = true` says that there is no value", key);
                }
            }
        }
        let both = |name: &&String| self.headers.contains_key(*name);
        if let Some(name) = self.lacks_headers.iter().find(both) {
            return Err(format!(
                "the header {name:?} is wanted and unwanted\ngive it in `headers` or in `lacks_headers`"
            ));
        }
        Ok(())
    }
}

impl Records {
    fn settles_records(&self) -> bool {
        self.exactly.is_some() || self.sequence.is_some()
    }

    /// Places of the records that were matched, or why it does not hold.
    fn matches(&self, records: &[&Record]) -> Result<Vec<usize>, String> {
        for unwanted in &self.none {
            if let Some(record) = records
                .iter()
                .find(|record| unwanted.differs(record).is_none())
            {
                return Err(format!(
                    "there is one like {}: {}",
                    unwanted.words(),
                    line(record, &[&**unwanted])
                ));
            }
        }
        if let Some(count) = self.count {
            return match count.holds(records.len() as f64) {
                true => Ok((0..records.len()).collect()),
                false => Err(format!("there are {}", records.len())),
            };
        }
        if let Some(wanted) = self.keys {
            let keys: BTreeSet<String> = records
                .iter()
                .map(|record| record.key.to_string())
                .collect();
            return match wanted.holds(keys.len() as f64) {
                true => Ok((0..records.len()).collect()),
                false => Err(format!("there are {}", count(keys.len(), "key"))),
            };
        }
        if let Some(wanted) = &self.contains {
            return any_order(wanted, records);
        }
        let Some(wanted) = self.exactly.as_ref().or(self.sequence.as_ref()) else {
            return Ok((0..records.len()).collect());
        };
        if self.exactly.is_some() && records.len() != wanted.len() {
            // Which one is missing or too many is seen better than a number.
            if self.order == Order::Topic {
                in_order(wanted, records)?;
            }
            return Err(format!(
                "there are {}, not {}",
                count(records.len(), "record"),
                wanted.len()
            ));
        }
        match self.order {
            Order::Topic => in_order(wanted, records),
            Order::Key => grouped(wanted, records, |record| record.key.to_string()),
            Order::Partition => grouped(wanted, records, |record| record.partition.to_string()),
        }
    }

    /// Everything that any record is held against.
    fn asked(&self) -> Vec<&Wanted> {
        let lists = [&self.exactly, &self.sequence, &self.contains];
        let listed = lists.into_iter().flatten().flatten();
        listed.chain(&self.none).map(|one| &**one).collect()
    }

    fn expected(&self) -> String {
        let list = |wanted: &[Sound<Wanted>]| {
            wanted
                .iter()
                .map(|one| format!("\n  {}", one.words()))
                .collect::<String>()
        };
        let topic = &self.topic;
        let mut words = match self {
            Self {
                exactly: Some(wanted),
                ..
            } => format!("{topic} to have exactly{}", list(wanted)),
            Self {
                sequence: Some(wanted),
                ..
            } => format!("{topic} to begin with{}", list(wanted)),
            Self {
                contains: Some(wanted),
                ..
            } => format!("{topic} to contain{}", list(wanted)),
            Self {
                count: Some(number),
                ..
            } => format!("{topic} to have {}", words::count(number, "record")),
            Self {
                keys: Some(number), ..
            } => format!("{topic} to have {}", words::count(number, "key")),
            _ => format!("{topic} to have records"),
        };
        if !self.none.is_empty() {
            words.push_str(&format!("\nand none like{}", list(&self.none)));
        }
        words
    }
}

fn in_order(wanted: &[Sound<Wanted>], records: &[&Record]) -> Result<Vec<usize>, String> {
    for (place, wanted) in wanted.iter().enumerate() {
        let Some(record) = records.get(place) else {
            return Err(format!(
                "record {} is missing: {}",
                place + 1,
                wanted.words()
            ));
        };
        if let Some(why) = wanted.differs(record) {
            return Err(format!("record {}: {why}", place + 1));
        }
    }
    Ok((0..wanted.len()).collect())
}

/// Each takes the first record that fits and is not taken.
fn any_order(wanted: &[Sound<Wanted>], records: &[&Record]) -> Result<Vec<usize>, String> {
    let mut taken = BTreeSet::new();
    for one in wanted {
        let place = (0..records.len())
            .find(|place| !taken.contains(place) && one.differs(records[*place]).is_none());
        taken.insert(place.ok_or_else(|| format!("there is none like {}", one.words()))?);
    }
    Ok(taken.into_iter().collect())
}

/// Each group's records have to come in the order in which those that fit the group are wanted.
fn grouped(
    wanted: &[Sound<Wanted>],
    records: &[&Record],
    group: impl Fn(&Record) -> String,
) -> Result<Vec<usize>, String> {
    let mut next: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, record) in records.iter().enumerate().rev() {
        next.entry(group(record)).or_default().push(place);
    }
    let mut taken = BTreeSet::new();
    for one in wanted {
        let head = next.values_mut().find(|places| {
            places
                .last()
                .is_some_and(|place| one.differs(records[*place]).is_none())
        });
        let place = head
            .and_then(Vec::pop)
            .ok_or_else(|| format!("none is next like {}", one.words()))?;
        taken.insert(place);
    }
    Ok(taken.into_iter().collect())
}

impl Wanted {
    /// What is wrong with a record; `None` when it fits.
    fn differs(&self, record: &Record) -> Option<String> {
        if self.no_key && !record.key.is_null() {
            return Some(format!("its key is {}, not null", record.key));
        }
        for (part, seen, wanted, mode) in [
            ("key", &record.key, &self.key, Mode::Subset),
            ("value", &record.value, &self.value, Mode::Subset),
            ("value", &record.value, &self.value_exactly, Mode::Exact),
        ] {
            if let Some(why) = wanted
                .as_ref()
                .and_then(|wanted| difference(seen, wanted, mode))
            {
                return Some(format!("{part}: {why}"));
            }
        }
        if let Some(tombstone) = self
            .tombstone
            .filter(|tombstone| *tombstone != record.tombstone)
        {
            return Some(if tombstone {
                "it has a value".to_owned()
            } else {
                "it has no value".to_owned()
            });
        }
        for (name, value) in &self.headers {
            match record.headers.get(name) {
                Some(seen) if seen == value => {}
                seen => return Some(format!("header {name} is {seen:?}, not {value:?}")),
            }
        }
        if let Some(name) = self
            .lacks_headers
            .iter()
            .find(|name| record.headers.contains_key(*name))
        {
            return Some(format!("it has the header {name}"));
        }
        let whole = json!(record);
        for (path, wanted) in &self.paths.0 {
            let found = path.all(&whole);
            if !found
                .iter()
                .any(|seen| difference(seen, wanted, Mode::Exact).is_none())
            {
                return Some(match found.as_slice() {
                    [] => format!("there is nothing at {path}, where {wanted} has to be"),
                    [one] => format!("{path} leads to {}, not {wanted}", short(one)),
                    many => format!(
                        "{path} leads to {}, none of which is {wanted}",
                        short(&json!(many))
                    ),
                });
            }
        }
        self.absent.iter().find_map(|path| {
            path.all(&whole)
                .first()
                .map(|found| format!("{path} leads to {}, not to nothing", short(found)))
        })
    }

    fn words(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |name: &str, value: Option<&Value>| {
            if let Some(value) = value {
                parts.push(format!("{name} {}", short(value)));
            }
        };
        part("key", self.key.as_ref());
        part("value", self.value.as_ref());
        part("exactly", self.value_exactly.as_ref());
        for (path, value) in &self.paths.0 {
            parts.push(format!("{path} = {value}"));
        }
        if self.no_key {
            parts.push("no key".to_owned());
        }
        if let Some(tombstone) = self.tombstone {
            parts.push(if tombstone { "no value" } else { "a value" }.to_owned());
        }
        parts.extend(
            self.headers
                .iter()
                .map(|(name, value)| format!("header {name}={value:?}")),
        );
        parts.extend(
            self.lacks_headers
                .iter()
                .map(|name| format!("no header {name}")),
        );
        parts.extend(self.absent.iter().map(|path| format!("nothing at {path}")));
        match parts.is_empty() {
            true => "any record".to_owned(),
            false => parts.join(", "),
        }
    }
}

/// A record on a line. Of a long one what is asked for is shown, wherever in it that stands.
fn line(record: &Record, asked: &[&Wanted]) -> String {
    let keys: Vec<&Value> = asked.iter().filter_map(|one| one.key.as_ref()).collect();
    let values: Vec<&Value> = asked
        .iter()
        .flat_map(|one| one.value.iter().chain(&one.value_exactly))
        .collect();
    let value = if record.tombstone {
        "no value".to_owned()
    } else {
        short(&around(&record.value, &values))
    };
    let mut line = format!(
        "{}/{} {} → {value}",
        record.partition,
        record.offset,
        short(&around(&record.key, &keys)),
    );
    let whole = json!(record);
    // A short record shows them anyway.
    let (clipped, value) = (short(&record.value), record.value.to_string());
    if clipped != value {
        let paths: BTreeMap<&str, &JsonPath> = asked
            .iter()
            .flat_map(|one| one.paths.0.iter().map(|(path, _)| path).chain(&one.absent))
            .map(|path| (path.as_str(), path))
            .collect();
        for path in paths.values() {
            line.push_str(&match path.all(&whole).as_slice() {
                [] => format!("\n  {path}: nothing"),
                [one] => format!("\n  {path}: {}", short(one)),
                many => format!("\n  {path}: {}", short(&json!(many))),
            });
        }
    }
    line
}

fn shown(records: &[&Record], asked: &[&Wanted]) -> String {
    const MOST: usize = 20;
    if records.is_empty() {
        return "no records".to_owned();
    }
    let mut lines: Vec<_> = records
        .iter()
        .take(MOST)
        .map(|record| line(record, asked))
        .collect();
    if records.len() > MOST {
        lines.push(format!("… and {} more", records.len() - MOST));
    }
    lines.join("\n")
}

fn grid(records: &[&Record]) -> Grid {
    const MOST: usize = 20;
    let rows = records
        .iter()
        .take(MOST)
        .map(|record| {
            vec![
                short(&record.key),
                if record.tombstone {
                    "none: a tombstone".to_owned()
                } else {
                    short(&brief(&record.value))
                },
            ]
        })
        .collect();
    Grid {
        header: vec!["key".to_owned(), "value".to_owned()],
        rows,
    }
}

/// What has been sent so far.
#[derive(Debug, Default)]
struct Sent {
    events: BTreeSet<String>,
    /// The last position in the database's log by partition and key: a tombstone has none, and is of the delete before it.
    positions: BTreeMap<(i32, String), Value>,
}

impl Sent {
    /// Whether it is no event that was sent before: key, change and position tell.
    fn is_new(&mut self, record: &Record) -> bool {
        let of_key = (record.partition, record.key.to_string());
        let position = match record.value.pointer("/source/lsn") {
            Some(position) => {
                self.positions.insert(of_key, position.clone());
                Some(position)
            }
            None => self.positions.get(&of_key),
        };
        let identity = json!([
            record.partition,
            record.key,
            brief(&record.value),
            position,
            record.tombstone
        ]);
        self.events.insert(identity.to_string())
    }
}

/// A change event without what says where and when it was: the change is what one looks for.
fn brief(value: &Value) -> Value {
    let Value::Object(event) = value else {
        return value.clone();
    };
    if !["op", "before", "after", "source"]
        .iter()
        .all(|key| event.contains_key(*key))
    {
        return value.clone();
    }
    ["op", "before", "after"]
        .into_iter()
        .map(|key| (key.to_owned(), event[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::testing::arguments;
    use rstest::rstest;

    fn record(partition: i32, offset: i64, key: Value, value: Value) -> Record {
        Record {
            tombstone: value.is_null(),
            partition,
            offset,
            key,
            value,
            headers: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        }
    }

    fn check(written: Value, records: &[Record]) -> Result<usize, String> {
        let mut whole = json!({ "topic": "t" });
        whole
            .as_object_mut()
            .unwrap()
            .extend(written.as_object().unwrap().clone());
        let check: Records = arguments(&toml::Value::try_from(whole).unwrap().to_string()).unwrap();
        check
            .matches(&records.iter().collect::<Vec<_>>())
            .map(|matched| matched.len())
    }

    #[rstest]
    #[case::exactly(json!({"exactly": [{"key": {"id": 1}}, {"tombstone": true}]}), true)]
    #[case::one_too_many(json!({"exactly": [{"key": {"id": 1}}]}), false)]
    #[case::one_missing(json!({"exactly": [{}, {}, {}]}), false)]
    #[case::wrong_order(json!({"exactly": [{"tombstone": true}, {"tombstone": false}]}), false)]
    #[case::sequence(json!({"sequence": [{"value": {"name": "a"}}]}), true)]
    #[case::sequence_begins_elsewhere(json!({"sequence": [{"tombstone": true}]}), false)]
    #[case::contains(json!({"contains": [{"tombstone": true}, {"tombstone": false}]}), true)]
    #[case::contains_twice_what_is_there_once(json!({"contains": [{"tombstone": true}, {"tombstone": true}]}), false)]
    #[case::count(json!({"count": 2}), true)]
    #[case::count_missed(json!({"count": {"at_least": 3}}), false)]
    #[case::none(json!({"none": [{"value": {"name": "z"}}]}), true)]
    #[case::none_missed(json!({"none": [{"tombstone": true}]}), false)]
    #[case::header(json!({"contains": [{"headers": {"a": "b"}}]}), true)]
    #[case::header_missed(json!({"contains": [{"headers": {"a": "c"}}]}), false)]
    #[case::lacks_header_missed(json!({"contains": [{"lacks_headers": ["a"]}]}), false)]
    #[case::path(json!({"contains": [{"where": {"$.value.name": "a"}}]}), true)]
    #[case::path_missed(json!({"contains": [{"where": {"$.value.name": "b"}}]}), false)]
    #[case::keys(json!({"keys": 1}), true)]
    #[case::keys_missed(json!({"keys": 2}), false)]
    #[case::absent(json!({"contains": [{"absent": ["$.value.__deleted"]}]}), true)]
    #[case::absent_missed(json!({"exactly": [{"absent": ["$.value.name"]}, {}]}), false)]
    #[case::value_exactly_missed(json!({"contains": [{"value_exactly": {"name": "a", "x": 1}}]}), false)]
    fn records_are_matched(#[case] written: Value, #[case] holds: bool) {
        let records = [
            record(0, 0, json!({"id": 1}), json!({"name": "a"})),
            record(0, 1, json!({"id": 1}), Value::Null),
        ];
        assert_eq!(check(written, &records).is_ok(), holds);
    }

    #[test]
    fn a_long_record_is_shown_round_what_is_asked_for() {
        let value = json!({"source": "x".repeat(400), "after": {"id": 7, "name": "Ada"}});
        let records = [record(0, 5, json!({"id": 7}), value)];
        let seen: Vec<&Record> = records.iter().collect();
        let check: Records = arguments(
            r#"{ topic = "t", contains = [{ value = { after = { id = 8 } }, where = { "$.value.op" = "c" } }] }"#,
        )
        .unwrap();
        assert_eq!(
            shown(&seen, &check.asked()),
            "0/5 {\"id\":7} → {\"after\":{\"id\":7,\"name\":\"Ada\"},\"…\":\"1 other key\"}\n  $.value.op: nothing"
        );
    }

    #[test]
    fn that_a_path_leads_nowhere_is_said_in_words() {
        let record = record(0, 0, json!(1), json!({"a": [1, 2]}));
        let why = |written: &str| {
            let check: Records =
                arguments(&format!("{{ topic = \"t\", contains = [{written}] }}")).unwrap();
            check.asked()[0].differs(&record).unwrap()
        };
        assert_eq!(
            why(r#"{ where = { "$.value.b" = 1 } }"#),
            "there is nothing at $.value.b, where 1 has to be"
        );
        assert_eq!(
            why(r#"{ where = { "$.value.a[0]" = 2 } }"#),
            "$.value.a[0] leads to 1, not 2"
        );
        assert_eq!(
            why(r#"{ where = { "$.value.a[*]" = 3 } }"#),
            "$.value.a[*] leads to [1,2], none of which is 3"
        );
    }

    /// Whether each of these is new, in their order: `c7` is a create at position 7, `t` a tombstone.
    #[rstest]
    #[case::sent_again("c7 c7", "yn")]
    #[case::at_another_position("c7 c8", "yy")]
    #[case::a_tombstone_sent_again("d7 t d7 t", "yynn")]
    // A soak took the second tombstone of a row for the first.
    #[case::deleted_twice("c6 d7 t c8 d9 t", "yyyyyy")]
    #[case::between_a_delete_and_its_tombstone("c6 d7 t c8 d9 d9 t", "yyyyyny")]
    fn an_event_that_is_sent_again_is_the_same(#[case] events: &str, #[case] expected: &str) {
        let mut sent = Sent::default();
        let new = |(offset, event): (usize, &str)| {
            let value = match event.split_at(1) {
                ("t", _) => Value::Null,
                (op, position) => {
                    json!({"op": op, "before": null, "after": null, "source": {"lsn": position}, "ts_ms": offset})
                }
            };
            let offset = i64::try_from(offset).unwrap();
            let is_new = sent.is_new(&record(0, offset, json!({"id": 1}), value));
            if is_new { 'y' } else { 'n' }
        };
        let seen: String = events.split(' ').enumerate().map(new).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_change_event_is_shown_without_where_and_when_it_was() {
        let event = json!({"before": null, "after": {"id": 1}, "source": {"lsn": 1}, "op": "c", "ts_ms": 1});
        assert_eq!(
            brief(&event),
            json!({"op": "c", "before": null, "after": {"id": 1}})
        );
        let row = json!({"op": "not an event", "source": 1});
        assert_eq!(brief(&row), row);
    }

    #[test]
    fn order_can_be_that_of_a_key() {
        let records = [
            record(1, 0, json!("b"), json!(1)),
            record(0, 0, json!("a"), json!(1)),
            record(0, 1, json!("a"), json!(2)),
        ];
        let wanted =
            json!([{"key": "a", "value": 1}, {"key": "a", "value": 2}, {"key": "b", "value": 1}]);
        assert!(check(json!({"exactly": wanted, "order": "key"}), &records).is_ok());
        assert!(check(json!({"exactly": wanted}), &records).is_err());
        let swapped =
            json!([{"key": "a", "value": 2}, {"key": "a", "value": 1}, {"key": "b", "value": 1}]);
        assert!(check(json!({"exactly": swapped, "order": "key"}), &records).is_err());
    }
}
