//! What librdkafka tells of the group, and of itself.

use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use settings::{rdkafka_error, rdkafka_log};

use super::dead_letters::DeadLetters;
use super::inbox::Inbox;
use super::journal::Journal;
use super::position;
use super::trouble::Trouble;
use crate::Start;
use crate::state::State;

/// Callbacks; all but the log come on the consumer's thread.
pub(super) struct Context {
    state: Arc<State>,
    start: Start,
    /// Wakes the watcher of the watermarks.
    assigned: Sender<()>,
    dead_letters: Option<Arc<DeadLetters>>,
    journal: Option<Arc<Journal>>,
    /// Where records go; not the owner, for it has to go before the client, which owns this.
    inbox: OnceLock<Weak<Inbox>>,
}

impl Context {
    /// `assigned` gets a word with each assignment.
    pub(super) fn new(
        state: Arc<State>,
        start: Start,
        assigned: Sender<()>,
        dead_letters: Option<Arc<DeadLetters>>,
        journal: Option<Arc<Journal>>,
    ) -> Context {
        Context {
            state,
            start,
            assigned,
            dead_letters,
            journal,
            inbox: OnceLock::new(),
        }
    }

    /// Records go there. For the first assignment and later ones.
    pub(super) fn set_inbox(&self, inbox: &Arc<Inbox>) {
        // It is set once.
        let _ = self.inbox.set(Arc::downgrade(inbox));
    }
}

/// Logs what librdkafka tells where the consumer says the same as trouble with Kafka: an error of a connection is both a line here and
/// an event.
pub(super) fn log_beside_trouble(level: RDKafkaLogLevel, facility: &str, text: &str) {
    let is_told = facility == "FAIL" && (level as i32) <= RDKafkaLogLevel::Error as i32;
    let level = if is_told {
        RDKafkaLogLevel::Debug
    } else {
        level
    };
    rdkafka_log(level, facility, text);
}

/// For clients beside the group's consumer: logs as that does.
pub(super) struct Logged;

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        rdkafka_log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        rdkafka_error(&error, reason);
    }
}

impl ConsumerContext for Logged {}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log_beside_trouble(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The same event also comes out of `poll`, which has the code but not these words.
        let words = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => return,
            // Each broker has told why before: a wrong password says more than that nobody is left.
            Some(RDKafkaErrorCode::AllBrokersDown) if self.state.in_trouble().is_some() => return,
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {
                format!("the topic {:?} does not exist yet", self.state.topic())
            }
            // A fetch that failed has its code alone.
            _ if reason.is_empty() => error.to_string(),
            _ => reason.to_owned(),
        };
        if Trouble::of(&error).ends_with_an_answer() {
            self.state.trouble_until_an_answer(words);
        } else {
            self.state.trouble(words);
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let numbers = |list: &TopicPartitionList| -> Vec<i32> {
            list.elements()
                .iter()
                .map(|element| element.partition())
                .collect()
        };
        let incremental = matches!(
            consumer.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        );
        let result = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if let Some(letters) = &self.dead_letters {
                letters.assigned(consumer, partitions);
            }
            position::set(consumer, self.start, partitions);
            let numbers = numbers(partitions);
            tracing::info!(partitions = ?numbers, "assigned");
            // Before the first record can come.
            self.state.assign(numbers, Instant::now());
            if let Some(journal) = &self.journal {
                journal.restore(consumer, partitions);
            }
            if let Some(inbox) = self.inbox.get().and_then(Weak::upgrade) {
                inbox.forward(consumer, partitions);
            }
            let result = if incremental {
                consumer.incremental_assign(partitions)
            } else {
                consumer.assign(partitions)
            };
            // The watcher ends before the consumer does; then nobody needs to be woken.
            let _ = self.assigned.send(());
            result
        } else {
            let numbers = numbers(partitions);
            tracing::info!(partitions = ?numbers, lost = consumer.assignment_lost(), "revoked");
            match &self.journal {
                _ if consumer.assignment_lost() => {}
                Some(journal) => journal.commit(consumer),
                None => position::store(consumer, &self.state),
            }
            self.state.revoke(numbers);
            if incremental {
                consumer.incremental_unassign(partitions)
            } else {
                consumer.unassign()
            }
        };
        if let Err(error) = result {
            tracing::error!(%error, "rebalance");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::warn!(%error, "commit");
        }
    }
}
