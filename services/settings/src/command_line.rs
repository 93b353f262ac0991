//! Parses the command line, and words its errors.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Parser};

use crate::EXIT_USAGE;

/// Parses flags and environment variables.
///
/// # Errors
/// The text for the user (or the help they asked for) and the exit status that goes with it. Text
/// with status 0 belongs on standard output.
pub fn parse<P: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<P, (String, u8)> {
    let args: Vec<OsString> = args.into_iter().collect();
    P::try_parse_from(&args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => (error.render().to_string(), 0),
        ErrorKind::InvalidUtf8 => {
            let text = no_utf8(&P::command());
            (
                text.unwrap_or_else(|| error.render().to_string()),
                EXIT_USAGE,
            )
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let mut command = P::command();
            // Without this, arguments do not yet show themselves as they do in errors.
            command.build();
            let text = invalid_value(&command, &error, &args);
            (
                text.unwrap_or_else(|| error.render().to_string()),
                EXIT_USAGE,
            )
        }
        _ => (error.render().to_string(), EXIT_USAGE),
    })
}

/// [`parse`] for this process. What it says to the user is printed.
///
/// # Errors
/// The status to exit with.
pub fn parse_or_exit<P: Parser>() -> Result<P, ExitCode> {
    parse(std::env::args_os()).map_err(|(text, status)| {
        if status == 0 {
            return print(&text).map_or(ExitCode::from(EXIT_USAGE), |()| ExitCode::SUCCESS);
        }
        // Nobody may be there to read it.
        let _ = write!(io::stderr(), "{text}");
        ExitCode::from(status)
    })
}

/// Writes a text to standard output, where `print!` would panic.
///
/// # Errors
/// When nobody reads, or the file is full; it is on standard error already.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.inspect_err(|error| {
        let _ = writeln!(
            io::stderr(),
            "error: cannot write to standard output: {error}"
        );
    })
}

/// The variable that is no UTF-8: clap takes it for an argument, and does not say which.
fn no_utf8(command: &Command) -> Option<String> {
    let mut variables = command.get_arguments().filter_map(Arg::get_env);
    variables.find_map(|name| {
        let held = std::env::var_os(name).filter(|held| held.to_str().is_none())?;
        let name = name.display();
        Some(format!("error: {name} holds {held:?}; it may hold UTF-8\n"))
    })
}

/// clap names the flag even when the value came from a variable; here the variable comes first.
fn invalid_value(command: &Command, error: &clap::Error, args: &[OsString]) -> Option<String> {
    let (ContextValue::String(shown), ContextValue::String(held)) = (
        error.get(ContextKind::InvalidArg)?,
        error.get(ContextKind::InvalidValue)?,
    ) else {
        return None;
    };
    let arg = command
        .get_arguments()
        .find(|arg| arg.to_string() == *shown)?;
    let flag = format!("--{}", arg.get_long()?);
    if held.is_empty() && stands_alone(&flag, args) {
        return Some(without_value(arg, &flag));
    }
    let name = match arg.get_env() {
        Some(variable) => format!("{} ({flag})", variable.to_string_lossy()),
        None => flag,
    };
    let may_hold = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(expected), _) => expected.to_string(),
        // Of parsers that take everything but nothing.
        (None, Some(ContextValue::Strings(values))) if values.is_empty() => {
            "a text that is not empty".to_owned()
        }
        (None, Some(ContextValue::Strings(values))) => format!("one of: {}", values.join(", ")),
        _ => return None,
    };
    Some(format!(
        "error: {name} holds {held:?}; it may hold {may_hold}\n"
    ))
}

/// clap has one error for a value that is missing and one that is empty.
fn stands_alone(flag: &str, args: &[OsString]) -> bool {
    let is_flag = |arg: &OsString| arg.as_encoded_bytes().starts_with(b"-");
    let next = args.iter().skip(1).map(Some).chain([None]);
    args.iter()
        .zip(next)
        .any(|(arg, next)| arg == flag && next.is_none_or(is_flag))
}

fn without_value(arg: &Arg, flag: &str) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<_> = arg.get_possible_values();
    let choices: Vec<_> = choices.iter().map(|choice| choice.get_name()).collect();
    let choices = match choices.is_empty() {
        true => String::new(),
        false => format!(" (one of: {})", choices.join(", ")),
    };
    format!("error: {flag} lacks its value; write {arg}: {help}{choices}\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[derive(Parser, Debug)]
    struct Args {
        #[arg(long, env = "SETTINGS_TEST_PAUSE", value_parser = crate::duration)]
        pause: std::time::Duration,
        /// Which one
        #[arg(long, value_parser = ["one", "two"], default_value = "one")]
        number: String,
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new(), default_value = "x")]
        name: String,
    }

    fn error(args: &[&str]) -> (String, u8) {
        parse::<Args>(
            std::iter::once("x")
                .chain(args.iter().copied())
                .map(OsString::from),
        )
        .unwrap_err()
    }

    #[test]
    fn names_the_variable_the_value_and_what_it_may_hold() {
        let (text, status) = error(&["--pause", "soon"]);
        assert_eq!(
            text,
            "error: SETTINGS_TEST_PAUSE (--pause) holds \"soon\"; it may hold a duration such as 250ms, 10s or 5m\n"
        );
        assert_eq!(status, 2);
    }

    #[test]
    fn lists_the_values_of_a_choice() {
        let (text, _) = error(&["--pause", "1s", "--number", "three"]);
        assert_eq!(
            text,
            "error: --number holds \"three\"; it may hold one of: one, two\n"
        );
    }

    #[test]
    fn a_text_that_may_not_be_empty_says_so() {
        let (text, _) = error(&["--pause", "1s", "--name="]);
        assert_eq!(
            text,
            "error: --name holds \"\"; it may hold a text that is not empty\n"
        );
    }

    /// It was said to hold "".
    #[rstest]
    #[case::at_the_end(&["--pause", "1s", "--number"])]
    #[case::before_another_flag(&["--number", "--pause", "1s"])]
    fn a_value_that_is_missing_is_not_one_that_is_empty(#[case] args: &[&str]) {
        assert_eq!(
            error(args),
            (
                "error: --number lacks its value; write --number <NUMBER>: Which one (one of: one, two)\n".to_owned(),
                2
            )
        );
    }

    #[rstest]
    #[case::behind_the_flag(&["--pause", "1s", "--name", ""])]
    #[case::in_one_word(&["--pause", "1s", "--name="])]
    fn an_empty_value_is_a_value(#[case] args: &[&str]) {
        let (text, _) = error(args);
        assert!(text.starts_with("error: --name holds \"\";"), "{text}");
    }

    #[test]
    fn help_is_no_failure() {
        assert_eq!(error(&["--help"]).1, 0);
    }
}
