//! What `[stack]` chooses: a profile, and versions that there are.

use crate::fault::one_of;
use crate::inputs::{Inputs, Profile};
use crate::near::near_miss;
use crate::node::{Known, Node, Value, quoted};
use crate::problem::{Problem, Problems};
use crate::read::Context;
use crate::vars::Substitution;

/// Reports profiles and versions that there are not, and a version of Kafka that is not the profile's. Other mistakes are
/// left to whoever reads the whole table.
pub(crate) fn check(stack: &Node, context: Context<'_>, inputs: &Inputs, problems: &mut Problems) {
    let mut others = Problems::default();
    let stack =
        Substitution::new(context.vars, context.source, context.phase, &mut others).node(stack);
    let text = |key: &str| match stack.get(key).map(|entry| &entry.node) {
        Some(node) if node.known == Known::Yes => match &node.value {
            Value::String(text) => Some((node, text.as_str())),
            _ => None,
        },
        _ => None,
    };
    let problem = |node: &Node, message: String, there: &[&str]| {
        let quotes: Vec<String> = there.iter().map(|one| quoted(one)).collect();
        let help = if there.is_empty() {
            "there is none to choose".to_owned()
        } else {
            format!("expected {}", one_of(&quotes, ""))
        };
        Problem::new(context.source, node.span.clone(), message).help(help)
    };
    let mut look = |key: &str, what: &str, there: &[&str]| {
        let (node, given) = text(key)?;
        if let Some(found) = there.iter().position(|one| *one == given) {
            return Some(found);
        }
        let message = format!("there is no {what} {}", quoted(given));
        let meant = near_miss(given, there.iter().copied());
        problems.push(problem(node, message, there).near(meant));
        None
    };

    let all = |of: fn(&Profile) -> &String| -> Vec<&str> {
        inputs.profiles.iter().map(|one| of(one).as_str()).collect()
    };
    let profile = look("profile", "profile", &all(|profile| &profile.name));
    let kafka = look("kafka", "kafka", &all(|profile| &profile.kafka));
    for (key, versions) in &inputs.versions {
        let there: Vec<&str> = versions.iter().map(String::as_str).collect();
        look(key, key, &there);
    }
    if let (Some(profile), Some(kafka)) = (profile, kafka)
        && profile != kafka
        && let Some((node, given)) = text("kafka")
    {
        let profile = &inputs.profiles[profile];
        let message = format!(
            "the profile `{}` has no kafka {}",
            profile.name,
            quoted(given)
        );
        problems.push(problem(node, message, &[&profile.kafka]));
    }
}
