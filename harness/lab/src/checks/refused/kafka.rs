//! Of Kafka. Why it closes a connection, a client does not return but logs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use stack::security::{Keys, User};

use super::{Answer, Asks, Who};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Between two looks at what has come.
const LOOK: Duration = Duration::from_millis(50);

/// What the one who asks wants. Without any of it: to be answered at all.
pub(super) struct Wish {
    pub reads: Option<String>,
    pub writes: Option<String>,
    pub group: Option<String>,
}

/// Settings of a client. `certificates`: whether the listener asks for those, and not for passwords.
pub(super) fn client(keys: &Keys, address: &str, who: Asks, certificates: bool) -> ClientConfig {
    let mut config = ClientConfig::new();
    // That a connection was closed is no error.
    config.set_log_level(RDKafkaLogLevel::Info);
    config
        .set("bootstrap.servers", address)
        .set("reconnect.backoff.max.ms", "200")
        .set("socket.connection.setup.timeout.ms", "5000");
    match (who, certificates) {
        (Asks::Other(Who::PlainText), _) => {}
        (Asks::Lab, true) => keys.show_certificate(&mut config, "lab"),
        (Asks::Lab, false) => {
            keys.log_in(&mut config, User::Lab.as_str(), keys.password(User::Lab));
        }
        (Asks::Other(who), true) => match who.identity() {
            stack::security::Identity::Of(name) => keys.show_certificate(&mut config, name),
            stack::security::Identity::Nobody => keys.show_nothing(&mut config),
        },
        (Asks::Other(who), false) => {
            let (name, password) = who.login(keys, User::Lab);
            match name.is_empty() {
                true => keys.show_nothing(&mut config),
                false => keys.log_in(&mut config, &name, &password),
            }
        }
    }
    config
}

/// What a client says beside its answers.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn add(&self, words: String) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.contains(&words) {
            heard.push(words);
        }
    }

    /// Whether any of it is a reason: that a broker is not there follows from one.
    fn reason(&self) -> bool {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .iter()
            .any(|words| !words.contains("brokers are down"))
    }

    /// All of it, and first what a call returned.
    fn with(&self, first: &str) -> String {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words = [first.to_owned()];
        words
            .iter()
            .chain(heard.iter())
            .cloned()
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl ClientContext for Heard {
    fn log(&self, _: RDKafkaLogLevel, _: &str, words: &str) {
        self.add(words.to_owned());
    }

    fn error(&self, _: KafkaError, words: &str) {
        self.add(words.to_owned());
    }
}

impl ConsumerContext for Heard {}

impl ProducerContext for Heard {
    type DeliveryOpaque = Box<Arc<Mutex<Option<Answer>>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, place: Self::DeliveryOpaque) {
        let answer = match result {
            Ok(_) => Ok("a record was written".to_owned()),
            Err((error, _)) => Err(error.to_string()),
        };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

/// Asks, and waits for the answer.
pub(super) fn ask(client: ClientConfig, wish: &Wish) -> Answer {
    let heard = Heard::default();
    let answer = match wish {
        Wish {
            writes: Some(topic),
            ..
        } => write(client, topic, &heard),
        Wish {
            reads: Some(topic),
            group: Some(group),
            ..
        } => join(client, topic, group, &heard),
        Wish {
            reads: Some(topic), ..
        } => read(client, topic, &heard),
        Wish { .. } => be_answered(client, &heard),
    };
    answer.map_err(|words| heard.with(&words))
}

type Reader = BaseConsumer<Heard>;

fn consumer(mut client: ClientConfig, group: &str, heard: &Heard) -> Result<Reader, String> {
    client
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .create_with_context(heard.clone())
        .map_err(|error| error.to_string())
}

fn be_answered(client: ClientConfig, heard: &Heard) -> Answer {
    let consumer = consumer(client, "lab-refused", heard)?;
    let begun = Instant::now();
    loop {
        let answer = consumer.fetch_metadata(None, LOOK * 5);
        // Words of errors come with events.
        while let Some(event) = consumer.poll(Duration::ZERO) {
            if let Err(error) = event {
                heard.add(error.to_string());
            }
        }
        match answer {
            Ok(metadata) if !metadata.brokers().is_empty() => {
                return Ok(format!("metadata of {} topics", metadata.topics().len()));
            }
            // A client tries again without end; whoever is refused once is refused.
            Err(error) if heard.reason() => return Err(error.to_string()),
            _ => {}
        }
        if begun.elapsed() > ANSWER {
            return Err("no answer".to_owned());
        }
    }
}

fn read(client: ClientConfig, topic: &str, heard: &Heard) -> Answer {
    let consumer = consumer(client, "lab-refused", heard)?;
    // Of a topic that one may not even describe, a consumer hears nothing.
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER);
    let metadata = metadata.map_err(|error| error.to_string())?;
    let about = metadata.topics().iter().find(|about| about.name() == topic);
    if let Some(error) = about.and_then(MetadataTopic::error) {
        return Err(KafkaError::MetadataFetch(error.into()).to_string());
    }
    let mut places = TopicPartitionList::new();
    let assigned = places
        .add_partition_offset(topic, 0, Offset::Beginning)
        .and_then(|()| consumer.assign(&places));
    assigned.map_err(|error| error.to_string())?;
    // Every consumer here looks for its group, of which this one wants nothing.
    first_event(&consumer, |error| {
        error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed)
    })
}

fn join(client: ClientConfig, topic: &str, group: &str, heard: &Heard) -> Answer {
    let consumer = consumer(client, group, heard)?;
    consumer
        .subscribe(&[topic])
        .map_err(|error| error.to_string())?;
    first_event(&consumer, |_| false)
}

/// A record, or the end of a topic without any: both are for those who may read.
fn first_event(consumer: &Reader, is_beside: impl Fn(&KafkaError) -> bool) -> Answer {
    let begun = Instant::now();
    while begun.elapsed() < ANSWER {
        match consumer.poll(LOOK) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok("its records".to_owned()),
            Some(Err(error)) if !is_beside(&error) => return Err(error.to_string()),
            _ => {}
        }
    }
    Err("no answer".to_owned())
}

fn write(mut client: ClientConfig, topic: &str, heard: &Heard) -> Answer {
    let producer: BaseProducer<Heard> = client
        .set("message.timeout.ms", "8000")
        .create_with_context(heard.clone())
        .map_err(|error| error.to_string())?;
    let answer: Arc<Mutex<Option<Answer>>> = Arc::default();
    let record = BaseRecord::with_opaque_to(topic, Box::new(Arc::clone(&answer)))
        .key("lab")
        .payload("lab");
    producer
        .send(record)
        .map_err(|(error, _)| error.to_string())?;
    let _ = producer.flush(ANSWER);
    let answered = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    answered.unwrap_or_else(|| Err("no answer".to_owned()))
}
