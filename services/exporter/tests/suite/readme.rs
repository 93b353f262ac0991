//! The README's table of settings is the settings' own.
use clap::CommandFactory;
use exporter::Settings;

/// One line a setting: variable, flag, default, meaning.
fn table() -> String {
    let mut table = "| Variable | Flag | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for argument in Settings::command()
        .get_arguments()
        .filter(|argument| argument.get_long().is_some())
    {
        let flag = format!("`--{}`", argument.get_long().unwrap());
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
        if let Some(at) = meaning.find(" [default: ") {
            default = meaning[at + " [default: ".len()..]
                .trim_end_matches(']')
                .to_owned();
            meaning.truncate(at);
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

const BEGIN: &str = "<!-- settings: made by tests/suite/readme.rs -->\n";
const END: &str = "<!-- end of settings -->\n";

#[test]
fn the_settings_table_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(
        found == wanted,
        "UPDATE_README=1 cargo test --release -p exporter settings_table writes it"
    );
}
