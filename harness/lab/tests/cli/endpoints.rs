//! `lab run --endpoints` and `lab clean` on a cluster that exists: a stack of `lab up` stands for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::support::{Ended, Lab, signal};

/// Everything there is on a cluster, as `kind name`.
type Listing = BTreeSet<String>;

struct Cluster {
    lab: Lab,
    folder: tempfile::TempDir,
    endpoints: Value,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    fn new() -> Self {
        let lab = Lab::new();
        let up = lab.run(&["up", "--detach"]);
        assert_eq!(up.status, Some(0), "{up:#?}");
        let printed = lab.run(&["status", "--endpoints"]);
        assert_eq!(printed.status, Some(0), "{printed:#?}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("e.json"), &printed.stdout).unwrap();
        let root = folder.path().join("scenarios");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        copy(&workspace.join("scenarios"), &root);
        fs::write(root.join("cdc/fault.toml"), FAULT).unwrap();
        fs::write(root.join("cdc/endless.toml"), ENDLESS).unwrap();
        Self {
            endpoints: serde_json::from_str(&printed.stdout).unwrap(),
            lab,
            folder,
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Another file of endpoints.
    fn with(&self, name: &str, change: impl Fn(&mut Value)) -> String {
        let mut endpoints = self.endpoints.clone();
        change(&mut endpoints);
        fs::write(self.file(name), endpoints.to_string()).unwrap();
        self.file(name)
    }

    fn arguments(&self, file: &str, more: &[&str]) -> Vec<String> {
        let root = self.file("scenarios");
        let mut all = vec!["run", "--endpoints", file, "--scenarios", &root];
        all.extend(more);
        all.into_iter().map(str::to_owned).collect()
    }

    fn run(&self, file: &str, more: &[&str]) -> Ended {
        let arguments = self.arguments(file, more);
        self.lab
            .run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn clean(&self, more: &[&str]) -> Ended {
        let file = self.file("e.json");
        let mut all = vec!["clean", "--endpoints", &file];
        all.extend(more);
        self.lab.run(&all)
    }

    fn address(&self, service: &str, key: &str) -> &str {
        self.endpoints[service][key].as_str().unwrap()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new()
            .set("bootstrap.servers", self.address("kafka", "bootstrap"))
            .create()
            .unwrap()
    }

    fn sql(&self, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(self.address("postgres", "sql"), NoTls)
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let answers = client.simple_query(sql).await.unwrap();
            let rows = answers.iter().filter_map(|answer| match answer {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            rows.map(str::to_owned).collect()
        })
    }

    fn connectors(&self) -> Vec<String> {
        let url = format!("{}/connectors", self.address("connect", "rest"));
        self.runtime.block_on(async {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            http.get(url).send().await.unwrap().json().await.unwrap()
        })
    }

    fn list(&self) -> Listing {
        let ask = Duration::from_secs(10);
        let admin = self.admin();
        let metadata = admin.inner().fetch_metadata(None, ask).unwrap();
        let groups = admin.inner().fetch_group_list(None, ask).unwrap();
        let kinds: [(&str, Vec<String>); 6] = [
            ("connector", self.connectors()),
            (
                "slot",
                self.sql("SELECT slot_name FROM pg_replication_slots"),
            ),
            (
                "publication",
                self.sql("SELECT pubname FROM pg_publication"),
            ),
            ("database", self.sql("SELECT datname FROM pg_database")),
            (
                "topic",
                (metadata.topics().iter())
                    .map(|topic| topic.name().to_owned())
                    .collect(),
            ),
            (
                "group",
                (groups.groups().iter())
                    .map(|group| group.name().to_owned())
                    .collect(),
            ),
        ];
        let named = |(kind, names): (&str, Vec<String>)| {
            let kind = kind.to_owned();
            names.into_iter().map(move |name| format!("{kind} {name}"))
        };
        kinds.into_iter().flat_map(named).collect()
    }

    /// What is there before anything ran: the stack's own groups are listed some time after their members are ready.
    fn settled(&self) -> Listing {
        let begun = Instant::now();
        loop {
            let listing = self.list();
            if ["group connect", "group prometheus-exporter"]
                .iter()
                .all(|group| listing.contains(*group))
            {
                return listing;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{listing:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Starts the scenario that does not end by itself.
    fn start_endless(&self) -> std::process::Child {
        let arguments = self.arguments(&self.file("e.json"), &["cdc/endless"]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        self.lab.start(&arguments)
    }

    /// What it has made, when it has come far enough.
    fn made_by_endless(&self, before: &Listing) -> Listing {
        let begun = Instant::now();
        loop {
            let made: Listing = self.list().difference(before).cloned().collect();
            let kinds: BTreeSet<_> = made
                .iter()
                .filter_map(|one| one.split(' ').next())
                .collect();
            if kinds == BTreeSet::from(["connector", "slot", "database", "topic", "group"]) {
                return made;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{made:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

const FAULT: &str = "# It breaks something.
[[step]]
kill = \"kafka\"
";

/// It makes something of every kind. The exporter reads a topic that stays: a group goes by itself with the last topic that it
/// has offsets of.
const ENDLESS: &str = "# It goes on until somebody ends it.
[[step]]
include = \"include/connected.toml\"

[[step]]
sql = \"INSERT INTO customers VALUES (1, 'Ada')\"

[[step]]
records = { topic = \"${run.prefix}.public.customers\", exactly = [{ key = { id = 1 } }] }

[[step]]
start_exporter = { name = \"exporter-own\", topic = \"${metrics.topic}\" }

[[step]]
records = { topic = \"${run.prefix}.public.customers\", from_start = true, count = 1 }
for = \"10m\"
";

#[test]
fn a_cluster_that_exists_is_left_as_it_was() {
    let cluster = Cluster::new();
    let file = cluster.file("e.json");
    // Who chooses versions in `[stack]` was skipped on the lab's own stack without these.
    assert_eq!(cluster.endpoints["versions"]["kafka"], "3.9.2");
    assert_eq!(
        cluster.endpoints["versions"]["debezium-postgres"],
        "3.7.0.Final"
    );
    let before = cluster.settled();
    scenarios_hold_and_leave_nothing(&cluster, &file, &before);
    what_is_not_allowed_is_skipped(&cluster);
    what_does_not_answer_is_named(&cluster);
    assert_eq!(cluster.list(), before);
    an_experiment_is_measured_and_leaves_nothing(&cluster, &file, &before);
    an_interrupted_run_removes_what_it_made(&cluster, &before);
    an_interrupt_is_heard_whenever_it_comes(&cluster, &before);
    a_run_without_its_guard_removes_what_it_made(&cluster, &before);
    clean_removes_what_a_killed_run_left(&cluster, &before);
    assert_eq!(cluster.lab.run(&["down"]).status, Some(0));
}

fn scenarios_hold_and_leave_nothing(cluster: &Cluster, file: &str, before: &Listing) {
    let report = cluster.file("report");
    let selection = [
        "cdc/envelope",
        "cdc/fault",
        "exposure/lag",
        "exposure/values",
    ];
    let mut arguments = vec!["--json", "--jobs", "2", "--report", &report];
    arguments.extend(selection);
    let ended = cluster.run(file, &arguments);
    assert_eq!(ended.status, Some(0), "{ended:#?}");
    let outcome: Value = serde_json::from_str(&ended.stdout).unwrap();
    for one in outcome["scenarios"].as_array().unwrap() {
        let skipped = one["id"] == "cdc/fault";
        let expected = if skipped { "skipped" } else { "passed" };
        assert_eq!(one["outcome"], expected, "{one:#}");
        assert_eq!(one["clean_up"], Value::Null, "{one:#}");
        if skipped {
            let reason = one["reason"].as_str().unwrap();
            assert!(reason.contains("endpoints give no control"), "{reason}");
            assert!(reason.contains("fault.toml:2:1"), "{reason}");
        }
    }
    assert!(ended.stderr.contains("SKIP cdc/fault"), "{}", ended.stderr);
    for name in ["junit.xml", "report.html"] {
        let text = fs::read_to_string(Path::new(&report).join(name)).unwrap();
        assert!(text.contains("endpoints give no control"), "{name}");
    }
    assert_eq!(cluster.list(), *before);
}

fn an_experiment_is_measured_and_leaves_nothing(cluster: &Cluster, file: &str, before: &Listing) {
    let experiment = cluster.file("scenarios/tuning/small.toml");
    fs::write(&experiment, EXPERIMENT).unwrap();
    let (root, report) = (cluster.file("scenarios"), cluster.file("tuning"));
    let arguments = [
        "tune",
        &experiment,
        "--scenarios",
        &root,
        "--endpoints",
        file,
        "--report",
        &report,
        "--json",
    ];
    let ended = cluster.lab.run(&arguments);
    assert_eq!(ended.status, Some(0), "{ended:#?}");
    let outcome: Value = serde_json::from_str(&ended.stdout).unwrap();
    let sample = &outcome["samples"][0];
    assert!(sample["rate"].as_f64().unwrap() > 0.0, "{outcome:#}");
    // Of processors, what the worker says of itself.
    assert!(
        sample["cpu"]["processes"]["connect"].is_number(),
        "{outcome:#}"
    );
    assert_eq!(cluster.list(), *before);
    // What only a stack of its own could do is said, and nothing is made.
    let text = EXPERIMENT.replace("name = \"as it is\"", "name = \"heap\", jvm = [\"-Xmx2g\"]");
    fs::write(&experiment, text).unwrap();
    cluster.lab.run(&arguments).assert_says(
        2,
        &[
            "endpoints give no control over it",
            "leave `worker` and `jvm` out",
        ],
    );
    fs::remove_file(&experiment).unwrap();
    assert_eq!(cluster.list(), *before);
}

const EXPERIMENT: &str = "# A small experiment.
[stack]
jvm = \"server\"
[[step]]
[step.tune]
source = { snapshot = { records = 300_000 } }
warm_up = \"1s\"
window = \"3s\"
repeats = 1
rows = [{ name = \"as it is\" }]
";

fn what_is_not_allowed_is_skipped(cluster: &Cluster) {
    let file = cluster.with("no-metrics.json", |endpoints| {
        endpoints.as_object_mut().unwrap().remove("metrics");
    });
    let ended = cluster.run(&file, &["exposure/values", "cdc/fault"]);
    ended.assert_says(
        2,
        &[
            "SKIP exposure/values",
            "\"metrics\": {\"topic\": …}",
            "nothing was checked",
        ],
    );
}

fn what_does_not_answer_is_named(cluster: &Cluster) {
    let file = cluster.with("no-postgres.json", |endpoints| {
        endpoints["postgres"]["sql"] = json!("postgresql://me:hunter2@127.0.0.1:1/shop");
    });
    let ended = cluster.run(&file, &["cdc/envelope", "cdc/snapshot"]);
    ended.assert_says(
        2,
        &[
            "postgres does not answer at postgresql://me@127.0.0.1:1/shop",
            "tried: SELECT 1",
            "refused",
            "needed by: cdc/envelope and 1 more",
            "no-postgres.json",
        ],
    );
    assert!(!ended.stderr.contains("hunter2"));
    let file = cluster.with("no-connect.json", |endpoints| {
        endpoints.as_object_mut().unwrap().remove("connect");
    });
    cluster.run(&file, &["cdc/envelope"]).assert_says(
        2,
        &[
            "no-connect.json names no connect.rest",
            "nothing was checked",
        ],
    );
}

fn an_interrupted_run_removes_what_it_made(cluster: &Cluster, before: &Listing) {
    let run = cluster.start_endless();
    cluster.made_by_endless(before);
    signal(run.id(), Signal::INT);
    let ended = Ended::from(run.wait_with_output().unwrap());
    ended.assert_says(130, &["interrupted by SIGINT"]);
    assert_eq!(cluster.list(), *before);
}

/// What a shell had started lived on when the guard was killed, and made again what was being removed.
fn a_run_without_its_guard_removes_what_it_made(cluster: &Cluster, before: &Listing) {
    let producer = Path::new(env!("CARGO_BIN_EXE_lab")).with_file_name("producer");
    let shell = format!(
        "{} --bootstrap-servers {} --topic ${{run.prefix}}t --interval 100ms & wait",
        producer.display(),
        cluster.address("kafka", "bootstrap")
    );
    let text = format!(
        "# A child.\n[[step]]\ncreate_topic = {{ name = '${{run.prefix}}t' }}\n\n[[step]]\nshell = '{shell}'\nwithin = '5m'\n"
    );
    fs::write(cluster.folder.path().join("scenarios/cdc/child.toml"), text).unwrap();
    let arguments = cluster.arguments(&cluster.file("e.json"), &["cdc/child"]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut run = cluster.lab.start(&arguments);
    // The shell, and what it has started.
    let is_child = |(_, command): &&(i32, String)| command.contains("t --interval 100ms ");
    let processes = (cluster.lab).wait_for(|all| all.iter().filter(is_child).count() > 1);
    let guards = processes
        .into_iter()
        .filter(|(_, command)| command.contains(" guard "));
    // That of the stack is older.
    let started = |pid: &i32| {
        fs::metadata(format!("/proc/{pid}"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let newest = guards.map(|(pid, _)| pid).max_by_key(started).unwrap();
    signal(u32::try_from(newest).unwrap(), Signal::KILL);
    assert_eq!(run.wait().unwrap().code(), Some(1));
    assert_eq!(cluster.list(), *before);
}

/// An interrupt that came while nobody waited for one was lost, and one within `CREATE DATABASE` left a database.
fn an_interrupt_is_heard_whenever_it_comes(cluster: &Cluster, before: &Listing) {
    for after in (50..500).step_by(50).map(Duration::from_millis) {
        let run = cluster.start_endless();
        std::thread::sleep(after);
        signal(run.id(), Signal::INT);
        let begun = Instant::now();
        let ended = Ended::from(run.wait_with_output().unwrap());
        ended.assert_says(130, &["interrupted by SIGINT"]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{after:?}");
        assert_eq!(cluster.list(), *before, "{after:?}");
    }
}

fn clean_removes_what_a_killed_run_left(cluster: &Cluster, before: &Listing) {
    // What others made, with names that are nearly ours.
    cluster.sql("CREATE DATABASE kclab_backup");
    cluster.sql("SELECT pg_create_physical_replication_slot('kclab_mwsjg9o6t9_1_0000_cdc')");
    cluster.sql("CREATE PUBLICATION kclab_mine FOR ALL TABLES");
    let topic = NewTopic::new(
        "kclab_mwsjg9o6t9_1_0000_cdc.x",
        1,
        TopicReplication::Fixed(1),
    );
    cluster
        .runtime
        .block_on(
            cluster
                .admin()
                .create_topics(&[topic], &AdminOptions::new()),
        )
        .unwrap();
    let before: Listing = cluster.list().union(before).cloned().collect();

    let mut run = cluster.start_endless();
    let made = cluster.made_by_endless(&before);
    let prefix = made
        .iter()
        .find_map(|one| one.strip_prefix("connector "))
        .unwrap();
    let alive = cluster.clean(&["--yes"]);
    assert_eq!(alive.status, Some(0), "{alive:#?}");
    assert!(
        alive.stdout.contains("left alone, the run is alive"),
        "{alive:#?}"
    );
    assert!(cluster.list().is_superset(&made));

    signal(run.id(), Signal::KILL);
    run.wait().unwrap();
    cluster.sql(&format!("CREATE PUBLICATION {prefix}_more"));
    let left = cluster.list();
    assert!(left.is_superset(&made), "{left:#?}");

    // So many later runs take its directory away. It was then taken for one of another machine.
    let one = cluster.folder.path().join("scenarios/cdc/one.toml");
    fs::write(one, "# Nothing.\n[[step]]\nshell = \"true\"\n").unwrap();
    for _ in 0..6 {
        let ended = cluster.run(&cluster.file("e.json"), &["cdc/one"]);
        assert_eq!(ended.status, Some(0), "{ended:#?}");
    }

    cluster.clean(&[]).assert_says(2, &["--yes", "--dry-run"]);
    let listed = cluster.clean(&["--dry-run", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let named: Listing = (listed["found"].as_array().unwrap().iter())
        .map(|one| {
            format!(
                "{} {}",
                one["kind"].as_str().unwrap(),
                one["name"].as_str().unwrap()
            )
        })
        .collect();
    let expected: Listing = left.difference(&before).cloned().collect();
    assert_eq!(named, expected);
    assert_eq!(cluster.list(), left, "--dry-run removes nothing");

    let cleaned = cluster.clean(&["--yes"]);
    assert_eq!(cleaned.status, Some(0), "{cleaned:#?}");
    assert_eq!(cluster.list(), before);
    let again = cluster.clean(&["--yes"]);
    assert_eq!(again.status, Some(0), "{again:#?}");
    assert!(again.stdout.contains("nothing is left"), "{again:#?}");
}

#[test]
fn a_file_that_is_wrong_is_refused_before_anything_is_asked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/endpoints");
    let lab = Lab::new();
    for command in ["run", "clean"] {
        for name in ["service", "no-port"] {
            let file = folder.join(format!("{name}.json")).display().to_string();
            let golden = fs::read_to_string(folder.join(format!("{name}.stderr"))).unwrap();
            let golden = golden.replace("e.json", &file);
            let ended = lab.run(&[command, "--endpoints", &file]);
            ended.assert_says(2, &[golden.trim_end(), "is not a file of endpoints"]);
        }
        lab.run(&[command, "--endpoints", "nothing.json"])
            .assert_says(2, &["nothing.json", "lab status --endpoints"]);
    }
}

#[test]
fn clean_removes_directories_of_dead_runs_and_of_no_others() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["up", "zookeeper", "--detach"]).status, Some(0));
    assert_eq!(lab.run(&["down"]).status, Some(0));
    assert_eq!(lab.run(&["up", "zookeeper", "--detach"]).status, Some(0));
    let living = lab.status().unwrap()["run"].as_str().unwrap().to_owned();

    lab.run(&["clean"]).assert_says(2, &["--yes", "--dry-run"]);
    let young = lab.run(&["clean", "--older-than", "1h", "--yes"]);
    assert!(
        young.stdout.contains("it began less than 1h ago"),
        "{young:#?}"
    );
    let listed = lab.run(&["clean", "--json", "--dry-run"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let found = listed["found"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{listed:#}");
    assert_ne!(found[0]["run"], living.as_str());
    let path = PathBuf::from(found[0]["path"].as_str().unwrap());
    assert!(path.is_dir());

    let cleaned = lab.run(&["clean", "--yes"]);
    assert_eq!(cleaned.status, Some(0), "{cleaned:#?}");
    assert!(cleaned.stdout.contains("freed"), "{cleaned:#?}");
    assert!(!path.exists());
    assert!(lab.status().is_some());
    assert!(
        lab.run(&["clean", "--yes"])
            .stdout
            .contains("nothing is left")
    );
    assert_eq!(lab.run(&["down"]).status, Some(0));
}
