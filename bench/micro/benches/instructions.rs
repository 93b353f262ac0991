//! `cargo bench --bench instructions`: what Callgrind counts, which is the same on every run.

use std::hint::black_box;

use exporter::exposition::Syntax;
use gungraun::{library_benchmark, library_benchmark_group, main};
use micro::{Consumer, messages};

fn round(shape: &str) -> Vec<Vec<u8>> {
    messages(shape, 1)
}

fn consumer(shape: &str) -> (Consumer, Vec<Vec<u8>>) {
    let mut rounds = messages(shape, 3);
    let next = rounds.split_off(1000);
    (Consumer::with(&rounds), next)
}

#[library_benchmark]
#[bench::stable(args = ("stable"), setup = round)]
#[bench::escaped(args = ("escaped"), setup = round)]
fn one_pass(messages: Vec<Vec<u8>>) -> usize {
    micro::one_pass(black_box(&messages))
}

#[library_benchmark]
#[bench::stable(args = ("stable"), setup = consumer)]
#[bench::shuffled(args = ("shuffled"), setup = consumer)]
#[bench::escaped(args = ("escaped"), setup = consumer)]
fn consume((mut consumer, messages): (Consumer, Vec<Vec<u8>>)) -> Consumer {
    consumer.consume(black_box(&messages));
    consumer
}

#[library_benchmark]
#[bench::stable(args = ("stable"), setup = consumer)]
fn scrape((mut consumer, _): (Consumer, Vec<Vec<u8>>)) -> usize {
    consumer.scrape(Syntax::Text)
}

library_benchmark_group!(name = all, benchmarks = [one_pass, consume, scrape]);
main!(library_benchmark_groups = all);
