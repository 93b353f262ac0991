//! The forms of addresses.

use stack::Endpoints;

use crate::runner::postgres;

/// What an address looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `HOST:PORT`, several with commas between them.
    Hosts,
    /// `http://HOST:PORT`.
    Url,
    /// A connection string.
    Sql,
    /// The name of a topic.
    Topic,
    /// The name of a unit of systemd.
    Unit,
    /// A version.
    Version,
}

impl Form {
    /// The form behind an endpoint's key.
    pub(super) fn of_key(key: &str) -> Self {
        match key {
            "client" | "bootstrap" | "controller" => Self::Hosts,
            "sql" => Self::Sql,
            _ => Self::Url,
        }
    }

    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Hosts => "HOST:PORT",
            Self::Url => "http://HOST:PORT",
            Self::Sql => "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
            Self::Topic => "metrics",
            Self::Unit => "NAME.service",
            Self::Version => "3.9.2",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Hosts => "HOST:PORT, or several with commas between them",
            Self::Url => "http://HOST:PORT",
            Self::Sql => "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
            Self::Topic => "the name of a topic: letters, digits, `.`, `_` and `-`",
            Self::Unit => "the name of a service of systemd, such as apache-kafka.service",
            Self::Version => "a version, such as 3.9.2",
        }
    }
}

/// The address as it is used, or what is wrong with it.
pub(super) fn check(form: Form, address: &str) -> Result<String, String> {
    match form {
        Form::Hosts => address
            .split(',')
            .try_for_each(|one| host_and_port(one.trim()))
            .map(|()| address.to_owned()),
        Form::Url => url(address),
        Form::Sql => sql(address),
        Form::Topic => topic(address),
        Form::Unit => unit(address),
        Form::Version => version(address),
    }
}

fn host_and_port(address: &str) -> Result<(), String> {
    if address.contains("://") {
        return Err("this address has no scheme: neither http:// nor another".to_owned());
    }
    let Some((host, port)) = address
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
    else {
        return Err(format!("`{address}` has no port"));
    };
    if port.parse::<u16>().ok().is_none_or(|port| port == 0) {
        return Err(format!("`{port}` is not a port"));
    }
    // What is a host stands in the standard of URLs.
    match reqwest::Url::parse(&format!("http://{host}/")) {
        Ok(url) if url.path() == "/" && url.port().is_none() && url.username().is_empty() => Ok(()),
        _ => Err(format!("`{host}` is not a host")),
    }
}

fn url(address: &str) -> Result<String, String> {
    if !address.contains("://") {
        return Err(format!("`{address}` has no scheme"));
    }
    let url = reqwest::Url::parse(address).map_err(|error| format!("not a URL: {error}"))?;
    match url.scheme() {
        "http" => {}
        "https" => return Err("https is not spoken here".to_owned()),
        other => return Err(format!("`{other}` is not http")),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("paths are put behind this URL: it has no query and no fragment".to_owned());
    }
    Ok(address.trim_end_matches('/').to_owned())
}

fn sql(address: &str) -> Result<String, String> {
    if !["postgresql://", "postgres://"]
        .iter()
        .any(|scheme| address.starts_with(scheme))
    {
        return Err("a connection string begins with postgresql://".to_owned());
    }
    let config = postgres::parse(&Endpoints::default(), address)
        .map_err(|error| format!("{:#}", error.root_cause()))?;
    match config.get_hosts() {
        [] => Err("it names no host".to_owned()),
        _ => Ok(address.to_owned()),
    }
}

fn topic(name: &str) -> Result<String, String> {
    let is_right = (1..=249).contains(&name.len())
        && ![".", ".."].contains(&name)
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c));
    is_right
        .then(|| name.to_owned())
        .ok_or_else(|| "not the name of a topic".to_owned())
}

/// systemd.unit(5): what a name may be made of, less what is of no use in the name of a service.
fn unit(name: &str) -> Result<String, String> {
    let is_right = name.strip_suffix(".service").is_some_and(|stem| {
        !stem.is_empty()
            && !stem.starts_with('-')
            && stem
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"._-@:\\".contains(&c))
    });
    is_right
        .then(|| name.to_owned())
        .ok_or_else(|| format!("`{name}` is not the name of a service"))
}

fn version(text: &str) -> Result<String, String> {
    (!text.is_empty() && !text.contains(char::is_whitespace))
        .then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}` is not a version"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::host(Form::Hosts, "kafka.example:9092")]
    #[case::several(Form::Hosts, "a:1, b:2")]
    #[case::ipv6(Form::Hosts, "[::1]:9092")]
    #[case::url(Form::Url, "http://connect/path")]
    #[case::user(Form::Url, "http://me:pw@connect:8083")]
    #[case::sql(Form::Sql, "postgresql://me:pw@h:5432/shop?connect_timeout=5")]
    #[case::short_sql(Form::Sql, "postgres://h")]
    #[case::topic(Form::Topic, "prod.metrics_1-a")]
    #[case::unit(Form::Unit, "kafka-connect@1.service")]
    #[case::version(Form::Version, "3.7.0.Final")]
    fn is_right(#[case] form: Form, #[case] address: &str) {
        assert_eq!(check(form, address), Ok(address.to_owned()));
    }

    #[rstest]
    #[case::no_port(Form::Hosts, "kafka", "has no port")]
    #[case::no_port_after_ipv6(Form::Hosts, "[::1]", "has no port")]
    #[case::second_lacks_a_port(Form::Hosts, "a:1,b", "`b` has no port")]
    #[case::empty(Form::Hosts, "", "has no port")]
    #[case::port_of_letters(Form::Hosts, "kafka:http", "`http` is not a port")]
    #[case::port_too_large(Form::Hosts, "kafka:70000", "`70000` is not a port")]
    #[case::port_zero(Form::Hosts, "kafka:0", "`0` is not a port")]
    #[case::scheme(Form::Hosts, "http://kafka:9092", "no scheme")]
    #[case::no_host(Form::Hosts, ":9092", "`` is not a host")]
    #[case::path(Form::Hosts, "kafka/x:9092", "is not a host")]
    #[case::bare_ipv6(Form::Hosts, "::1:9092", "is not a host")]
    #[case::no_scheme(Form::Url, "localhost:8083", "has no scheme")]
    #[case::tls(Form::Url, "https://connect", "https is not spoken here")]
    #[case::other_scheme(Form::Url, "ftp://connect", "`ftp` is not http")]
    #[case::no_host_in_url(Form::Url, "http://", "not a URL")]
    #[case::bad_port(Form::Url, "http://connect:99999", "not a URL: invalid port")]
    #[case::query(Form::Url, "http://connect?x=1", "no query")]
    #[case::not_sql(Form::Sql, "mysql://h/x", "begins with postgresql://")]
    #[case::pairs(Form::Sql, "host=h", "begins with postgresql://")]
    #[case::no_sql_host(Form::Sql, "postgresql://", "names no host")]
    #[case::sql_port(Form::Sql, "postgresql://h:x/d", "port")]
    #[case::topic(Form::Topic, "a b", "not the name of a topic")]
    #[case::unit_of_another_kind(Form::Unit, "kafka.target", "not the name of a service")]
    #[case::option(Form::Unit, "--root=x.service", "not the name of a service")]
    #[case::version(Form::Version, "the newest", "not a version")]
    fn is_wrong(#[case] form: Form, #[case] address: &str, #[case] words: &str) {
        let said = check(form, address).err().unwrap_or_default();
        assert!(said.contains(words), "{said:?}");
    }
}
