//! Messages that a client is given in one call.

use std::ffi::CString;
use std::ptr;

use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_last_error, rd_kafka_message_t, rd_kafka_produce_batch,
    rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t,
};
use rdkafka::error::{IsError as _, KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::IntoOpaque as _;

use crate::Outgoing;
use crate::deliveries::Deliveries;

/// The partitioner chooses, by the key.
const ANY_PARTITION: i32 = -1;

/// One call for several messages looks for the topic once, and reads clocks less often. A call for each
/// ([`BaseProducer::send`]) costs more than to make a message of two metrics.
pub(crate) struct Burst {
    topic: Topic,
    /// The first `length` are to be sent; the others are memory that is used again.
    messages: Vec<Outgoing>,
    length: usize,
    bytes: usize,
    /// The same for librdkafka. Without use between calls but for its memory.
    native: Vec<rd_kafka_message_t>,
}

impl Burst {
    /// More gain nothing, and leave the processor's nearest cache before librdkafka copies them.
    const MESSAGES: usize = 64;
    const BYTES: usize = 32 * 1024;

    pub(crate) fn new(producer: &BaseProducer<Deliveries>, topic: &str) -> KafkaResult<Burst> {
        Ok(Burst {
            topic: Topic::new(producer, topic)?,
            messages: Vec::new(),
            length: 0,
            bytes: 0,
            native: Vec::new(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.length >= Burst::MESSAGES || self.bytes >= Burst::BYTES
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.bytes = 0;
    }

    /// Takes a message and gives memory of an earlier one.
    pub(crate) fn push(&mut self, outgoing: &mut Outgoing) {
        self.bytes += outgoing.payload.len();
        match self.messages.get_mut(self.length) {
            Some(message) => std::mem::swap(message, outgoing),
            None => self.messages.push(std::mem::take(outgoing)),
        }
        self.length += 1;
    }

    /// Gives the messages to the client, each with `opaque` for its report. Those that it has no room for now stay, the others
    /// are gone: taken, or `refused` with their bytes. Gives how many were taken or refused.
    pub(crate) fn produce(
        &mut self,
        opaque: usize,
        mut refused: impl FnMut(usize, &KafkaError),
    ) -> usize {
        let messages = self.messages.get(..self.length).unwrap_or_default();
        self.native.clear();
        self.native
            .extend(messages.iter().map(|message| native(message, opaque)));
        // Not more than MESSAGES.
        let count = self.native.len() as i32;
        // SAFETY: the topic's client lives, see `Topic`. There are `count` messages, whose keys and payloads are in `messages`; with this
        // flag librdkafka copies these, and it writes into the messages alone. The opaque values are what `Deliveries` expects.
        let taken = unsafe {
            rd_kafka_produce_batch(
                self.topic.0,
                ANY_PARTITION,
                RD_KAFKA_MSG_F_COPY,
                self.native.as_mut_ptr(),
                count,
            )
        };
        if taken == count {
            self.clear();
            return self.native.len();
        }
        let mut kept = 0;
        self.bytes = 0;
        for (place, native) in self.native.iter().enumerate() {
            match native.err {
                // Order stays: once there is no room for one message, there is none for those behind it.
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL => {
                    self.messages.swap(kept, place);
                    kept += 1;
                    self.bytes += native.len;
                }
                error if error.is_error() => {
                    let code = RDKafkaErrorCode::from(error);
                    refused(native.len, &KafkaError::MessageProduction(code));
                }
                _ => {}
            }
        }
        let gone = self.length - kept;
        self.length = kept;
        gone
    }
}

fn native(message: &Outgoing, opaque: usize) -> rd_kafka_message_t {
    rd_kafka_message_t {
        err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: ANY_PARTITION,
        payload: message.payload.as_ptr().cast_mut().cast(),
        len: message.payload.len(),
        key: message.key.as_ptr().cast_mut().cast(),
        key_len: message.key.len(),
        offset: 0,
        _private: opaque.into_ptr(),
    }
}

/// librdkafka's handle of a topic. It has to go before its client, whose memory it would use then.
struct Topic(*mut rd_kafka_topic_t);

impl Topic {
    fn new(producer: &BaseProducer<Deliveries>, name: &str) -> KafkaResult<Topic> {
        let name = CString::new(name)?;
        // SAFETY: the client lives, and the name ends with a zero byte. Without settings the client's own hold.
        let topic = unsafe {
            rd_kafka_topic_new(
                producer.client().native_ptr(),
                name.as_ptr(),
                ptr::null_mut(),
            )
        };
        if topic.is_null() {
            // SAFETY: it reads a number of this thread.
            let error = unsafe { rd_kafka_last_error() };
            return Err(KafkaError::ClientCreation(
                RDKafkaErrorCode::from(error).to_string(),
            ));
        }
        Ok(Topic(topic))
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: it came from `rd_kafka_topic_new`, and nothing else destroys it.
        unsafe { rd_kafka_topic_destroy(self.0) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Instant;

    use rdkafka::ClientConfig;

    use super::*;

    /// A client that has room for so many messages of at most a thousand bytes, and sends them nowhere.
    fn producer(room: usize) -> BaseProducer<Deliveries> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1");
        config.set("queue.buffering.max.messages", room.to_string());
        config.set("message.max.bytes", "1000");
        config
            .create_with_context(Deliveries::new(&config, Instant::now()))
            .unwrap()
    }

    fn messages(sizes: impl IntoIterator<Item = usize>, burst: &mut Burst) {
        for (number, size) in sizes.into_iter().enumerate() {
            burst.push(&mut Outgoing {
                key: number.to_string(),
                payload: vec![b'x'; size],
                ends_round: false,
            });
        }
    }

    fn keys(burst: &Burst) -> Vec<&str> {
        let messages = burst.messages.iter().take(burst.length);
        messages.map(|message| message.key.as_str()).collect()
    }

    #[test]
    fn what_a_full_queue_has_no_room_for_stays_in_order() {
        let producer = producer(3);
        let mut burst = Burst::new(&producer, "topic").unwrap();
        messages([10; 6], &mut burst);
        let taken = burst.produce(0, |_, error| panic!("{error}"));
        assert_eq!(taken, 3);
        assert_eq!(keys(&burst), ["3", "4", "5"]);
    }

    #[test]
    fn what_is_refused_is_told_and_does_not_hold_up_the_others() {
        let producer = producer(3);
        let mut burst = Burst::new(&producer, "topic").unwrap();
        messages([10, 2_000, 10, 10, 10], &mut burst);
        let mut refused = Vec::new();
        let gone = burst.produce(0, |bytes, error| {
            refused.push((bytes, error.rdkafka_error_code()));
        });
        assert_eq!(
            refused,
            [(2_000, Some(RDKafkaErrorCode::MessageSizeTooLarge))]
        );
        assert_eq!(gone, 4);
        assert_eq!(keys(&burst), ["4"]);
    }

    #[test]
    fn it_is_full_by_messages_or_by_bytes() {
        let producer = producer(3);
        let mut burst = Burst::new(&producer, "topic").unwrap();
        messages([1; Burst::MESSAGES - 1], &mut burst);
        assert!(!burst.is_full());
        messages([1], &mut burst);
        assert!(burst.is_full());
        burst.clear();
        messages([Burst::BYTES], &mut burst);
        assert!(burst.is_full());
    }

    #[test]
    fn a_topic_that_cannot_be_is_an_error() {
        let name = "n".repeat(600);
        let error = Burst::new(&producer(3), &name).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("Invalid"), "{error}");
    }
}
