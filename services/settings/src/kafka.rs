//! How a service reaches Kafka: the common settings, and every librdkafka setting by its name.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Args;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use crate::names;

/// Variables with this prefix hold librdkafka settings. The prefix keeps them apart from what
/// Kubernetes injects for a service called `kafka` (`KAFKA_PORT` and the like).
pub(crate) const PREFIX: &str = "KAFKA_CONFIG_";

/// Where librdkafka's settings are described.
const NAMES: &str = "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";

/// The settings that every Kafka client here has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to ask first, as host:port, separated by commas
    #[arg(
        long,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        default_value = "localhost:9092",
        value_name = "HOST:PORT,…",
        value_parser = bootstrap_servers
    )]
    pub bootstrap_servers: String,
    /// The topic of the metrics
    #[arg(long, env = "KAFKA_TOPIC", default_value = "metrics", value_parser = topic)]
    pub topic: String,
    /// Any librdkafka setting, repeatable; as a variable KAFKA_CONFIG_SESSION_TIMEOUT_MS=6000, and with .file or _FILE behind the name the file that holds the value
    #[arg(long = "kafka-config", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub config: Vec<(String, String)>,
}

/// A librdkafka setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSettingError {
    /// librdkafka does not know the name.
    #[error("{name} holds {value:?}: {why}; {hint}the names are those in {NAMES}")]
    Unknown {
        /// The variable and the setting.
        name: String,
        /// What it held; hidden when it may be a secret.
        value: String,
        /// librdkafka's words.
        why: String,
        /// What may have been meant.
        hint: String,
    },
    /// librdkafka does not know the value.
    #[error("{name} holds {value:?}: {why}")]
    Refused {
        /// The variable and the setting.
        name: String,
        /// What it held; hidden when it may be a secret.
        value: String,
        /// librdkafka's words.
        why: String,
    },
    /// The service needs its own value there.
    #[error("{name} cannot be set: {why}")]
    Reserved {
        /// The variable and the setting.
        name: String,
        /// The reason, and what to do instead.
        why: &'static str,
    },
    /// The file that holds a value cannot be read.
    #[error("{name} holds {path:?}, which cannot be read")]
    File {
        /// The variable and the setting.
        name: String,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A value that is no text.
    #[error("{name} is not UTF-8 text")]
    NotUnicode {
        /// The variable.
        name: String,
    },
    /// Settings that contradict each other, and whatever else librdkafka finds.
    #[error("Kafka settings")]
    Client(#[source] KafkaError),
}

impl KafkaArgs {
    /// librdkafka's configuration: the service's defaults, over them the variables of `environment`
    /// that begin with `KAFKA_CONFIG_`, over them the flags. `reserved` names settings that the
    /// service needs for itself, with the reason.
    ///
    /// # Errors
    /// A setting is reserved, or librdkafka refuses it.
    pub fn client_config(
        &self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        defaults: &[(&str, &str)],
        reserved: &[(&str, &'static str)],
    ) -> Result<ClientConfig, KafkaSettingError> {
        let mut given = from_environment(environment)?;
        given.extend(self.config.iter().cloned());
        let given = from_files(&given)?;
        let own = ("bootstrap.servers", "use KAFKA_BOOTSTRAP_SERVERS");
        for (name, why) in reserved.iter().copied().chain([own]) {
            if given.contains_key(name) {
                return Err(KafkaSettingError::Reserved {
                    name: shown(name),
                    why,
                });
            }
        }
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers);
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        // KIP-848: the broker assigns, and librdkafka refuses the settings of the classic protocol beside it.
        if given
            .get("group.protocol")
            .is_some_and(|protocol| protocol == "consumer")
        {
            config.remove("partition.assignment.strategy");
        }
        for (name, value) in &given {
            config.set(name, value);
        }
        match config.create_native_config() {
            Ok(_) => Ok(config),
            Err(KafkaError::ClientConfig(result, why, setting, value)) => {
                // librdkafka's words may quote the value.
                let (value, why) = match is_secret(&setting) && !value.is_empty() {
                    true => ("(hidden)".to_owned(), why.replace(&value, "(hidden)")),
                    false => (value, why),
                };
                let name = shown(&setting);
                if result != RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN {
                    return Err(KafkaSettingError::Refused { name, value, why });
                }
                let hint = names::meant(&setting)
                    .map(|meant| format!("did you mean {}? ", shown(&meant)))
                    .unwrap_or_default();
                Err(KafkaSettingError::Unknown {
                    name,
                    value,
                    why,
                    hint,
                })
            }
            Err(error) => Err(KafkaSettingError::Client(error)),
        }
    }
}

fn from_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, KafkaSettingError> {
    let mut settings = BTreeMap::new();
    for (variable, value) in environment {
        // A name that is no text cannot be one of ours.
        let Some(setting) = variable
            .to_str()
            .and_then(|variable| variable.strip_prefix(PREFIX))
        else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| KafkaSettingError::NotUnicode {
                name: format!("{PREFIX}{setting}"),
            })?;
        settings.insert(setting.to_ascii_lowercase().replace('_', "."), value);
    }
    Ok(settings)
}

/// A name that ends in `.file` (`KAFKA_CONFIG_SASL_PASSWORD_FILE`) names a file that holds the value, less
/// the line feed at its end. librdkafka has no setting that ends so.
fn from_files(
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, KafkaSettingError> {
    let read = |(name, value): (&String, &String)| {
        let Some(setting) = name.strip_suffix(".file") else {
            return Ok((name.clone(), value.clone()));
        };
        if given.contains_key(setting) {
            return Err(KafkaSettingError::Reserved {
                name: shown(name),
                why: "the same setting is given without a file, too",
            });
        }
        match std::fs::read_to_string(value) {
            Ok(text) => Ok((
                setting.to_owned(),
                text.trim_end_matches(['\r', '\n']).to_owned(),
            )),
            Err(source) => Err(KafkaSettingError::File {
                name: shown(name),
                path: value.clone(),
                source,
            }),
        }
    };
    given.iter().map(read).collect()
}

fn shown(setting: &str) -> String {
    format!(
        "{PREFIX}{} ({setting})",
        setting.to_ascii_uppercase().replace('.', "_")
    )
}

/// Settings whose value must not reach a log: passwords, keys, tokens.
fn is_secret(setting: &str) -> bool {
    [
        "password",
        "secret",
        "key",
        "token",
        "oauthbearer.config",
        "ssl.ca.pem",
        "ssl.certificate.pem",
    ]
    .iter()
    .any(|part| setting.contains(part))
}

fn bootstrap_servers(text: &str) -> Result<String, String> {
    let fits = |server: &str| {
        // librdkafka takes PROTOCOL://host:port too.
        let address = server
            .rsplit_once("://")
            .map_or(server, |(_, address)| address);
        let host = match address.rsplit_once(':') {
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => return false,
            Some((host, port)) if port.parse::<u16>().is_ok_and(|port| port != 0) => host,
            Some(_) if address.ends_with(']') => address,
            Some(_) => return false,
            None => address,
        };
        !host.is_empty() && !host.contains(char::is_whitespace)
    };
    match text.split(',').all(|server| fits(server.trim())) {
        true => Ok(text.to_owned()),
        false => Err("host:port, several of them separated by commas".to_owned()),
    }
}

/// The name of a topic.
///
/// # Errors
/// What the setting may hold.
pub fn topic(text: &str) -> Result<String, String> {
    // Kafka's own rule (org.apache.kafka.common.internals.Topic).
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if matches!(text, "." | "..") {
        return Err("a topic's name, and \".\" and \"..\" are none".to_owned());
    }
    match !text.is_empty() && text.len() <= 249 && text.chars().all(legal) {
        true => Ok(text.to_owned()),
        false => Err("a topic's name: 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'".to_owned()),
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("a librdkafka setting as NAME=VALUE, such as session.timeout.ms=6000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    fn args(flags: &[(&str, &str)]) -> KafkaArgs {
        KafkaArgs {
            bootstrap_servers: "localhost:9092".to_owned(),
            topic: "metrics".to_owned(),
            config: flags
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_default() {
        let config = args(&[("client.id", "flag")])
            .client_config(
                environment(&[
                    ("KAFKA_CONFIG_CLIENT_ID", "variable"),
                    ("KAFKA_CONFIG_SESSION_TIMEOUT_MS", "6000"),
                    ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
                ]),
                &[
                    ("client.id", "default"),
                    ("session.timeout.ms", "1"),
                    ("linger.ms", "7"),
                ],
                &[],
            )
            .unwrap();
        assert_eq!(config.get("client.id"), Some("flag"));
        assert_eq!(config.get("session.timeout.ms"), Some("6000"));
        assert_eq!(config.get("linger.ms"), Some("7"));
    }

    #[rstest]
    #[case::unknown(
        "KAFKA_CONFIG_NO_SUCH",
        "1",
        "KAFKA_CONFIG_NO_SUCH (no.such) holds \"1\": No such configuration property: \"no.such\"; the names are those in \
         https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
    )]
    #[case::misspelt(
        "KAFKA_CONFIG_SASL_USRNAME",
        "me",
        "KAFKA_CONFIG_SASL_USRNAME (sasl.usrname) holds \"me\": No such configuration property: \"sasl.usrname\"; did you mean \
         KAFKA_CONFIG_SASL_USERNAME (sasl.username)? the names are those in \
         https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
    )]
    #[case::reserved(
        "KAFKA_CONFIG_BOOTSTRAP_SERVERS",
        "a",
        "KAFKA_CONFIG_BOOTSTRAP_SERVERS (bootstrap.servers) cannot be set: use KAFKA_BOOTSTRAP_SERVERS"
    )]
    fn an_error_names_the_variable(
        #[case] variable: &str,
        #[case] value: &str,
        #[case] expected: &str,
    ) {
        let error = args(&[])
            .client_config(environment(&[(variable, value)]), &[], &[])
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_error_says_what_the_value_may_be() {
        let error = args(&[])
            .client_config(
                environment(&[("KAFKA_CONFIG_SESSION_TIMEOUT_MS", "soon")]),
                &[],
                &[],
            )
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(
                "KAFKA_CONFIG_SESSION_TIMEOUT_MS (session.timeout.ms) holds \"soon\": "
            ),
            "{text}"
        );
    }

    #[test]
    fn a_secret_comes_from_a_file_and_never_shows() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"s3cret\n").unwrap();
        let path = file.path().to_str().unwrap();
        let config = args(&[])
            .client_config(
                environment(&[("KAFKA_CONFIG_SASL_PASSWORD_FILE", path)]),
                &[],
                &[],
            )
            .unwrap();
        assert_eq!(config.get("sasl.password"), Some("s3cret"));
        let error = args(&[("ssl.key.pem", "s3cret")])
            .client_config(environment(&[]), &[], &[])
            .err()
            .map(|error| format!("{error} {error:?}"));
        assert!(!error.unwrap_or_default().contains("s3cret"));
    }

    #[test]
    fn a_setting_is_given_as_it_is_or_by_a_file() {
        let error = args(&[("sasl.password", "s3cret"), ("sasl.password.file", "x")])
            .client_config(environment(&[]), &[], &[])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "KAFKA_CONFIG_SASL_PASSWORD_FILE (sasl.password.file) cannot be set: the same setting is given without a file, too"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = args(&[("sasl.password.file", "/nowhere/x")])
            .client_config(environment(&[]), &[], &[])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "KAFKA_CONFIG_SASL_PASSWORD_FILE (sasl.password.file) holds \"/nowhere/x\", which cannot be read"
        );
    }

    #[rstest]
    #[case("localhost:9092", true)]
    #[case("a:1, b:65535", true)]
    #[case("broker", true)]
    #[case("[::1]:9092", true)]
    #[case("SASL_SSL://broker:9093", true)]
    #[case("", false)]
    #[case("a:1,,b:2", false)]
    #[case("a:0", false)]
    #[case("a:99999", false)]
    #[case("a:port", false)]
    #[case("::1:9092", false)]
    fn bootstrap(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(bootstrap_servers(text).is_ok(), fits);
    }

    #[rstest]
    #[case("metrics", true)]
    #[case("a.b_c-1", true)]
    #[case("", false)]
    #[case("^metrics.*", false)]
    fn topics(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(topic(text).is_ok(), fits);
    }

    /// The letters that a name may have were listed, and dots are among them.
    #[rstest]
    #[case(".")]
    #[case("..")]
    fn a_topic_that_is_a_folder_is_refused_in_words_of_its_own(#[case] text: &str) {
        assert_eq!(
            topic(text).unwrap_err(),
            r#"a topic's name, and "." and ".." are none"#
        );
    }
}
