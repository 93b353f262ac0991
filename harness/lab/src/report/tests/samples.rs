//! A suite in which everything happens that can.

use crate::runner::{Chart, Grid, Outcome, ScenarioOutcome, Series, StepOutcome, Suite};

fn step(number: usize, title: &str, key: &str) -> StepOutcome {
    StepOutcome {
        number,
        title: title.to_owned(),
        named: true,
        key: key.to_owned(),
        role: if key == "sql" {
            scenario::Role::Action
        } else {
            scenario::Role::Check
        },
        place: format!("scenarios/cdc/delete.toml:{}:1", 10 * number),
        written: format!("[[step]]\nname = {title:?}\n{key} = \"as it stands in the file\""),
        outcome: Outcome::Passed,
        start: 0.25 * (number - 1) as f64,
        seconds: 0.25,
        attempts: 1,
        observed: "1 row".to_owned(),
        expected: None,
        log_tail: Vec::new(),
        service: None,
        grid: None,
        charts: Vec::new(),
    }
}

fn scenario(id: &str, outcome: Outcome, steps: Vec<StepOutcome>) -> ScenarioOutcome {
    ScenarioOutcome {
        id: id.to_owned(),
        path: format!("scenarios/{id}.toml").into(),
        summary: format!("What {id} says"),
        doc: format!("What {id} says.\nAnd why."),
        versions: [("kafka".to_owned(), "3.9.2".to_owned())].into(),
        outcome,
        seconds: steps.iter().map(|step| step.seconds).sum::<f64>() + 2.0,
        steps,
        note: None,
        clean_up: None,
    }
}

/// Text as a hostile topic, table or log may have it.
pub(super) const HOSTILE: &str =
    "<script>document.title='taken'</script> ]]> & \"'\u{1}\u{fffe} \u{1b}[31mred";

pub(super) fn suite() -> Suite {
    let line = |name: &str, slope: f64| Series {
        name: name.to_owned(),
        points: (1..=5)
            .map(|second| (f64::from(second), slope * f64::from(second)))
            .collect(),
    };
    let sampled = StepOutcome {
        seconds: 12.5,
        charts: vec![Chart {
            title: "Records written".to_owned(),
            x: "seconds".to_owned(),
            y: "records/s".to_owned(),
            series: vec![
                line("row 1", 900.0),
                line(HOSTILE, 3000.0),
                line("row 1", 1000.0),
            ],
            marks: vec![(3.0, "end of the warm-up".to_owned())],
        }],
        ..step(2, "rates", "tune")
    };
    let with_table = StepOutcome {
        grid: Some(Grid {
            header: vec!["key".to_owned(), "value".to_owned()],
            rows: vec![vec!["{\"id\":1}".to_owned(), HOSTILE.to_owned()]],
        }),
        ..step(2, "the row arrives", "records")
    };
    let mismatch = StepOutcome {
        outcome: Outcome::Failed,
        seconds: 30.04,
        attempts: 61,
        observed: format!("no records\n{HOSTILE}"),
        expected: Some("t to have exactly\n  key {\"id\":1}".to_owned()),
        log_tail: vec!["[2026-11-22] ERROR no slot".to_owned(), HOSTILE.to_owned()],
        service: Some("connect".to_owned()),
        ..step(2, HOSTILE, "records")
    };
    let broken = StepOutcome {
        outcome: Outcome::Failed,
        observed: "ERROR: relation \"x\" does not exist (SQLSTATE 42P01)".to_owned(),
        ..step(1, "a table", "sql")
    };
    let skipped = Outcome::Skipped {
        reason: "an earlier scenario failed".to_owned(),
    };
    Suite {
        run: "20261122-120000-1".to_owned(),
        began: "2026-11-22T12:00:00Z".to_owned(),
        seconds: 35.5,
        seed: Some(7),
        versions: [("kafka".to_owned(), "3.9.2".to_owned())].into(),
        endpoints: vec![("kafka bootstrap".to_owned(), "127.0.0.1:20000".to_owned())],
        left: None,
        scenarios: vec![
            scenario(
                "cdc/insert",
                Outcome::Passed,
                vec![step(1, "a table", "sql"), with_table],
            ),
            scenario(
                "cdc/delete[debezium=3.7.0.Final]",
                Outcome::Failed,
                vec![step(1, "a table", "sql"), mismatch],
            ),
            ScenarioOutcome {
                clean_up: Some("cannot drop database x".to_owned()),
                ..scenario("cdc/broken", Outcome::Failed, vec![broken])
            },
            ScenarioOutcome {
                note: Some("fails at \"it arrives\" as DBZ-5966 says".to_owned()),
                ..scenario("exposure/known", Outcome::Passed, Vec::new())
            },
            ScenarioOutcome {
                note: Some("it was to fail, but everything held".to_owned()),
                ..scenario("exposure/mended", Outcome::Failed, Vec::new())
            },
            scenario("exposure/left", skipped, Vec::new()),
            scenario(
                "tuning/rates",
                Outcome::Passed,
                vec![step(1, "a table", "sql"), sampled],
            ),
        ],
    }
}
