//! `cargo bench --bench time`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use exporter::exposition::Syntax;
use micro::{Consumer, SHAPES, messages, one_pass, reference};

fn parser(criterion: &mut Criterion) {
    for shape in SHAPES {
        let all = messages(shape, 1);
        let mut group = criterion.benchmark_group(format!("read {shape}"));
        group.throughput(Throughput::Elements(all.len() as u64));
        group.bench_function("reference", |bencher| bencher.iter(|| reference(black_box(&all))));
        group.bench_function("one pass", |bencher| bencher.iter(|| one_pass(black_box(&all))));
        group.finish();
    }
}

fn table(criterion: &mut Criterion) {
    for shape in SHAPES {
        // Two rounds have the same texts, and other values.
        let all = messages(shape, 4);
        let mut group = criterion.benchmark_group("consume");
        group.throughput(Throughput::Elements(all.len() as u64));
        let mut consumer = Consumer::with(&all);
        group.bench_function(shape, |bencher| bencher.iter(|| consumer.consume(black_box(&all))));
        group.finish();
    }
}

fn exposition(criterion: &mut Criterion) {
    let mut consumer = Consumer::with(&messages("stable", 1));
    let mut group = criterion.benchmark_group("scrape 10000 series");
    group.throughput(Throughput::Elements(10_000));
    for (name, syntax) in [("text", Syntax::Text), ("OpenMetrics", Syntax::OpenMetrics)] {
        group.bench_function(name, |bencher| bencher.iter(|| consumer.scrape(black_box(syntax))));
    }
    group.finish();
}

criterion_group!(all, parser, table, exposition);
criterion_main!(all);
