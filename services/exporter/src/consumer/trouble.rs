//! What kind of trouble an error of librdkafka is.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Trouble is told of once in a while; one kind does not keep another one quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No way to a broker.
    Connection,
    /// A broker that does not let this instance in.
    Access,
    /// The topic is not there.
    Topic,
    /// The group, and whatever else there is.
    Other,
}

impl Trouble {
    pub(super) fn of(error: &KafkaError) -> Trouble {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut,
            ) => Trouble::Connection,
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL) => Trouble::Access,
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Trouble::Topic,
            _ => Trouble::Other,
        }
    }

    pub(super) fn kind(self) -> &'static str {
        match self {
            Trouble::Connection => "kafka connection",
            Trouble::Access => "kafka access",
            Trouble::Topic => "kafka topic",
            Trouble::Other => "kafka",
        }
    }

    /// Whether it is over once a broker has answered a question about the topic.
    pub(super) fn ends_with_an_answer(self) -> bool {
        self != Trouble::Other
    }
}
