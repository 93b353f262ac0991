//! The queue between the reader of the log and Connect.

use crate::lint::case::Case;
use crate::lint::finding::{Finding, Severity};

pub fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.is_postgres() {
        return;
    }
    let number = |key| case.effective(key)?.parse::<u64>().ok();
    let (Some(batch), Some(queue)) = (number("max.batch.size"), number("max.queue.size")) else {
        return;
    };
    let given = case
        .get("max.batch.size")
        .or_else(|| case.get("max.queue.size"));
    if let Some(entry) = given.filter(|_| queue <= batch) {
        found.push(
            Finding::of_value(
                Severity::Error,
                entry,
                format!("a queue of {queue} records does not hold a batch of {batch}"),
                "Connect refuses the configuration",
            )
            .instead("\"max.queue.size\" is greater than \"max.batch.size\""),
        );
    }
}
