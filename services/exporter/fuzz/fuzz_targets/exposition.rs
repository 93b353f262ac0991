//! Lines of bytes are messages; what they leave reads back under the strict rules, in every form, and is the same when they are
//! read by comparing them with those before.
#![no_main]

use std::time::Instant;

use exposition::{Escaping, Filter, Syntax, render};
use libfuzzer_sys::fuzz_target;
use reading::Predictor;
use table::{Limits, Record, Table};

// The modules name each other by `crate`, and the strict reader names the crate that they are of.
extern crate self as exporter;
#[path = "../../src/exposition/mod.rs"]
#[allow(dead_code, unused_imports)]
pub mod exposition;
#[path = "../../src/hash.rs"]
#[allow(dead_code)]
mod hash;
#[path = "../../src/reading/mod.rs"]
#[allow(dead_code, unused_imports)]
pub mod reading;
#[path = "../../src/slab.rs"]
#[allow(dead_code)]
mod slab;
#[path = "../../src/table/mod.rs"]
#[allow(dead_code, unused_imports)]
pub mod table;

#[path = "../../tests/suite/support/strict.rs"]
#[allow(dead_code)]
mod strict;

fuzz_target!(|bytes: &[u8]| {
    let new = || {
        let mut table = Table::new(Limits::default(), false);
        table.assign(0);
        table.release(0);
        table
    };
    let (mut table, mut predicted, mut predictor) = (new(), new(), Predictor::default());
    let now = Instant::now();
    // Twice, so that some is expected.
    let lines = bytes.split(|byte| *byte == b'\n');
    for (offset, line) in (0i64..).zip(lines.clone().chain(lines)) {
        let record = Record { partition: 0, offset, timestamp_ms: 0 };
        let message = message::reference(line).ok();
        let plain = table.apply(record, message.as_ref(), now);
        let mut found = Vec::new();
        let outcome = match predictor.read(0, line) {
            Err(_) => predicted.apply(record, None, now),
            Ok(reading) => {
                let outcome = predicted.apply_reading(record, &reading, now, &mut found);
                predictor.learn(0, reading, &found);
                outcome
            }
        };
        assert_eq!(outcome, plain);
    }
    let text =
        |table: &mut Table| render(table.snapshot(Escaping::AllowUtf8), Syntax::Text, Filter::default());
    assert_eq!(text(&mut predicted), text(&mut table));
    for escaping in Escaping::ALL {
        for syntax in [Syntax::Text, Syntax::OpenMetrics] {
            let mut out = render(table.snapshot(escaping), syntax, Filter::default());
            if syntax == Syntax::OpenMetrics {
                out.extend_from_slice(b"# EOF\n");
            }
            let Ok(text) = String::from_utf8(out) else { panic!("no UTF-8") };
            if let Err(why) = strict::read(&text, syntax) {
                panic!("{why}\n{text}");
            }
        }
    }
    table.revoke(0);
    assert_eq!((table.series(), table.text_bytes()), (0, 0));
});
