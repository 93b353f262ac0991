//! The names of librdkafka's settings, which it knows itself.

use std::ffi::CStr;
use std::ptr;

use rdkafka::bindings::rd_kafka_conf_properties_show;

/// The setting that a misspelt name most likely meant, if one is near.
pub(crate) fn meant(given: &str) -> Option<String> {
    let table = properties();
    // One letter in four; or the unit is missing, as in `linger`.
    let near = |name: &&str| {
        let letters = strsim::damerau_levenshtein(given, name);
        let goes_on = name
            .strip_prefix(given)
            .is_some_and(|rest| rest.starts_with('.'));
        letters <= given.len() / 4 || goes_on
    };
    names(&table)
        .filter(near)
        .min_by_key(|name| strsim::damerau_levenshtein(given, name))
        .map(str::to_owned)
}

/// The first column of the tables.
fn names(table: &str) -> impl Iterator<Item = &str> {
    let is_name = |name: &&str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_';
        !name.is_empty() && name.chars().all(fits)
    };
    table
        .lines()
        .filter_map(|line| Some(line.split_once('|')?.0.trim()))
        .filter(is_name)
}

/// librdkafka's own manual: tables of all settings, in Markdown; nothing if there is no memory for it. `rd_kafka_conf_dump` would not
/// do: it leaves out what has no value, and that are the user names, passwords and paths.
fn properties() -> String {
    let (mut text, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the stream is open for as long as it is written to, and closed once. What it has written belongs to this function then,
    // ends with a zero byte, and is freed once.
    unsafe {
        let stream = libc::open_memstream(&raw mut text, &raw mut length);
        if stream.is_null() {
            return String::new();
        }
        rd_kafka_conf_properties_show(stream.cast());
        libc::fclose(stream);
        if text.is_null() {
            return String::new();
        }
        let properties = CStr::from_ptr(text).to_string_lossy().into_owned();
        libc::free(text.cast());
        properties
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_letter_is_missing("sasl.usrname", Some("sasl.username"))]
    #[case::of_a_topic("request.required.ack", Some("request.required.acks"))]
    #[case::an_alias("bootstrap.server", Some("bootstrap.servers"))]
    #[case::the_unit_is_missing("linger", Some("linger.ms"))]
    #[case::something_else("no.such", None)]
    fn a_name_that_is_near(#[case] given: &str, #[case] expected: Option<&str>) {
        assert_eq!(meant(given).as_deref(), expected);
    }
}
