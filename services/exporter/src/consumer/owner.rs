//! Whose state a state topic is: the first record of each of its partitions says so.

use serde::{Deserialize, Serialize};

/// Key of that record. Keys of series are JSON.
pub(super) const KEY: &[u8] = b"owner";

/// Sums and offsets belong together: what another group or another topic's exporter wrote is not to be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The topic of the metrics.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Whether counters are sums of deltas.
    pub delta: bool,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mode = if self.delta { "delta" } else { "absolute" };
        write!(
            out,
            "the group {:?} on the topic {:?} with COUNTER_MODE={mode}",
            self.group, self.topic
        )
    }
}

/// Why a topic cannot be this exporter's state topic.
#[derive(Debug, thiserror::Error)]
pub enum NotOurs {
    /// Of another exporter.
    #[error(
        "STATE_TOPIC (--state-topic): {topic} is the state of {theirs}, and this is {ours}; choose another topic"
    )]
    Other {
        /// The topic.
        topic: String,
        /// Whose it is.
        theirs: Box<Owner>,
        /// Who asked.
        ours: Box<Owner>,
    },
    /// Of something else.
    #[error(
        "STATE_TOPIC (--state-topic): {0} has records that are no exporter's state; choose another topic"
    )]
    Foreign(String),
    /// It would lose series that stand still.
    #[error(
        "STATE_TOPIC (--state-topic): {topic} has cleanup.policy={policy}, which deletes what has not changed for a while; set it to \
         compact, or choose a topic that does not exist: it is made"
    )]
    Deletes {
        /// The topic.
        topic: String,
        /// Its cleanup.policy.
        policy: String,
    },
}

impl Owner {
    /// Checks the first record of a partition.
    pub(super) fn check(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), NotOurs> {
        let theirs = (key == Some(KEY))
            .then(|| serde_json::from_slice::<Owner>(value.unwrap_or_default()).ok())
            .flatten();
        match theirs {
            Some(theirs) if theirs == *self => Ok(()),
            Some(theirs) => Err(NotOurs::Other {
                topic: topic.to_owned(),
                theirs: Box::new(theirs),
                ours: Box::new(self.clone()),
            }),
            None => Err(NotOurs::Foreign(topic.to_owned())),
        }
    }
}
