//! One series: a value that moves, and the words around it as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use message::{Kind, Metric};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::Names;
use crate::catalogue::{Movement, Template};

/// Small, since a message of another source comes before each of its own, and what is large has left the caches then.
pub(crate) struct Series {
    value: f64,
    template: &'static Template,
    /// Its entry of a message up to the value. It changes with its words alone, and so is not made for each message.
    before: Box<[u8]>,
    words: Box<Words>,
}

/// What its name and description are made of.
struct Words {
    name: String,
    names: Names,
    /// How often it was described anew, and renamed.
    revision: u32,
    generation: u32,
}

impl Series {
    /// The name is what it is called before any mark of `names` and before it is renamed.
    pub(crate) fn new(
        name: String,
        template: &'static Template,
        names: Names,
        random: &mut StdRng,
    ) -> Series {
        let value = match template.movement {
            Movement::Walk { low, high } => random.random_range(low..high),
            Movement::Climb { .. } => 0.0,
        };
        let words = Words {
            name,
            names,
            revision: 0,
            generation: 0,
        };
        Series {
            value,
            template,
            before: words.before(template),
            words: Box::new(words),
        }
    }

    /// Goes on to the value of the next message.
    pub(crate) fn advance(&mut self, random: &mut StdRng) {
        match self.template.movement {
            Movement::Walk { low, high } => {
                let step = (high - low) / 50.0;
                let moved = (self.value + random.random_range(-step..step)).clamp(low, high);
                // Two decimals are what such sources send, and they keep messages short.
                self.value = (moved * 100.0).round() / 100.0;
            }
            Movement::Climb { at_most } => {
                self.value += f64::from(random.random_range(0..=at_most));
            }
        }
    }

    /// Gives it a new description, a new name, or both.
    pub(crate) fn reword(&mut self, described_anew: bool, renamed: bool) {
        if described_anew || renamed {
            self.words.revision += u32::from(described_anew);
            self.words.generation += u32::from(renamed);
            self.before = self.words.before(self.template);
        }
    }

    /// Appends its entry of a message; `after` is what follows the value.
    pub(crate) fn write(&self, json: &mut Vec<u8>, after: &[u8]) {
        json.extend_from_slice(&self.before);
        // Writing a finite number to memory cannot fail.
        let _ = serde_json::to_writer(&mut *json, &self.value);
        json.extend_from_slice(after);
    }
}

/// What follows the value in an entry of a source with this label.
pub(crate) fn after(label: Option<&str>) -> Box<[u8]> {
    let metric = Metric::new(Kind::Gauge, "", "", 0.0);
    let json = entry(metric, label);
    json.split_once(NUMBER)
        .map_or_else(Box::default, |(_, after)| after.as_bytes().into())
}

/// Where entries are taken apart: the format is the message crate's to write. Within a text a quote has a backslash before it, so that
/// this stands in an entry once.
const NUMBER: &str = "\"Value\":0.0";

/// An entry of a message, without the braces of the message.
fn entry(mut metric: Metric<'_>, label: Option<&str>) -> String {
    let labels = label.map(|label| ("source".into(), label.to_owned().into()));
    metric.labels.extend(labels);
    // Maps with string keys and writing to memory cannot fail.
    let message = BTreeMap::from([(metric.name.clone(), metric)]);
    let mut json = serde_json::to_string(&message).unwrap_or_default();
    json.pop();
    json.split_off(1.min(json.len()))
}

impl Words {
    fn before(&self, template: &Template) -> Box<[u8]> {
        let kind = match template.movement {
            Movement::Walk { .. } => Kind::Gauge,
            Movement::Climb { .. } => Kind::Counter,
        };
        let metric = Metric::new(kind, self.name(), self.description(template), 0.0);
        let mut json = entry(metric, None);
        if self.names == Names::Escaped {
            json = in_ascii(&json);
        }
        json.split_once(NUMBER)
            .map_or_else(Box::default, |(before, _)| {
                format!("{before}\"Value\":").into_bytes().into()
            })
    }

    fn name(&self) -> Cow<'_, str> {
        let mut name = Cow::Borrowed(self.name.as_str());
        if self.names != Names::Plain {
            name.to_mut().insert_str(0, "größe_");
        }
        if self.generation > 0 {
            name.to_mut()
                .insert_str(0, &format!("g{}_", self.generation));
        }
        name
    }

    fn description(&self, template: &Template) -> Cow<'static, str> {
        let mut description = Cow::Borrowed(template.description);
        if self.names != Names::Plain {
            description.to_mut().push_str(" 測定");
        }
        if self.revision > 0 {
            description
                .to_mut()
                .push_str(&format!(", revision {}", self.revision));
        }
        description
    }
}

/// JSON with every character beyond ASCII as an escape, as many encoders write it.
pub(crate) fn in_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len() * 2);
    let mut units = [0; 2];
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
}

#[cfg(test)]
impl Series {
    /// The metric of a message, as the message crate would write it.
    pub(crate) fn metric(&self) -> Metric<'_> {
        let kind = match self.template.movement {
            Movement::Walk { .. } => Kind::Gauge,
            Movement::Climb { .. } => Kind::Counter,
        };
        let description = self.words.description(self.template);
        Metric::new(kind, self.words.name(), description, self.value)
    }
}
