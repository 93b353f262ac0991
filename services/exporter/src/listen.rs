//! Where the HTTP server listens.

use std::fmt;
use std::str::FromStr;

/// `host:port`, where a missing host means all interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    host: String,
    port: u16,
}

impl ListenAddr {
    /// Host and port as the system's resolver takes them.
    pub fn to_addrs(&self) -> (&str, u16) {
        // `::` takes IPv4 too where the system has IPv6; the caller falls back where it has not.
        (
            if self.host.is_empty() {
                "::"
            } else {
                &self.host
            },
            self.port,
        )
    }

    /// Whether it means all interfaces.
    pub fn is_any(&self) -> bool {
        self.host.is_empty()
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "host:port, [IPv6]:port or :port".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let host = match host.strip_prefix('[') {
            Some(host) => host
                .strip_suffix(']')
                .filter(|host| !host.is_empty())
                .ok_or_else(expected)?,
            None if host.contains(':') || host.contains(char::is_whitespace) => {
                return Err(expected());
            }
            None => host,
        };
        Ok(ListenAddr {
            host: host.to_owned(),
            port: port.parse().map_err(|_| expected())?,
        })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(":8080", Some(("::", 8080)))]
    #[case("127.0.0.1:9", Some(("127.0.0.1", 9)))]
    #[case("[::1]:80", Some(("::1", 80)))]
    #[case("localhost:0", Some(("localhost", 0)))]
    #[case("8080", None)]
    #[case("host", None)]
    #[case("::1:80", None)]
    #[case(":99999", None)]
    #[case("[]:80", None)]
    fn parses(#[case] text: &str, #[case] expected: Option<(&str, u16)>) {
        let parsed = text.parse::<ListenAddr>().ok();
        assert_eq!(parsed.as_ref().map(ListenAddr::to_addrs), expected);
        if let Some(parsed) = parsed {
            assert_eq!(parsed.to_string(), text);
        }
    }
}
