//! What limited a measurement.

use serde::Serialize;

use super::cpu::Cpu;
use super::readings::Readings;

/// Where records waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bottleneck {
    /// The task waited for the source.
    #[strum(serialize = "source poll")]
    SourcePoll,
    /// The task's own thread: transformations, converters, partitioning, compression.
    #[strum(serialize = "conversion")]
    Conversion,
    /// The producer's buffer was full: it sends too little with each request.
    #[strum(serialize = "producer buffer")]
    ProducerBuffer,
    /// The producer waited for the broker's answers.
    #[strum(serialize = "broker")]
    Broker,
    /// The collector stopped the worker's threads too often.
    #[strum(serialize = "garbage collection")]
    GarbageCollection,
    /// All processors were busy.
    #[strum(serialize = "CPU")]
    Cpu,
    /// Nothing stands out.
    #[strum(serialize = "unclear")]
    Unclear,
}

/// What limited a measurement, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Limit {
    /// Where records waited.
    pub what: Bottleneck,
    /// The figures that say so.
    pub why: String,
}

/// Share of the time that the task waits for space in the producer's buffer, from which on the buffer is what limits. A
/// producer that keeps up does not wait at all.
const WAITS: f64 = 0.10;
/// A buffer of which less than this is free is full.
const FREE: f64 = 0.05;
/// Bytes of an average batch: with larger ones a request is worth its round trip, and who waits, waits for the broker.
const WORTH_A_REQUEST: f64 = 8192.0;
/// Share of the time that requests are under way: Connect's producers have one at a time.
const UNDER_WAY: f64 = 0.7;
/// Share of the time that the worker stands still for its collector, from which on that is what limits.
const COLLECTS: f64 = 0.2;
/// Busy share of all processors from which on none is left: threads of a pipeline wait for each other a little even then, and a
/// snapshot through G1 on two processors was seen at 0.82 to 0.99.
const ALL_BUSY: f64 = 0.88;
/// Share of one processor from which on a thread has no more.
const THREAD_BUSY: f64 = 0.85;
/// Share of its time that the task spends in the source's poll.
const IN_POLL: f64 = 0.6;

/// Looks for the first sign from the end of the pipeline backwards: what is behind a full buffer waits for it.
pub(super) fn limit(readings: &Readings, cpu: &Cpu) -> Limit {
    let of = |what, why: String| Limit { what, why };
    let under_way = readings
        .request_rate
        .zip(readings.request_latency_avg_ms)
        .map_or(0.0, |(rate, latency)| rate * latency / 1000.0);
    let batch = readings.batch_size_avg.unwrap_or(0.0);
    let waits = readings.bufferpool_wait_ratio.unwrap_or(0.0);
    let free = readings.buffer_free.unwrap_or(1.0);
    if waits >= WAITS || free <= FREE {
        let figures = format!(
            "the task waits {:.0} % of the time for space in the producer's buffer ({:.0} % free), batches of {batch:.0} bytes, {:.0} requests/s",
            100.0 * waits,
            100.0 * free,
            readings.request_rate.unwrap_or(0.0),
        );
        return match batch >= WORTH_A_REQUEST && under_way >= UNDER_WAY {
            true => of(
                Bottleneck::Broker,
                format!(
                    "{figures}, each {:.0} ms under way",
                    readings.request_latency_avg_ms.unwrap_or(0.0)
                ),
            ),
            false => of(Bottleneck::ProducerBuffer, figures),
        };
    }
    let collects = readings.gc_share.unwrap_or(0.0);
    if collects >= COLLECTS {
        return of(
            Bottleneck::GarbageCollection,
            format!(
                "the worker stands still {:.0} % of the time for its garbage collector: `jvm` of a row can give it more heap, or another collector",
                100.0 * collects
            ),
        );
    }
    if let Some(busy) = cpu.busy.filter(|busy| *busy >= ALL_BUSY) {
        return of(
            Bottleneck::Cpu,
            format!(
                "{:.0} % of all processors busy: {}",
                100.0 * busy,
                cpu.words()
            ),
        );
    }
    // Of the time that the collector leaves it.
    let thread = |name: &str| {
        let share = cpu.thread(name)?;
        let left = match collects >= 0.01 {
            true => format!(
                ", and the collector leaves it {:.0} %",
                100.0 * (1.0 - collects)
            ),
            false => String::new(),
        };
        (share / (1.0 - collects) >= THREAD_BUSY).then_some((100.0 * share, left))
    };
    if let Some((task, left)) = thread("task") {
        return of(
            Bottleneck::Conversion,
            format!("the task's thread takes {task:.0} % of a processor{left}"),
        );
    }
    if let Some((source, left)) = thread("source") {
        return of(
            Bottleneck::SourcePoll,
            format!("the source's thread takes {source:.0} % of a processor{left}"),
        );
    }
    if let Some(share) = readings.poll_share.filter(|share| *share >= IN_POLL) {
        return of(
            Bottleneck::SourcePoll,
            format!("the task spends {:.0} % of its time in poll", 100.0 * share),
        );
    }
    if under_way >= UNDER_WAY {
        return of(
            Bottleneck::Broker,
            format!(
                "a request is under way {:.0} % of the time",
                100.0 * under_way.min(1.0)
            ),
        );
    }
    let seen = match cpu.busy {
        Some(busy) => format!(
            "{:.0} % of all processors busy, {}",
            100.0 * busy,
            cpu.words()
        ),
        None if cpu.processes.is_empty() => "processors are not seen from here".to_owned(),
        None => format!("of processors only this is seen: {}", cpu.words()),
    };
    of(Bottleneck::Unclear, seen)
}

/// What limited most of a row's rounds. Its figures are those of the row where these say the same, else of the last such round.
pub(super) fn of_row<'a>(
    rounds: impl IntoIterator<Item = &'a Limit>,
    readings: &Readings,
    cpu: &Cpu,
) -> Limit {
    let rounds: Vec<_> = rounds.into_iter().collect();
    let count = |what: Bottleneck| rounds.iter().filter(|limit| limit.what == what).count();
    let Some(most) = rounds.iter().max_by_key(|limit| count(limit.what)) else {
        return Limit {
            what: Bottleneck::Unclear,
            why: "nothing was measured".to_owned(),
        };
    };
    let of_all = limit(readings, cpu);
    if of_all.what == most.what {
        return of_all;
    }
    Limit {
        what: most.what,
        why: format!("{}, in the last of such rounds", most.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn quiet() -> (Readings, Cpu) {
        let readings = Readings {
            batch_size_avg: Some(60_000.0),
            request_rate: Some(100.0),
            request_latency_avg_ms: Some(2.0),
            bufferpool_wait_ratio: Some(0.0),
            buffer_free: Some(0.9),
            poll_share: Some(0.2),
            ..Readings::default()
        };
        let cpu = Cpu {
            busy: Some(0.6),
            others: Some(0.1),
            processes: [("connect".to_owned(), 0.8), ("kafka".to_owned(), 0.3)].into(),
            threads: [("task".to_owned(), 0.4), ("source".to_owned(), 0.3)].into(),
        };
        (readings, cpu)
    }

    type Change = fn(&mut Readings, &mut Cpu);

    #[test]
    fn a_row_has_the_figures_of_all_its_rounds_where_they_say_the_same() {
        let (mut readings, cpu) = quiet();
        let round = |what| Limit {
            what,
            why: "that of a round".to_owned(),
        };
        let rounds = [
            Bottleneck::Cpu,
            Bottleneck::ProducerBuffer,
            Bottleneck::ProducerBuffer,
        ]
        .map(round);
        let apart = of_row(&rounds, &readings, &cpu);
        assert_eq!(apart.what, Bottleneck::ProducerBuffer);
        assert_eq!(apart.why, "that of a round, in the last of such rounds");
        readings.buffer_free = Some(0.0);
        let same = of_row(&rounds, &readings, &cpu);
        assert_eq!(same, limit(&readings, &cpu));
    }

    #[rstest]
    #[case::nothing(|_: &mut Readings, _: &mut Cpu| {}, Bottleneck::Unclear)]
    #[case::small_batches(|r: &mut Readings, _: &mut Cpu| { r.bufferpool_wait_ratio = Some(0.8); r.batch_size_avg = Some(300.0); }, Bottleneck::ProducerBuffer)]
    #[case::no_space(|r: &mut Readings, _: &mut Cpu| { r.buffer_free = Some(0.0); }, Bottleneck::ProducerBuffer)]
    #[case::slow_broker(|r: &mut Readings, _: &mut Cpu| { r.bufferpool_wait_ratio = Some(0.8); r.request_latency_avg_ms = Some(9.0); }, Bottleneck::Broker)]
    #[case::slow_broker_unseen_by_the_task(|r: &mut Readings, _: &mut Cpu| { r.request_latency_avg_ms = Some(9.0); }, Bottleneck::Broker)]
    #[case::all_busy(|_: &mut Readings, c: &mut Cpu| { c.busy = Some(0.97); }, Bottleneck::Cpu)]
    #[case::collector(|r: &mut Readings, c: &mut Cpu| { r.gc_share = Some(0.3); c.busy = Some(0.97); }, Bottleneck::GarbageCollection)]
    #[case::task_beside_a_collector(|r: &mut Readings, c: &mut Cpu| { r.gc_share = Some(0.15); c.threads.insert("task".to_owned(), 0.75); }, Bottleneck::Conversion)]
    #[case::task(|_: &mut Readings, c: &mut Cpu| { c.threads.insert("task".to_owned(), 0.95); }, Bottleneck::Conversion)]
    #[case::source(|_: &mut Readings, c: &mut Cpu| { c.threads.insert("source".to_owned(), 0.95); }, Bottleneck::SourcePoll)]
    #[case::waiting_for_the_source(|r: &mut Readings, _: &mut Cpu| { r.poll_share = Some(0.9); }, Bottleneck::SourcePoll)]
    #[case::full_buffer_on_a_busy_machine(|r: &mut Readings, c: &mut Cpu| { r.buffer_free = Some(0.0); c.busy = Some(1.0); }, Bottleneck::ProducerBuffer)]
    #[case::not_seen(|r: &mut Readings, c: &mut Cpu| { *r = Readings::default(); *c = Cpu::default(); }, Bottleneck::Unclear)]
    fn each_sign_has_its_name(#[case] change: Change, #[case] expected: Bottleneck) {
        let (mut readings, mut cpu) = quiet();
        change(&mut readings, &mut cpu);
        let limit = limit(&readings, &cpu);
        assert_eq!(limit.what, expected, "{}", limit.why);
    }
}
