//! How a command ends.

use std::process::ExitCode;

use stack::components;
use stack::guard::GuardError;
use stack::native::StackError;
use stack::systemd::UnitError;

use crate::stacks;

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All held.
    Held,
    /// Something did not hold.
    Failed,
    /// The input is wrong.
    Wrong,
}

impl From<bool> for Verdict {
    fn from(held: bool) -> Self {
        if held { Self::Held } else { Self::Failed }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(match verdict {
            Verdict::Held => 0,
            Verdict::Failed => 1,
            Verdict::Wrong => 2,
        })
    }
}

/// The user, or a manager of services, asked us to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted by {0}")]
pub struct Interrupted(pub &'static str);

/// The exit status after a signal, as shells have it.
pub(crate) fn after(signal: &str) -> u8 {
    match signal {
        "SIGINT" => 130,
        "SIGHUP" => 129,
        _ => 143,
    }
}

/// Prints an error with its causes and says how the process ends.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(Interrupted(signal)) = error.downcast_ref() {
        eprintln!("interrupted by {signal}: everything that was started has been ended");
        return after(signal).into();
    }
    // What fetches is not awaited: it hears of the signal when it looks.
    let cancelled = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<components::Error>())
        .find(|cause| matches!(cause, components::Error::Cancelled));
    if let (Some(cancelled), Some(signal)) = (cancelled, stacks::signalled()) {
        eprintln!("interrupted by {signal}: {cancelled}");
        return after(signal).into();
    }
    let mut shown = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let text = cause.to_string();
        // Transparent wrappers repeat their cause.
        if shown.contains(&text) {
            continue;
        }
        let label = if depth == 0 { "error:" } else { "  because:" };
        eprintln!("{label} {text}");
        shown.push_str(&text);
    }
    let guard_went =
        |error: &GuardError| matches!(error, GuardError::Gone { .. } | GuardError::Ended { .. });
    let ran = error.chain().any(|cause| match cause.downcast_ref() {
        Some(
            StackError::Died { .. }
            | StackError::Ended { .. }
            | StackError::NotReady { .. }
            | StackError::Unit(UnitError::Ended { .. } | UnitError::NotReady { .. }),
        ) => true,
        Some(StackError::Guard(error)) => guard_went(error),
        // On a cluster there is no stack about it.
        _ => cause.downcast_ref().is_some_and(guard_went),
    });
    ExitCode::from(if ran { 1 } else { 2 })
}
