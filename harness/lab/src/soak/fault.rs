//! What a round does to its stack.

use std::fmt;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use stack::{Profile, ServiceName};

/// One fault: what is hurt, how, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    how: How,
    whom: &'static str,
    seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    Kill,
    Restart,
    Pause,
    Cut,
    Reset,
    Slow,
}

/// Which, in words: `kill kafka`.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind())
    }
}

/// Everything that can be done to a stack of this profile.
pub(super) fn all(profile: Profile) -> Vec<(How, &'static str)> {
    use How::{Cut, Kill, Pause, Reset, Restart, Slow};
    let mut all = vec![
        (Kill, "kafka"),
        (Kill, "connect"),
        (Kill, "postgres"),
        (Kill, EXPORTER),
        (Restart, "kafka"),
        (Restart, "connect"),
        (Pause, "kafka"),
        (Pause, "connect"),
        (Pause, "postgres"),
        (Pause, EXPORTER),
        (Cut, "connect-kafka"),
        (Cut, "connect-postgres"),
        (Cut, "exporter-kafka"),
        (Cut, "producer-kafka"),
        (Reset, "connect-kafka"),
        (Reset, "connect-postgres"),
        (Reset, "exporter-kafka"),
        (Reset, "producer-kafka"),
        (Slow, "connect-kafka"),
        (Slow, "connect-postgres"),
        (Slow, "exporter-kafka"),
    ];
    if profile.has(ServiceName::Zookeeper) {
        all.extend([
            (Kill, "zookeeper"),
            (Pause, "zookeeper"),
            (Cut, "kafka-zookeeper"),
            (Reset, "kafka-zookeeper"),
        ]);
    }
    all
}

/// The exporter that adds up. It is the scenario's own, and so is started like the first time.
const EXPORTER: &str = "exporter-sum";

impl Fault {
    pub(super) fn any(random: &mut StdRng, profile: Profile) -> Self {
        // There are always some.
        let (how, whom) = *all(profile).choose(random).unwrap_or(&(How::Kill, "kafka"));
        Self {
            how,
            whom,
            seconds: random.random_range(1..=8),
        }
    }

    /// Whether it is a kill of this one.
    pub(super) fn kills(&self, whom: &str) -> bool {
        self.how == How::Kill && self.whom == whom
    }

    /// How, and whom.
    pub fn kind(&self) -> String {
        let how = match self.how {
            How::Kill => "kill",
            How::Restart => "restart",
            How::Pause => "pause",
            How::Cut => "cut",
            How::Reset => "reset",
            How::Slow => "slow",
        };
        format!("{how} {}", self.whom)
    }

    /// The fault, with changes of the tables and messages in its midst where whoever takes them is there, and else after it.
    pub(super) fn steps(&self, sql: Value, produce: Value, restart: Value) -> Vec<Value> {
        let whom = self.whom;
        let wait = json!({ "shell": format!("sleep {}", self.seconds) });
        let (begin, end) = match self.how {
            How::Kill if whom == EXPORTER => (json!({ "kill": whom }), restart),
            How::Kill => (json!({ "kill": whom }), json!({ "start": whom })),
            How::Restart => (json!({ "stop": whom }), json!({ "start": whom })),
            How::Pause => (json!({ "pause": whom }), json!({ "resume": whom })),
            How::Cut => (json!({ "cut_link": whom }), json!({ "restore_link": whom })),
            How::Reset => (
                json!({ "reset_link": whom }),
                json!({ "restore_link": whom }),
            ),
            How::Slow => (
                json!({ "slow_link": { "link": whom, "latency": "50ms", "bytes_per_second": 500_000 } }),
                json!({ "restore_link": whom }),
            ),
        };
        let mut steps = vec![begin];
        let mut later = Vec::new();
        let has_database = whom != "postgres";
        // A broker without ZooKeeper keeps its topics and their leaders.
        let has_broker = whom != "kafka";
        for (step, now) in [(sql, has_database), (produce, has_broker)] {
            if now {
                steps.push(step)
            } else {
                later.push(step)
            }
        }
        steps.extend([wait, end]);
        steps.extend(later);
        steps
    }
}
