//! Values of a file into Rust's types, by way of `serde`, keeping the place of every mistake.
//!
//! A deserializer of our own and not `toml`'s: it knows the place of nested values after variables were put in, finds
//! files beside the scenario, stands in for values that only the run knows, and refuses every key that a type does not
//! know, whether or not the type remembered to say `deny_unknown_fields`.

use std::sync::Arc;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::fault::{Fault, FaultKind};
use crate::files::{self, Place};
use crate::near::near_miss;
use crate::node::{Entry, Known, Node, Segment, Value};
use crate::problem::{Problems, Source};
use crate::vars::{Phase, Vars};

/// Names of newtypes that this deserializer treats specially.
pub(crate) mod special {
    pub(crate) const PATH: &str = "$scenario::ScenarioFile";
    pub(crate) const TEXT: &str = "$scenario::TextFile";
    pub(crate) const JSON: &str = "$scenario::JsonFile";
    pub(crate) const TEXT_OR: &str = "$scenario::TextOr";
    pub(crate) const ONE_OR_MANY: &str = "$scenario::OneOrMany";
    pub(crate) const AT: &str = "$scenario::At";
}

/// What surrounds the values of one file.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) source: &'a Arc<Source>,
    pub(crate) place: &'a Place,
    pub(crate) vars: &'a Vars,
    pub(crate) phase: Phase,
}

/// How many mistakes of one value are worth reporting.
const MOST_PROBLEMS: usize = 20;

/// Reads a value whose variables have been put in.
///
/// `Ok(None)`: nothing is wrong, but whether all is right only the run will show.
///
/// `serde` stops at the first mistake. So the mistake is noted, mended in a copy, and the copy is read again, until
/// nothing more is found.
pub(crate) fn read<T: DeserializeOwned>(
    node: &Node,
    context: Context<'_>,
) -> Result<Option<T>, Problems> {
    let mut problems = Problems::default();
    let mut tree = node.clone();
    let mut complete = true;
    let mut given_up: Vec<Vec<Segment>> = Vec::new();
    for _ in 0..MOST_PROBLEMS {
        let mut fault = match T::deserialize(Reader::new(&tree, context)) {
            Ok(value) if complete => return Ok(Some(value)),
            Ok(_) => break,
            Err(fault) => fault.located(&tree.span),
        };
        complete = false;
        if let FaultKind::Missing { key, .. } = &fault.kind {
            let mut missing: Vec<Segment> = fault.path.iter().rev().cloned().collect();
            missing.push(Segment::Key(key.clone()));
            if given_up.contains(&missing) {
                break;
            }
        }
        let mut path: Vec<Segment> = fault.path.iter().rev().cloned().collect();
        if let FaultKind::UnknownKey { key, .. } = &fault.kind
            && path.last() != Some(&Segment::Key(key.clone()))
            && let Some((rest, span)) = tree.at(&path).and_then(|table| find_key(table, key))
        {
            // Raised by a type that buffers its input (untagged, flattened), so without a place of its own.
            path.extend(rest);
            fault.span = Some(span);
        }
        let excused = tree
            .at(&path)
            .is_some_and(|node| excuses(node, &fault.kind));
        let goes_on = mend(&mut tree, &path, &fault.kind);
        if !excused {
            problems.extend(fault.into_problems(context.source));
        }
        if !goes_on {
            // No stand-in is right for it, so it is left out: what follows it may be wrong too.
            if !tree.remove(&path) {
                break;
            }
            given_up.push(path);
        }
    }
    problems.ok_or(None)
}

fn find_key(table: &Node, key: &str) -> Option<(Vec<Segment>, std::ops::Range<usize>)> {
    if let Some(entry) = table.get(key) {
        return Some((vec![Segment::Key(key.to_owned())], entry.key_span.clone()));
    }
    let below = |segment: Segment, node: &Node| {
        find_key(node, key).map(|(mut path, span)| {
            path.insert(0, segment);
            (path, span)
        })
    };
    match &table.value {
        Value::Table(entries) => entries
            .iter()
            .find_map(|entry| below(Segment::Key(entry.key.clone()), &entry.node)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| below(Segment::Index(index), item)),
        _ => None,
    }
}

/// Whether a fault may come only from a value that is not known yet.
fn excuses(node: &Node, kind: &FaultKind) -> bool {
    match kind {
        FaultKind::UnknownKey { .. } | FaultKind::Reported(_) => false,
        FaultKind::Missing { .. } => node.known == Known::No,
        FaultKind::Wrong { of_type: true, .. } => node.known == Known::No,
        FaultKind::Wrong { of_type: false, .. } | FaultKind::UnknownWord { .. } => {
            node.known != Known::Yes
        }
        FaultKind::Custom(_) => node.is_open(),
    }
}

/// Makes the mistake go away, so that others show; `false` when that cannot be done.
fn mend(tree: &mut Node, path: &[Segment], kind: &FaultKind) -> bool {
    match kind {
        FaultKind::UnknownKey { key, expected } => {
            let Some((_, parents)) = path.split_last() else {
                return false;
            };
            let Some(Node {
                value: Value::Table(entries),
                ..
            }) = tree.at_mut(parents)
            else {
                return false;
            };
            let meant = near_miss(key, expected.iter().map(String::as_str))
                .filter(|meant| entries.iter().all(|entry| entry.key != *meant));
            match (meant, entries.iter().position(|entry| entry.key == *key)) {
                (Some(meant), Some(index)) => entries[index].key = meant,
                (None, Some(index)) => drop(entries.remove(index)),
                (_, None) => return false,
            }
            true
        }
        FaultKind::Missing { key, .. } => {
            let Some(table) = tree.at_mut(path) else {
                return false;
            };
            let span = table.span.clone();
            match &mut table.value {
                Value::Table(entries) if entries.iter().all(|entry| entry.key != *key) => {
                    entries.push(Entry {
                        key: key.clone(),
                        key_span: span.clone(),
                        node: Node::new(Value::Null, span).open(),
                    });
                    true
                }
                _ => false,
            }
        }
        _ => match tree.at_mut(path) {
            Some(node) if !path.is_empty() && node.known != Known::No => {
                node.value = Value::Null;
                node.known = Known::No;
                true
            }
            _ => false,
        },
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    context: Context<'a>,
    /// The entry of a struct that the value belongs to, and the keys that the struct knows.
    entry: Option<(&'a Entry, &'static [&'static str])>,
}

impl<'a> Reader<'a> {
    fn new(node: &'a Node, context: Context<'a>) -> Self {
        Self {
            node,
            context,
            entry: None,
        }
    }

    fn on(self, node: &'a Node) -> Self {
        Self::new(node, self.context)
    }

    fn is_unknown(&self) -> bool {
        self.node.known == Known::No
    }

    /// Hands a visitor several values, as a tuple reads them.
    fn tuple<'de, V: Visitor<'de>>(self, visitor: V, parts: Vec<Node>) -> Result<V::Value, Fault> {
        let node = Node::new(Value::Array(parts), self.node.span.clone());
        let reader = Reader::new(&node, self.context);
        // Not through `inside`: the tuple is not in the file, so faults belong to the value as a whole.
        visitor.visit_newtype_struct(reader).map_err(|fault| Fault {
            path: Vec::new(),
            ..fault
        })
    }

    fn file<'de, V: Visitor<'de>>(self, name: &str, visitor: V) -> Result<V::Value, Fault> {
        let text = |text: &str| Node::new(Value::String(text.to_owned()), self.node.span.clone());
        let Value::String(written) = &self.node.value else {
            if self.is_unknown() {
                return self.tuple(visitor, vec![text(""), text(""), text("")]);
            }
            return Err(Fault::wrong_type(
                self.node,
                "the path of a file beside the scenario",
            ));
        };
        if self.node.known != Known::Yes {
            return self.tuple(visitor, vec![text(written), text(""), text("")]);
        }
        let path = files::resolve(written, self.node, self.context)?;
        let content = match name {
            special::TEXT => files::read_text(&path, written, self.node, self.context)?,
            special::JSON => files::read_json(&path, written, self.node, self.context)?,
            _ => text(""),
        };
        let path = path
            .to_str()
            .map(text)
            .ok_or_else(|| Fault::custom("the path of the scenario is not UTF-8"))?;
        self.tuple(visitor, vec![text(written), path, content])
    }
}

/// A number, boolean or string that stands in for one that only the run knows.
macro_rules! scalar {
    ($($method:ident => $visit:ident($stand_in:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            if self.is_unknown() { visitor.$visit($stand_in) } else { self.deserialize_any(visitor) }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Null if self.is_unknown() => visitor.visit_str(""),
            Value::Null => visitor.visit_unit(),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Integer(integer) => visitor.visit_i64(*integer),
            Value::Unsigned(unsigned) => visitor.visit_u64(*unsigned),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(items) => visitor.visit_seq(Items::new(items, self.context)),
            Value::Table(entries) => visitor.visit_map(Entries::new(entries, self.context, None)),
        }
    }

    scalar! {
        deserialize_bool => visit_bool(true);
        deserialize_i8 => visit_i64(1);
        deserialize_i16 => visit_i64(1);
        deserialize_i32 => visit_i64(1);
        deserialize_i64 => visit_i64(1);
        deserialize_i128 => visit_i64(1);
        deserialize_u8 => visit_u64(1);
        deserialize_u16 => visit_u64(1);
        deserialize_u32 => visit_u64(1);
        deserialize_u64 => visit_u64(1);
        deserialize_u128 => visit_u64(1);
        deserialize_f32 => visit_f64(1.0);
        deserialize_f64 => visit_f64(1.0);
        deserialize_char => visit_str("?");
        deserialize_str => visit_str("?");
        deserialize_string => visit_str("?");
        deserialize_bytes => visit_str("?");
        deserialize_byte_buf => visit_str("?");
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_unknown() {
            visitor.visit_unit()
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Null if !self.is_unknown() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            special::PATH | special::TEXT | special::JSON => self.file(name, visitor),
            special::TEXT_OR => match &self.node.value {
                Value::String(text) => visitor.visit_str(text),
                _ if self.is_unknown() => visitor.visit_str(""),
                _ => visitor.visit_newtype_struct(self).map_err(|mut fault| {
                    if let FaultKind::Wrong {
                        expected,
                        of_type: true,
                        ..
                    } = &mut fault.kind
                        && fault.span.is_none()
                    {
                        *expected = format!("a string or {expected}");
                    }
                    fault
                }),
            },
            special::ONE_OR_MANY => match &self.node.value {
                Value::Array(items) => visitor.visit_seq(Items::new(items, self.context)),
                _ => visitor.visit_newtype_struct(self),
            },
            special::AT => {
                let span = &self.node.span;
                let source = self.context.source;
                let (line, column) = source.position(span.start);
                let number = |number: usize| {
                    Node::new(
                        Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)),
                        span.clone(),
                    )
                };
                let file = Value::String(source.file.to_string_lossy().into_owned());
                let parts = vec![
                    self.node.clone(),
                    Node::new(file, span.clone()),
                    number(line),
                    number(column),
                ];
                let node = Node::new(Value::Array(parts), span.clone());
                visitor
                    .visit_newtype_struct(self.on(&node))
                    .map_err(|mut fault| {
                        // The value is the first part of the tuple; the tuple itself is not in the file.
                        fault.path.pop();
                        fault
                    })
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_unknown() {
            visitor.visit_seq(Items::new(&[], self.context))
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_unknown() {
            visitor.visit_map(Entries::new(&[], self.context, None))
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let entries = match &self.node.value {
            Value::Table(entries) => entries.as_slice(),
            _ if self.is_unknown() => &[],
            // An array would otherwise be read as the fields in their order.
            Value::Array(_) => return Err(Fault::wrong_type(self.node, "a table")),
            _ => return self.deserialize_any(visitor),
        };
        visitor
            .visit_map(Entries::new(entries, self.context, Some(fields)))
            .map_err(|mut fault| {
                if fault.span.is_none()
                    && let FaultKind::Missing { keys, .. } = &mut fault.kind
                {
                    *keys = fields.iter().map(|key| (*key).to_owned()).collect();
                }
                fault
            })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let one_key = || {
            format!(
                "a table with one key: {}",
                crate::fault::one_of(variants, "`")
            )
        };
        match &self.node.value {
            Value::String(word) => visitor.visit_enum(Variant {
                word,
                entry: None,
                context: self.context,
            }),
            Value::Table(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant {
                    word: &entry.key,
                    entry: Some(entry),
                    context: self.context,
                }),
                [] => Err(Fault::new(FaultKind::Wrong {
                    message: "the table is empty".to_owned(),
                    expected: one_key(),
                    of_type: true,
                })),
                [first, second, ..] => {
                    // A key that no variant has is the likelier mistake than one key too many.
                    let entry = [first, second]
                        .into_iter()
                        .find(|entry| !variants.contains(&entry.key.as_str()));
                    let fault = match entry {
                        Some(entry) => Fault::new(FaultKind::UnknownKey {
                            key: entry.key.clone(),
                            expected: variants.iter().map(|word| (*word).to_owned()).collect(),
                        }),
                        None => Fault::new(FaultKind::Wrong {
                            message: format!("both `{}` and `{}`", first.key, second.key),
                            expected: one_key(),
                            of_type: true,
                        }),
                    };
                    let entry = entry.unwrap_or(second);
                    Err(fault
                        .located(&entry.key_span)
                        .inside(Segment::Key(entry.key.clone())))
                }
            },
            _ if self.is_unknown() => visitor.visit_enum(Variant {
                word: variants.first().copied().unwrap_or_default(),
                entry: None,
                context: self.context,
            }),
            _ => Err(Fault::wrong_type(
                self.node,
                &crate::fault::one_of(variants, "\""),
            )),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.entry {
            Some((entry, fields)) => Err(Fault::new(FaultKind::UnknownKey {
                key: entry.key.clone(),
                expected: fields.iter().map(|key| (*key).to_owned()).collect(),
            })
            .located(&entry.key_span)),
            None => visitor.visit_unit(),
        }
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    context: Context<'a>,
}

impl<'a> Items<'a> {
    fn new(items: &'a [Node], context: Context<'a>) -> Self {
        Self {
            items: items.iter().enumerate(),
            context,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader::new(item, self.context))
            .map(Some)
            .map_err(|fault| fault.located(&item.span).inside(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
    fields: Option<&'static [&'static str]>,
    context: Context<'a>,
}

impl<'a> Entries<'a> {
    fn new(
        entries: &'a [Entry],
        context: Context<'a>,
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        Self {
            entries: entries.iter(),
            current: None,
            fields,
            context,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        seed.deserialize(StrDeserializer::new(&entry.key))
            .map(Some)
            .map_err(|fault: Fault| {
                fault
                    .located(&entry.key_span)
                    .inside(Segment::Key(entry.key.clone()))
            })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(entry) = self.current else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        let reader = Reader {
            node: &entry.node,
            context: self.context,
            entry: self.fields.map(|fields| (entry, fields)),
        };
        seed.deserialize(reader).map_err(|fault| {
            fault
                .located(&entry.node.span)
                .inside(Segment::Key(entry.key.clone()))
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

struct Variant<'a> {
    word: &'a str,
    /// The entry whose key the word is; without one the word is a string.
    entry: Option<&'a Entry>,
    context: Context<'a>,
}

impl<'a> Variant<'a> {
    fn inside(&self, fault: Fault) -> Fault {
        match self.entry {
            Some(entry) => fault
                .located(&entry.node.span)
                .inside(Segment::Key(entry.key.clone())),
            None => fault,
        }
    }

    fn value(&self) -> Result<Reader<'a>, Fault> {
        match self.entry {
            Some(entry) => Ok(Reader::new(&entry.node, self.context)),
            None => Err(Fault::new(FaultKind::Wrong {
                message: format!("\"{}\" alone", self.word),
                expected: format!("`{{ {} = … }}`", self.word),
                of_type: true,
            })),
        }
    }
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        match seed.deserialize(StrDeserializer::<Fault>::new(self.word)) {
            Ok(value) => Ok((value, self)),
            Err(fault) => Err(match (self.entry, fault.kind) {
                (Some(entry), FaultKind::UnknownWord { given, expected }) => {
                    Fault::new(FaultKind::UnknownKey {
                        key: given,
                        expected,
                    })
                    .located(&entry.key_span)
                    .inside(Segment::Key(entry.key.clone()))
                }
                (_, kind) => Fault::new(kind),
            }),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.entry {
            None => Ok(()),
            Some(_) => Err(Fault::new(FaultKind::Wrong {
                message: format!("`{}` takes no value", self.word),
                expected: format!("the string \"{}\"", self.word),
                of_type: true,
            })),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.value()?)
            .map_err(|fault| self.inside(fault))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.value()?
            .deserialize_tuple(length, visitor)
            .map_err(|fault| self.inside(fault))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.value()?
            .deserialize_struct("", fields, visitor)
            .map_err(|fault| self.inside(fault))
    }
}
