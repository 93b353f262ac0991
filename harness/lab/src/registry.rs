//! Every action and check there is: a file each, and a line here.

use scenario::{Kind, Registry, RegistryError};

use crate::actions::{
    Produce, Producer, PutConnector, Shell, Sql, StartExporter, connector_state, link, service,
    topic,
};
use crate::checks::{
    Connector, Exposition, Http, Lag, Log, Promql, Records, Refused, Rows, SeriesCheck,
};
use crate::runner::{
    AnyStep, Sound, controlled_service_of, exporter_of, is_own_process, link_of, logged_service_of,
    service_of,
};
use crate::tune::{Tune, needs};

/// What scenarios can say.
///
/// # Errors
/// When two steps have one name.
pub fn registry() -> Result<Registry<AnyStep>, RegistryError> {
    Registry::new([
        Kind::action::<Sql>(
            "sql",
            "Runs SQL on Postgres, in the scenario's own database.",
        )
        .needs(&["postgres"])
        .captures(),
        Kind::action::<topic::Create>("create_topic", "Makes a topic.").needs(&["kafka"]),
        Kind::action::<topic::Delete>("delete_topic", "Deletes a topic.").needs(&["kafka"]),
        Kind::action::<PutConnector>(
            "put_connector",
            "Makes a connector, or changes its configuration.",
        )
        .needs(&["connect"]),
        Kind::action::<connector_state::Pause>("pause_connector", "Pauses a connector.")
            .needs(&["connect"]),
        Kind::action::<connector_state::Resume>("resume_connector", "Resumes a paused connector.")
            .needs(&["connect"]),
        Kind::action::<connector_state::Restart>(
            "restart_connector",
            "Restarts a connector with its tasks.",
        )
        .needs(&["connect"]),
        Kind::action::<connector_state::Delete>("delete_connector", "Deletes a connector.")
            .needs(&["connect"]),
        Kind::action::<Produce>("produce", "Writes records to a topic.").needs(&["kafka"]),
        Kind::action::<Sound<Producer>>(
            "producer",
            "Runs the producer of this project to its end.",
        )
        .needs(&["kafka"])
        .starts("name")
        .captures(),
        Kind::action::<StartExporter>(
            "start_exporter",
            "Starts an exporter of the scenario's own.",
        )
        .needs(&["kafka"])
        .starts("name"),
        Kind::action::<Shell>("shell", "Runs a shell command: the last resort.").captures(),
        Kind::action::<service::Stop>("stop", "Stops a service in order.")
            .needs_of(controlled_service_of)
            .names(None, is_own_process),
        Kind::action::<service::Start>(
            "start",
            "Starts a service that was stopped or killed, and waits until it is ready.",
        )
        .needs_of(controlled_service_of),
        Kind::action::<service::Restart>(
            "restart",
            "Stops a service in order and starts it again.",
        )
        .needs_of(controlled_service_of),
        Kind::action::<service::Kill>("kill", "Kills a service with SIGKILL.")
            .needs_of(controlled_service_of)
            .names(None, is_own_process),
        Kind::action::<service::Pause>("pause", "Stops a service with SIGSTOP: it hangs.")
            .needs_of(controlled_service_of)
            .names(None, is_own_process),
        Kind::action::<service::Resume>("resume", "Lets a paused service go on.")
            .needs_of(controlled_service_of)
            .names(None, is_own_process),
        Kind::action::<link::Cut>(
            "cut_link",
            "Cuts a link as when a cable is pulled: nothing passes, and nobody is told. What was sent passes once it is restored.",
        )
        .needs_of(link_of),
        Kind::action::<link::Reset>(
            "reset_link",
            "Resets the connections of a link, and every new one until it is restored.",
        )
        .needs_of(link_of),
        Kind::action::<Sound<link::Slow>>("slow_link", "Makes a link slow, until it is restored.")
            .needs_of(link_of),
        Kind::action::<link::Restore>("restore_link", "Lets a link pass everything again.")
            .needs_of(link_of),
        Kind::action::<Tune>(
            "tune",
            "Measures the rate of a source connector under several settings, interleaved.",
        )
        .needs(&["connect", "kafka", "prometheus"])
        .needs_of(needs)
        .captures(),
        Kind::check::<Connector>("connector", "State of a connector and its tasks.")
            .needs(&["connect"]),
        Kind::check::<Sound<Records>>("records", "Records of a topic.").needs(&["kafka"]),
        Kind::check::<Sound<Rows>>("rows", "Rows of a query on Postgres.").needs(&["postgres"]),
        Kind::check::<Promql>("promql", "Result of a PromQL query.")
            .needs(&["prometheus", "exporter"]),
        Kind::check::<Sound<SeriesCheck>>("series", "Series that an exporter serves.")
            .needs_of(exporter_of)
            .names(Some("exporter"), is_own_process),
        Kind::check::<Sound<Exposition>>("exposition", "Text that an exporter serves.")
            .needs_of(exporter_of)
            .names(Some("exporter"), is_own_process),
        Kind::check::<Sound<Http>>("http", "Answer to an HTTP request.")
            .needs_of(service_of)
            .names(Some("service"), is_own_process),
        Kind::check::<Lag>("lag", "How far a consumer group is behind.").needs(&["kafka"]),
        Kind::check::<Sound<Refused>>(
            "refused",
            "Whether a secure stack keeps somebody out.",
        )
        .needs_of(service_of),
        Kind::check::<Sound<Log>>("log", "Lines of a service's log.")
            .needs_of(logged_service_of)
            .names(Some("service"), is_own_process),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::registry;
    use scenario::Role;

    #[test]
    fn every_check_has_a_mutation_that_it_sees() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations");
        for kind in registry().unwrap().kinds() {
            let file = folder.join(format!("{}.toml", kind.key));
            assert!(
                kind.role == Role::Action || file.is_file(),
                "there is no {}",
                file.display()
            );
        }
    }
}
