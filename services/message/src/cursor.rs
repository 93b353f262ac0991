//! One pass over the bytes of a message, for what messages usually look like.
//!
//! A [`Cursor`] gives up at anything unusual, such as a metric that is refused; [`crate::reference`] then reads the message from its
//! start. What a cursor does read, it reads as the reference does, to the bit: the tests hold the two against each other.

use std::borrow::Cow;
use std::ops::Range;
use std::str;

use serde::Deserialize;

use crate::metric::{Kind, Label, Metric};
use crate::parse::{Message, Text};

/// Reads a message, or gives up.
pub(crate) fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    let mut cursor = Cursor::new(bytes);
    let mut message = Message::default();
    cursor.open()?;
    while cursor.entry()? {
        let key = cursor.name()?;
        match cursor.timestamp(&key)? {
            None => message.metrics.push(cursor.metric()?.metric),
            // A second one is refused.
            Some(ms) => message.timestamp_ms.replace(ms).is_none().then_some(())?,
        }
    }
    cursor.is_at_end().then_some(message)
}

/// A metric, and where its text stands.
#[derive(Debug)]
pub struct Found<'a> {
    /// The metric.
    pub metric: Metric<'a>,
    /// Where it stands.
    pub spans: Spans,
}

/// Where the parts of a metric stand in the bytes of a message. Strings are without their quotes, and as they are written there: with
/// escapes.
#[derive(Debug)]
pub struct Spans {
    /// The name.
    pub name: Range<usize>,
    /// The description, if there is one.
    pub description: Option<Range<usize>>,
    /// The value of each label, in the order of the message.
    pub label_values: Vec<Range<usize>>,
    /// The value; nothing if it is a string.
    pub number: Option<Range<usize>>,
}

/// Reads one entry of a message, from the first byte of its key to the last one of its metric, or gives up.
pub fn entry(bytes: &[u8]) -> Option<Found<'_>> {
    let mut cursor = Cursor::new(bytes);
    cursor.name()?;
    let found = cursor.metric()?;
    cursor.is_at_end().then_some(found)
}

/// A place in a message. Every method that returns `None` has given up: the place is then of no use.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// In the outer object, before its first entry.
    first: bool,
}

impl<'a> Cursor<'a> {
    /// Before the first byte.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor {
            bytes,
            at: 0,
            first: true,
        }
    }

    /// Bytes passed so far.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes into the message's outer object.
    pub fn open(&mut self) -> Option<()> {
        self.skip_blanks();
        self.skip(b'{')
    }

    /// Goes to the key of the next entry of the outer object. `false` at its end.
    #[inline]
    pub fn entry(&mut self) -> Option<bool> {
        let first = std::mem::take(&mut self.first);
        self.next_of_object(first)
    }

    /// An object's key, and where it stands, with the cursor at its value then.
    pub fn placed_name(&mut self) -> Option<(Range<usize>, Cow<'a, str>)> {
        let name = self.placed_string()?;
        self.skip_blanks();
        self.skip(b':')?;
        self.skip_blanks();
        Some(name)
    }

    /// An object's key, with the cursor at its value then.
    pub fn name(&mut self) -> Option<Cow<'a, str>> {
        self.placed_name().map(|(_, name)| name)
    }

    /// Goes back to a place where it was.
    #[inline]
    pub fn go_back(&mut self, at: usize) {
        self.at = at;
    }

    /// Whether nothing but blanks is left.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.at == self.bytes.len()
    }

    /// Goes past these bytes, if they are the next ones.
    #[inline]
    pub fn literal(&mut self, literal: &[u8]) -> Option<()> {
        let end = self.at + literal.len();
        same(self.bytes.get(self.at..end)?, literal).then(|| self.at = end)
    }

    /// An object's key as it is written, without its quotes, with the cursor at its value then. Whether it is a key that can be read is
    /// not looked at.
    #[inline]
    pub fn raw_name(&mut self) -> Option<&'a [u8]> {
        self.skip(b'"')?;
        let start = self.at;
        self.skip_string()?;
        let name = self.bytes.get(start..self.at - 1);
        self.skip_blanks();
        self.skip(b':')?;
        self.skip_blanks();
        name
    }

    /// The value of the entry `Timestamp`, in milliseconds since 1970. `None` within, and no step, if this is another entry.
    #[allow(clippy::option_option)]
    pub fn timestamp(&mut self, key: &str) -> Option<Option<i64>> {
        if key != "Timestamp" || self.peek()? == b'{' {
            return Some(None);
        }
        // Digits that fit, no more: the reference says what is wrong with others.
        let start = self.at;
        self.digits_and_signs()?;
        let ms: i64 = self.text_since(start)?.parse().ok()?;
        (ms >= 0).then_some(Some(ms))
    }

    /// A finite number.
    #[inline]
    pub fn number(&mut self) -> Option<f64> {
        let start = self.at;
        let number = self.digits_and_signs()?;
        match number.exact() {
            Some(value) => Some(value),
            None => self.parsed_since(start),
        }
    }

    #[cold]
    fn parsed_since(&self, start: usize) -> Option<f64> {
        let value: f64 = self.text_since(start)?.parse().ok()?;
        value.is_finite().then_some(value)
    }

    /// An object that is a metric.
    pub fn metric(&mut self) -> Option<Found<'a>> {
        let (mut kind, mut name, mut description, mut value) = (None, None, None, None);
        let (mut labels, mut unit, mut number) = (None, None, None);
        let mut label_values = Vec::new();
        self.object(|cursor, field| {
            let is_first = match field {
                "Type" => kind.replace(cursor.string()?).is_none(),
                "Name" => name.replace(cursor.placed_string()?).is_none(),
                "Description" => description.replace(cursor.placed_string()?).is_none(),
                "Value" => {
                    let start = cursor.at;
                    let is_number = cursor.peek()? != b'"';
                    let first = value.replace(cursor.value()?).is_none();
                    number = is_number.then_some(start..cursor.at);
                    first
                }
                "Labels" => labels.replace(cursor.labels(&mut label_values)?).is_none(),
                "Unit" => unit.replace(cursor.string()?).is_none(),
                _ => return None,
            };
            is_first.then_some(())
        })?;
        let kind = match kind?.as_ref() {
            "gauge" => Kind::Gauge,
            "counter" => Kind::Counter,
            _ => return None,
        };
        let (name_at, name) = name.filter(|(_, name)| !name.is_empty())?;
        let (description_at, description) = description.unzip();
        let metric = Metric {
            kind,
            name,
            description: description.unwrap_or_default(),
            value: kind.accepts(value?)?,
            labels: labels.unwrap_or_default(),
            unit: unit.filter(|unit| !unit.is_empty()),
        };
        Some(Found {
            metric,
            spans: Spans {
                name: name_at,
                description: description_at,
                label_values,
                number,
            },
        })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes past this byte, if it is the next one.
    #[inline]
    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Goes to the next key of an object that was begun. `false` at its end.
    #[inline]
    fn next_of_object(&mut self, first: bool) -> Option<bool> {
        self.skip_blanks();
        if self.skip(b'}').is_some() {
            return Some(false);
        }
        if !first {
            self.skip(b',')?;
            self.skip_blanks();
        }
        (self.peek()? == b'"').then_some(true)
    }

    /// An object whose values this reads, each with its key and the cursor at the value's first byte.
    fn object(&mut self, mut value: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.skip(b'{')?;
        let mut first = true;
        while self.next_of_object(first)? {
            first = false;
            let key = self.name()?;
            value(self, &key)?;
        }
        Some(())
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let quote = self.at;
        self.skip(b'"')?;
        let start = self.at;
        let escaped = self.skip_string()?;
        let text = self.bytes.get(start..self.at - 1)?;
        if escaped {
            let quoted = self.bytes.get(quote..self.at)?;
            let mut reader = serde_json::Deserializer::from_slice(quoted);
            return Text::deserialize(&mut reader).ok().map(|Text(text)| text);
        }
        str::from_utf8(text).ok().map(Cow::Borrowed)
    }

    /// Goes past the rest of a string and the quote at its end. Whether there were escapes.
    #[inline]
    fn skip_string(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            self.at += special(self.bytes.get(self.at..)?)?;
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    // The byte behind it is no end of the string.
                    self.at += 2;
                }
                _ => return None,
            }
        }
        self.at += 1;
        Some(escaped)
    }

    /// A string, and where it stands.
    fn placed_string(&mut self) -> Option<(Range<usize>, Cow<'a, str>)> {
        let start = self.at + 1;
        let string = self.string()?;
        Some((start..self.at - 1, string))
    }

    /// Goes past a number (RFC 8259, section 6).
    #[inline]
    fn digits_and_signs(&mut self) -> Option<Number> {
        let mut number = Number {
            negative: self.skip(b'-').is_some(),
            ..Number::default()
        };
        let first = self.peek();
        let whole = self.digits(&mut number.mantissa);
        // No number of more digits begins with 0.
        if whole == 0 || (whole > 1 && first == Some(b'0')) {
            return None;
        }
        if self.skip(b'.').is_some() {
            number.fraction = self.digits(&mut number.mantissa);
            if number.fraction == 0 {
                return None;
            }
        }
        number.digits = whole + number.fraction;
        if let Some(b'e' | b'E') = self.peek() {
            number.has_exponent = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits(&mut 0) == 0 {
                return None;
            }
        }
        Some(number)
    }

    fn text_since(&self, start: usize) -> Option<&'a str> {
        str::from_utf8(self.bytes.get(start..self.at)?).ok()
    }

    /// Goes past digits and appends them to a number, which more than 19 of them do not fit; gives how many there were.
    #[inline]
    fn digits(&mut self, number: &mut u64) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (mut count, mut value) = (0, *number);
        for byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit >= 10 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        }
        *number = value;
        self.at += count;
        count
    }

    fn value(&mut self) -> Option<f64> {
        if self.peek()? != b'"' {
            return self.number();
        }
        match self.string()?.as_ref() {
            "NaN" => Some(f64::NAN),
            "+Inf" => Some(f64::INFINITY),
            "-Inf" => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }

    fn labels(&mut self, values: &mut Vec<Range<usize>>) -> Option<Vec<Label<'a>>> {
        self.skip(b'{')?;
        let mut labels: Vec<Label<'a>> = Vec::new();
        while self.next_of_object(labels.is_empty())? {
            let name = self.name().filter(|name| !name.is_empty())?;
            let (at, value) = self.placed_string()?;
            values.push(at);
            labels.push((name, value));
        }
        labels.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let twice = |pair: &[Label<'_>]| matches!(pair, [(a, _), (b, _)] if a == b);
        if labels.windows(2).any(twice) {
            return None;
        }
        labels.retain(|(_, value)| !value.is_empty());
        Some(labels)
    }
}

/// A number in parts.
#[derive(Default)]
struct Number {
    negative: bool,
    /// All digits, without the point.
    mantissa: u64,
    /// How many these are, and how many stand behind the point.
    digits: usize,
    fraction: usize,
    has_exponent: bool,
}

impl Number {
    /// Its value where one division gives it: mantissa and power of ten are exact as 64-bit floats, and so the quotient is the
    /// nearest one (William Clinger, *How to Read Floating Point Numbers Accurately*, PLDI 1990, section 3).
    #[inline]
    fn exact(&self) -> Option<f64> {
        const POWERS: [f64; 16] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        ];
        // 10^15 is below 2^53.
        if self.has_exponent || self.digits > 15 {
            return None;
        }
        let value = self.mantissa as f64 / POWERS.get(self.fraction)?;
        Some(if self.negative { -value } else { value })
    }
}

/// Whether two texts of the same length are the same. They are short: calling a function for them would take longer than comparing.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let words = a.iter().zip(b);
    let rest = a_rest.iter().zip(b_rest);
    words.fold(0, |differs, (a, b)| {
        differs | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b))
    }) == 0
        && rest.fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Where the first byte is that ends a string or is more than itself in one: a quote, a backslash or a control character.
///
/// Eight bytes at a time (Henry Warren, *Hacker's Delight*, section 6-1: finding a zero byte). Only bytes behind the first hit can be
/// taken for one wrongly.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let hit = quote | backslash | control;
        if hit != 0 {
            return Some(8 * place + hit.trailing_zeros() as usize / 8);
        }
    }
    let place = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(8 * words.len() + place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::quote("abc\"def", Some(3))]
    #[case::backslash("0123456789\\", Some(10))]
    #[case::control("0123456\u{1f}", Some(7))]
    #[case::blank_is_none("0123 5678 ", None)]
    #[case::not_ascii("ééééééé\"", Some(14))]
    #[case::behind_a_hit("\"\"\"\"\"\"\"\"", Some(0))]
    #[case::empty("", None)]
    fn the_end_of_a_string_is_found(#[case] text: &str, #[case] expected: Option<usize>) {
        assert_eq!(special(text.as_bytes()), expected);
    }

    #[rstest]
    #[case::usual(
        r#"{"a":{"Type":"gauge","Name":"a","Description":"d","Value":1.5}}"#,
        true
    )]
    #[case::blanks(
        " {\n\"a\" : { \"Value\" : 1e-3 , \"Name\":\"a\",\t\"Type\":\"counter\" } } \r",
        true
    )]
    #[case::extensions(r#"{"Timestamp":5,"a":{"Type":"gauge","Name":"a","Value":"NaN","Labels":{"b":"c"},"Unit":"s"}}"#, true)]
    #[case::nothing("{}", true)]
    #[case::escapes(r#"{"\u0061":{"T\u0079pe":"gauge","Name":"\n\\\"","Value":1}}"#, true)]
    #[case::half_a_surrogate(r#"{"a":{"Type":"gauge","Name":"\ud800","Value":1}}"#, false)]
    #[case::no_escape(r#"{"a":{"Type":"gauge","Name":"\x","Value":1}}"#, false)]
    #[case::field_of_others(r#"{"a":{"Type":"gauge","Name":"a","Value":1,"Other":1}}"#, false)]
    #[case::refused_metric(r#"{"a":{"Type":"counter","Name":"a","Value":-1}}"#, false)]
    #[case::leading_zero(r#"{"a":{"Type":"gauge","Name":"a","Value":01}}"#, false)]
    #[case::no_digits(r#"{"a":{"Type":"gauge","Name":"a","Value":1.}}"#, false)]
    #[case::out_of_range(r#"{"a":{"Type":"gauge","Name":"a","Value":1e999}}"#, false)]
    #[case::twice(r#"{"a":{"Type":"gauge","Type":"gauge","Name":"a","Value":1}}"#, false)]
    #[case::more_behind(r#"{}{}"#, false)]
    #[case::comma(r#"{"a":{"Type":"gauge","Name":"a","Value":1},}"#, false)]
    #[case::cut("{", false)]
    fn what_is_usual_is_read_and_the_rest_is_left(#[case] text: &str, #[case] read: bool) {
        assert_eq!(parse(text.as_bytes()).is_some(), read);
    }
}
