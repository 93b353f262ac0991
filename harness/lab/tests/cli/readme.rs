//! The README is true.

use std::path::Path;

use crate::support::Lab;

/// Every `./lab` command of the README's shell blocks parses: its flags and arguments exist.
#[test]
fn every_command_of_the_readme_exists() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let lab = Lab::new();
    let mut found = 0;
    let blocks = text
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| block.split("```").next());
    for line in blocks.flat_map(str::lines) {
        let Some(command) = line.strip_prefix("./lab ") else {
            continue;
        };
        let mut words: Vec<_> = command
            // Comments, and where the shell puts the output.
            .split(['#', '>'])
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        // Help stops a command before it does anything, but after its name is known; wrong flags are refused before help.
        words.push("--help");
        let ended = lab.run(&words);
        assert_eq!(ended.status, Some(0), "{line}: {}", ended.stderr);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(ended.stdout.contains(flag), "{line}: there is no {flag}");
        }
        found += 1;
    }
    assert!(found > 10, "only {found} commands in the README");
}
