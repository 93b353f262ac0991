//! Lines of bytes are messages; what they leave reads back under the strict rules, in every form.
#![no_main]

use std::time::Instant;

use exposition::{Escaping, Filter, Syntax, render};
use libfuzzer_sys::fuzz_target;
use table::{Limits, Record, Table};

// The modules name each other by `crate`, and the strict reader names the crate that they are of.
extern crate self as exporter;
#[path = "../../src/exposition/mod.rs"]
#[allow(dead_code, unused_imports)]
pub mod exposition;
#[path = "../../src/table/mod.rs"]
#[allow(dead_code, unused_imports)]
pub mod table;

#[path = "../../tests/suite/support/strict.rs"]
#[allow(dead_code)]
mod strict;

fuzz_target!(|bytes: &[u8]| {
    let mut table = Table::new(Limits::default(), false);
    table.assign(0);
    table.release(0);
    for (offset, line) in (0i64..).zip(bytes.split(|byte| *byte == b'\n')) {
        let message = message::parse(line).ok();
        table.apply(Record { partition: 0, offset, timestamp_ms: 0 }, message.as_ref(), Instant::now());
    }
    for escaping in Escaping::ALL {
        for syntax in [Syntax::Text, Syntax::OpenMetrics] {
            let mut out = Vec::new();
            render(&table.snapshot(escaping), syntax, &Filter::default(), &mut out);
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
