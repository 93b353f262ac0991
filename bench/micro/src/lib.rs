//! Messages and tables for the benchmarks.

use std::time::Instant;

use exporter::exposition::{Escaping, Filter, Pieces, Syntax};
use exporter::reading::Predictor;
use exporter::table::{Limits, Record, Table};
use producer::{Generator, Shape};

/// Kinds of messages, by name.
pub const SHAPES: [&str; 3] = ["stable", "shuffled", "escaped"];

/// Messages of 20 metrics of 10,000 series: every series `rounds` times.
pub fn messages(shape: &str, rounds: usize) -> Vec<Vec<u8>> {
    let all = Shape {
        series: 10_000,
        metrics_per_message: 20,
        ..Shape::default()
    };
    let shape = match shape {
        "shuffled" => Shape { shuffled: true, described_anew: 0.1, ..all },
        "escaped" => Shape { names: producer::Names::Escaped, ..all },
        _ => all,
    };
    Generator::new(shape, 1).take(rounds * 500).map(|outgoing| outgoing.payload).collect()
}

/// Reads messages by the reference; gives how many metrics there were.
pub fn reference(messages: &[Vec<u8>]) -> usize {
    messages.iter().filter_map(|bytes| message::reference(bytes).ok()).map(|message| message.metrics.len()).sum()
}

/// Reads messages in one pass; gives how many metrics there were.
pub fn one_pass(messages: &[Vec<u8>]) -> usize {
    messages.iter().filter_map(|bytes| message::parse(bytes).ok()).map(|message| message.metrics.len()).sum()
}

/// What consumes messages, as the exporter does.
pub struct Consumer {
    table: Table,
    predictor: Predictor,
    offset: i64,
    found: Vec<(usize, exporter::table::Handle)>,
}

impl Default for Consumer {
    fn default() -> Self {
        let mut table = Table::new(Limits::default(), false);
        table.assign(0);
        table.release(0);
        Consumer {
            table,
            predictor: Predictor::default(),
            offset: 0,
            found: Vec::new(),
        }
    }
}

impl Consumer {
    /// One that has read all of these messages.
    pub fn with(messages: &[Vec<u8>]) -> Consumer {
        let mut consumer = Consumer::default();
        consumer.consume(messages);
        consumer
    }

    /// Reads messages into the table.
    pub fn consume(&mut self, messages: &[Vec<u8>]) {
        let now = Instant::now();
        for bytes in messages {
            let Ok(reading) = self.predictor.read(0, bytes) else {
                continue;
            };
            let record = Record { partition: 0, offset: self.offset, timestamp_ms: 0 };
            self.offset += 1;
            self.found.clear();
            self.table.apply_reading(record, &reading, now, &mut self.found);
            self.predictor.learn(0, reading, &self.found);
        }
    }

    /// Makes the text of a scrape; gives how many bytes it has.
    pub fn scrape(&mut self, syntax: Syntax) -> usize {
        let snapshot = self.table.snapshot(Escaping::Underscores);
        let pieces = Pieces::new(snapshot, syntax, Filter::default(), Vec::new());
        pieces.map(|piece| piece.len()).sum()
    }
}
