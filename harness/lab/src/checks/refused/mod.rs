//! `refused`

mod http;
mod kafka;
mod postgres;
mod zookeeper;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use stack::ServiceName;
use stack::security::{Identity, Keys, User};

use crate::runner::{Check, Context, Observed, Service, Step, StepError, Topic};

/// Somebody who must not be let in, or not be let do something. That the lab itself may do the very same is looked at as well: who
/// refuses everybody refuses nobody for the right reason.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Who has to refuse.
    service: Service,
    /// The endpoint, where it has several: `brokers` of Kafka, where brokers show each other certificates; `jmx` of Connect.
    endpoint: Option<Entrance>,
    /// Who asks.
    who: Who,
    /// It reads this topic. Of Kafka alone.
    reads: Option<Topic>,
    /// It writes a record to this topic. Of Kafka alone.
    writes: Option<Topic>,
    /// It joins this consumer group, for the topic that it `reads`. Of Kafka alone.
    group: Option<String>,
    /// What stands in the words of the refusal, as the one who asks sees them: one of these, where versions use several.
    says: Vec<String>,
}

/// Endpoints beside the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
enum Entrance {
    Brokers,
    Jmx,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Who {
    /// Somebody who does not speak TLS, and shows nothing.
    PlainText,
    /// Somebody who shows no certificate, and gives no password.
    Nobody,
    /// Whoever shows the lab's certificate after its time.
    Expired,
    /// Whoever shows a certificate that bears the lab's name, and that somebody else has signed.
    Stranger,
    /// The lab's name with another password.
    WrongPassword,
    /// A name that nobody has.
    UnknownUser,
    /// The user of the exporters, with its password.
    Exporter,
    /// The user of the producers, likewise.
    Producer,
    /// The user of the workers, likewise.
    Connect,
}

impl Who {
    /// Whose certificate it shows.
    fn identity(self) -> Identity<'static> {
        match self {
            Self::PlainText | Self::Nobody => Identity::Nobody,
            Self::Expired => Identity::Of("expired"),
            Self::Stranger => Identity::Of("stranger"),
            Self::Exporter => Identity::Of("exporter"),
            Self::Connect => Identity::Of("connect"),
            Self::Producer => Identity::Of("producer"),
            Self::WrongPassword | Self::UnknownUser => Identity::Of("lab"),
        }
    }

    /// Name and password, where `usual` is the one who is let in.
    fn login(self, keys: &Keys, usual: User) -> (String, String) {
        let of = |user: User| (user.to_string(), keys.password(user).to_owned());
        match self {
            Self::UnknownUser => ("mallory".to_owned(), keys.password(usual).to_owned()),
            Self::WrongPassword => (usual.to_string(), "wrong".to_owned()),
            Self::Exporter => of(User::Exporter),
            Self::Producer => of(User::Producer),
            Self::Connect => of(User::Connect),
            Self::PlainText | Self::Nobody | Self::Expired | Self::Stranger => {
                (String::new(), String::new())
            }
        }
    }
}

/// What came of a question: the answer, or the words of the refusal.
type Answer = Result<String, String>;

/// One side of the comparison.
#[derive(Debug, Clone, Copy)]
enum Asks {
    /// The lab, which has to be let in.
    Lab,
    /// The one who has to be refused.
    Other(Who),
}

impl Check for Refused {
    fn check(&self) -> Result<(), String> {
        let of_kafka = self.service.0.kind() == ServiceName::Kafka;
        if !of_kafka && (self.reads.is_some() || self.writes.is_some() || self.group.is_some()) {
            return Err(
                "only Kafka has topics and groups\nleave `reads`, `writes` and `group` out"
                    .to_owned(),
            );
        }
        if self.reads.is_some() && self.writes.is_some() {
            return Err("it reads and writes\ngive either `reads` or `writes`".to_owned());
        }
        if self.says.is_empty() {
            return Err("any failure would do\ngive in `says` what the refusal says".to_owned());
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Refused {
    async fn attempt(&self, context: &mut Context) -> Result<Observed, StepError> {
        let service = self.service.0;
        let Some(keys) = context.endpoints.keys().cloned() else {
            return Err(anyhow::anyhow!(
                "this stack refuses nobody: say `secure = true` in `[stack]`"
            )
            .into());
        };
        if let Err(seen) = self.ask(context, &keys, Asks::Lab).await? {
            return Err(StepError::mismatch(
                service.as_str(),
                format!("{service} to let the lab do so"),
                seen,
            ));
        }
        match self.ask(context, &keys, Asks::Other(self.who)).await? {
            Ok(seen) => Err(StepError::mismatch(
                service.as_str(),
                format!("{service} to refuse {:?}", self.who),
                seen,
            )),
            Err(words) if self.says.iter().any(|says| words.contains(says.as_str())) => {
                Ok(Observed::text(words))
            }
            Err(words) => Err(StepError::mismatch(
                service.as_str(),
                format!("a refusal that says one of {:?}", self.says),
                words,
            )),
        }
    }
}

impl Refused {
    async fn ask(&self, context: &Context, keys: &Keys, who: Asks) -> Result<Answer, StepError> {
        let service = self.service.0;
        let entrance = self.endpoint.map(<&str>::from);
        let usual = match service.kind() {
            ServiceName::Zookeeper => "client",
            ServiceName::Kafka => "bootstrap",
            ServiceName::Connect => "rest",
            ServiceName::Postgres => "sql",
            _ => "http",
        };
        let address = context.endpoint(service.as_str(), entrance.unwrap_or(usual))?;
        Ok(match service.kind() {
            ServiceName::Zookeeper => zookeeper::ask(keys, address, who).await,
            ServiceName::Postgres => postgres::ask(context, address, who).await?,
            ServiceName::Kafka => {
                let client = kafka::client(keys, address, who, entrance == Some("brokers"));
                let wish = kafka::Wish {
                    reads: self.reads.as_deref().map(str::to_owned),
                    writes: self.writes.as_deref().map(str::to_owned),
                    group: self.group.clone(),
                };
                tokio::task::spawn_blocking(move || kafka::ask(client, &wish))
                    .await
                    .map_err(anyhow::Error::from)?
            }
            _ => http::ask(keys, address, who, entrance == Some("jmx")).await?,
        })
    }
}
