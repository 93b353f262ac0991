//! Settings as READMEs show them.

use clap::Command;

/// The settings of a command as a table in Markdown: variable, flag, default, meaning.
pub fn markdown_table(command: &Command) -> String {
    let mut table = "| Variable | Flag | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for argument in command.get_arguments() {
        let Some(long) = argument.get_long() else {
            continue;
        };
        let flag = format!("`--{long}`");
        let variable = match (argument.get_env(), argument.get_id().as_str()) {
            (Some(variable), _) => format!("`{}`", variable.to_string_lossy()),
            (None, "config") => "`KAFKA_CONFIG_…`".to_owned(),
            (None, _) => "–".to_owned(),
        };
        let mut meaning = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let mut default: String = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        // A default that is not a value stands in words at the end of the help.
        if let Some((words, written)) = meaning.split_once(" [default: ") {
            default = written.trim_end_matches(']').to_owned();
            meaning = words.to_owned();
        }
        if !argument.get_action().takes_values() {
            default = "off".to_owned();
        }
        let choices: Vec<_> = argument.get_possible_values();
        let choices: Vec<_> = choices
            .iter()
            .map(|choice| format!("`{}`", choice.get_name()))
            .collect();
        if argument.get_action().takes_values() && !choices.is_empty() {
            meaning = format!("{meaning}: {}", choices.join(", "));
        }
        table.push_str(&format!(
            "| {variable} | {flag} | {} | {meaning} |\n",
            if default.is_empty() { "–" } else { &default }
        ));
    }
    table
}
