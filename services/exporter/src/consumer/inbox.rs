//! Records of the assigned partitions, some at a time.
//!
//! [`BaseConsumer::poll`] makes an event of each record, for which it allocates, and reads the clock twice as often as librdkafka alone:
//! together that takes as long as to compare a record of two metrics and apply it. librdkafka's own function gives records without
//! events. It serves none either, so records have a queue of their own, and events stay in the consumer's. Several are taken before the
//! first is looked into: then the threads that fill and empty the queue hold each other up less.
//!
//! `rd_kafka_consume_batch_queue` is no faster, and with the end of a partition among what it gives it goes one record too far
//! (librdkafka issue 4844): a rebalance at that moment loses a record.

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use rdkafka::bindings::{
    rd_kafka_consume_queue, rd_kafka_header_get_all, rd_kafka_message_destroy,
    rd_kafka_message_errstr, rd_kafka_message_headers, rd_kafka_message_t,
    rd_kafka_message_timestamp, rd_kafka_queue_destroy, rd_kafka_queue_forward,
    rd_kafka_queue_get_partition, rd_kafka_queue_new, rd_kafka_queue_t,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{IsError as _, KafkaError};
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

/// Records that are taken at once. Deadlines and rebalances have to wait for them: a millisecond at most.
const AT_ONCE: usize = 128;

/// The queue of the records. It has to go before its client.
pub(super) struct Inbox(NonNull<rd_kafka_queue_t>);

// SAFETY: librdkafka's functions on queues may be called on any thread (rdkafka.h, "thread-safe").
unsafe impl Send for Inbox {}
// SAFETY: as above.
unsafe impl Sync for Inbox {}

impl Inbox {
    /// An empty one; records come to it from partitions that are told to [`Inbox::forward`].
    pub(super) fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Inbox> {
        // SAFETY: the client lives.
        let queue = unsafe { rd_kafka_queue_new(consumer.client().native_ptr()) };
        NonNull::new(queue).map(Inbox)
    }

    /// Records of these partitions come here. To be called with each assignment, and before the consumer has it: when fetching
    /// stops, librdkafka forgets where the records went (`rd_kafka_toppar_fetch_stop`), and those that were fetched earlier would
    /// be behind others in the consumer's queue.
    pub(super) fn forward<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &TopicPartitionList,
    ) {
        for element in partitions.elements() {
            let Ok(topic) = CString::new(element.topic()) else {
                continue;
            };
            // SAFETY: client and queue live, and the name ends with a zero byte. What the first call gives is destroyed once.
            unsafe {
                let of_partition = rd_kafka_queue_get_partition(
                    consumer.client().native_ptr(),
                    topic.as_ptr(),
                    element.partition(),
                );
                if !of_partition.is_null() {
                    rd_kafka_queue_forward(of_partition, self.0.as_ptr());
                    rd_kafka_queue_destroy(of_partition);
                }
            }
        }
    }

    /// Takes what is there, or else waits for a first one.
    pub(super) fn take(&self, wait: Duration, batch: &mut Vec<Message>) {
        batch.extend((0..AT_ONCE).map_while(|_| self.next(Duration::ZERO)));
        if batch.is_empty() {
            batch.extend(self.next(wait));
        }
    }

    fn next(&self, wait: Duration) -> Option<Message> {
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue lives, and the message is this caller's to destroy.
        let message = unsafe { rd_kafka_consume_queue(self.0.as_ptr(), wait_ms) };
        NonNull::new(message).map(Message)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // SAFETY: it came from `rd_kafka_queue_new`, and nothing else destroys it.
        unsafe { rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// A record, or what befell a partition.
pub(super) struct Message(NonNull<rd_kafka_message_t>);

impl Message {
    /// The record.
    ///
    /// # Errors
    /// It is none: the error, and what librdkafka says of it.
    pub(super) fn record(&self) -> Result<Incoming<'_>, (KafkaError, String)> {
        // SAFETY: the message lives for as long as `self`.
        let message = unsafe { self.0.as_ref() };
        match message.err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => Err((
                KafkaError::PartitionEOF(message.partition),
                String::default(),
            )),
            error if error.is_error() => {
                // SAFETY: a message with an error has words, which end with a zero byte.
                let words = unsafe { CStr::from_ptr(rd_kafka_message_errstr(message)) };
                let code = error.into();
                let error = if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL {
                    KafkaError::MessageConsumptionFatal(code)
                } else {
                    KafkaError::MessageConsumption(code)
                };
                Err((error, words.to_string_lossy().into_owned()))
            }
            _ => Ok(Incoming(message)),
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: it came from `rd_kafka_consume_queue`, and nothing else destroys it.
        unsafe { rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// A record in librdkafka's memory.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'m>(&'m rd_kafka_message_t);

impl<'m> From<&'m BorrowedMessage<'_>> for Incoming<'m> {
    fn from(message: &'m BorrowedMessage<'_>) -> Incoming<'m> {
        // SAFETY: the message lives for as long as the binding's handle of it.
        Incoming(unsafe { &*message.ptr() })
    }
}

impl<'m> Incoming<'m> {
    pub(super) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(super) fn offset(self) -> i64 {
        self.0.offset
    }

    /// Milliseconds since 1970, if the record has a timestamp.
    pub(super) fn timestamp_ms(self) -> Option<i64> {
        // SAFETY: the message lives; without a place for it, the kind of the timestamp is not written.
        let timestamp = unsafe { rd_kafka_message_timestamp(self.0, ptr::null_mut()) };
        (timestamp != -1).then_some(timestamp)
    }

    pub(super) fn key(self) -> Option<&'m [u8]> {
        // SAFETY: a message's own memory.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    pub(super) fn payload(self) -> Option<&'m [u8]> {
        // SAFETY: a message's own memory.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }

    /// Copies of the headers. A name that is no text loses what is none.
    pub(super) fn headers(self) -> OwnedHeaders {
        let mut copies = OwnedHeaders::new();
        let mut headers = ptr::null_mut();
        // SAFETY: the message lives.
        let error = unsafe { rd_kafka_message_headers(self.0, &raw mut headers) };
        if error.is_error() {
            return copies;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers are the message's; there is none at an index that is an error. The name ends with a zero byte.
            let (name, value) = unsafe {
                let error = rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut length,
                );
                if error.is_error() {
                    break;
                }
                (CStr::from_ptr(name), bytes(value.cast(), length))
            };
            copies = copies.insert(Header {
                key: &name.to_string_lossy(),
                value,
            });
        }
        copies
    }
}

/// # Safety
/// Where `start` is not null, `length` bytes are there for as long as `'m`.
unsafe fn bytes<'m>(start: *const u8, length: usize) -> Option<&'m [u8]> {
    // SAFETY: as above.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
}
