//! Class data that JVMs share between starts (JEP 310, "Application Class-Data Sharing"): the classes of a service, parsed and
//! verified once, mapped from then on. A start of Kafka or Connect needs about 40 % less processor time with it.
//!
//! The first start of a class path lists the classes that it loads, the second one makes an archive of them first, and all
//! after that use it. In the `server` mode a JVM uses what is there, and neither lists nor makes anything: what it does then is
//! what is measured. A JVM ignores an archive that does not fit: each states the JVM, the class path and its jars' times, and
//! its checksum is verified. What goes wrong here makes a start no worse than it would be without.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::jvm::JvmMode;
use crate::components::Sri;

/// Makes an archive: `$0` is its final name, `$1` the name until it is whole, the rest the JVM. A JVM that cannot make one
/// leaves its words, and is not asked again. It is no failure, nor is it one when another start was faster and cleared it away.
const MAKE: &str = r#"part=$1; shift
if "$@" > "$part.log" 2>&1 && mv -f -- "$part" "$0"; then rm -f -- "$part.log"; else mv -f -- "$part.log" "$0.failed"; fi
exit 0"#;

/// Extension of what a JVM lists.
const LIST: &str = "classes";

/// How a JVM starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// With an archive.
    Use(PathBuf),
    /// With an archive that is to be made from a list before.
    Make { archive: PathBuf, list: PathBuf },
    /// Without one, writing this list.
    Learn(PathBuf),
    /// Without one.
    Without,
}

impl Plan {
    /// For a JVM of this program, main class and class path. `run` and `service` tell the files of JVMs apart that run at once.
    pub(super) fn new(
        directory: &Path,
        mode: JvmMode,
        (run, service): (&str, &str),
        java: &Path,
        main_class: &str,
        class_path: &[PathBuf],
    ) -> Self {
        Self::look(
            directory,
            mode,
            (run, service),
            java,
            main_class,
            class_path,
        )
        .unwrap_or(Self::Without)
    }

    fn look(
        directory: &Path,
        mode: JvmMode,
        (run, service): (&str, &str),
        java: &Path,
        main_class: &str,
        class_path: &[PathBuf],
    ) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let name = format!("{main_class}-{}", key(java, class_path)?);
        let archive = directory.join(format!("{name}.jsa"));
        let others = others(directory, &name)?;
        if archive.exists() {
            for (_, path) in others {
                // Another start may be doing the same.
                let _ = fs::remove_file(path);
            }
            return Ok(Self::Use(archive));
        }
        if mode == JvmMode::Server || directory.join(format!("{name}.jsa.failed")).exists() {
            return Ok(Self::Without);
        }
        let lists = others
            .into_iter()
            .filter(|(_, path)| path.extension() == Some(LIST.as_ref()));
        let Some((_, newest)) = lists.max() else {
            let list = directory.join(format!("{name}.{run}.{service}.{LIST}"));
            return Ok(Self::Learn(list));
        };
        // Its JVM may still run, or was killed in the middle of a line.
        let text = fs::read_to_string(newest)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let list = directory.join(format!("{name}.{run}.list"));
        // Of several brokers of a run one makes it: for the others the list is there already, and they start without.
        File::create_new(&list)?.write_all(whole.as_bytes())?;
        Ok(Self::Make { archive, list })
    }

    /// Options for the JVM.
    pub(super) fn options(&self) -> Vec<String> {
        match self {
            Self::Use(archive) | Self::Make { archive, .. } => vec![
                format!("-XX:SharedArchiveFile={}", archive.display()),
                "-XX:+VerifySharedSpaces".to_owned(),
            ],
            Self::Learn(list) => vec![format!("-XX:DumpLoadedClassList={}", list.display())],
            Self::Without => Vec::new(),
        }
    }

    /// The command that makes the archive, for a JVM with these options. It succeeds, whatever comes of it.
    pub(super) fn make(
        &self,
        java: &Path,
        options: &[String],
        class_path: &str,
    ) -> Option<Vec<String>> {
        let Self::Make { archive, list } = self else {
            return None;
        };
        let part = list.with_extension("part");
        let mut argv = ["/bin/sh", "-c", MAKE].map(str::to_owned).to_vec();
        argv.extend([archive.as_path(), &part, java].map(|path| path.display().to_string()));
        argv.extend(
            options
                .iter()
                .filter(|one| !one.starts_with("-Xshare"))
                .cloned(),
        );
        argv.extend([
            "-Xshare:dump".to_owned(),
            format!("-XX:SharedClassListFile={}", list.display()),
            format!("-XX:SharedArchiveFile={}", part.display()),
            "-cp".to_owned(),
            class_path.to_owned(),
        ]);
        Some(argv)
    }
}

/// What an archive depends on, as a name: the JVM by place and time, the jars by place and time.
fn key(java: &Path, class_path: &[PathBuf]) -> io::Result<String> {
    let mut text = String::new();
    let java = fs::canonicalize(java)?;
    for path in [&java].into_iter().chain(class_path) {
        let about = fs::metadata(path)?;
        let (seconds, nanoseconds) = (about.mtime(), about.mtime_nsec());
        text.push_str(&format!("{} {seconds}.{nanoseconds}\n", path.display()));
    }
    Ok(Sri::of(text.as_bytes()).short_hex())
}

/// What starts of this name have left beside the archive, unless it is empty, each with its time.
fn others(directory: &Path, name: &str) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let (mut found, archive) = (Vec::new(), format!("{name}.jsa"));
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let file = entry.file_name();
        let is_one = file.to_str().is_some_and(|file| {
            let rest = file.strip_prefix(name);
            file != archive && rest.is_some_and(|rest| rest.starts_with('.'))
        });
        let about = entry.metadata()?;
        if is_one && about.len() > 0 {
            found.push((about.modified()?, entry.path()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MAIN: &str = "kafka.Kafka";

    struct Folder {
        folder: tempfile::TempDir,
        jar: PathBuf,
    }

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let jar = folder.path().join("a.jar");
            fs::write(&jar, "jar").unwrap();
            Self { folder, jar }
        }

        fn data(&self) -> PathBuf {
            self.folder.path().join("class-data")
        }

        fn plan(&self, run: &str) -> Plan {
            self.plan_in(JvmMode::Quick, run)
        }

        fn plan_in(&self, mode: JvmMode, run: &str) -> Plan {
            self.plan_of(mode, (run, "kafka"))
        }

        fn plan_of(&self, mode: JvmMode, who: (&str, &str)) -> Plan {
            let java = Path::new("/bin/sh");
            Plan::new(
                &self.data(),
                mode,
                who,
                java,
                MAIN,
                std::slice::from_ref(&self.jar),
            )
        }

        fn archive(&self) -> PathBuf {
            let key = key(Path::new("/bin/sh"), std::slice::from_ref(&self.jar)).unwrap();
            self.data().join(format!("{MAIN}-{key}.jsa"))
        }
    }

    fn learnt(plan: &Plan) -> &Path {
        match plan {
            Plan::Learn(list) => list,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_start_learns_the_second_makes_the_third_uses() {
        let folder = Folder::new();
        let first = folder.plan("one");
        fs::write(
            learnt(&first),
            "java/lang/Object\nkafka/Kafka\nkafka/Unfini",
        )
        .unwrap();

        let second = folder.plan("two");
        let Plan::Make { archive, list } = &second else {
            panic!("{second:?}");
        };
        assert_eq!(archive, &folder.archive());
        // A line without an end was cut off by the end of its JVM.
        let text = fs::read_to_string(list).unwrap();
        assert_eq!(text, "java/lang/Object\nkafka/Kafka\n");

        fs::write(archive, "archive").unwrap();
        assert_eq!(folder.plan("three"), Plan::Use(folder.archive()));
        assert!(!learnt(&first).exists());
    }

    #[test]
    fn of_several_brokers_each_learns_and_one_makes() {
        let folder = Folder::new();
        let of = |run, service| folder.plan_of(JvmMode::Quick, (run, service));
        let (first, second) = (of("one", "kafka"), of("one", "kafka-2"));
        assert_ne!(learnt(&first), learnt(&second));
        fs::write(learnt(&first), "java/lang/Object\n").unwrap();
        fs::write(learnt(&second), "java/lang/Object\n").unwrap();

        assert!(matches!(of("two", "kafka"), Plan::Make { .. }));
        assert_eq!(of("two", "kafka-2"), Plan::Without);
    }

    #[test]
    fn a_server_uses_what_is_there_and_makes_nothing() {
        let folder = Folder::new();
        assert_eq!(folder.plan_in(JvmMode::Server, "one"), Plan::Without);
        fs::write(learnt(&folder.plan("two")), "java/lang/Object\n").unwrap();
        assert_eq!(folder.plan_in(JvmMode::Server, "three"), Plan::Without);
        fs::write(folder.archive(), "archive").unwrap();
        let used = Plan::Use(folder.archive());
        assert_eq!(folder.plan_in(JvmMode::Server, "four"), used);
    }

    #[test]
    fn a_jar_of_another_time_has_another_archive() {
        let folder = Folder::new();
        fs::create_dir(folder.data()).unwrap();
        fs::write(folder.archive(), "archive").unwrap();
        let jar = fs::File::options().write(true).open(&folder.jar).unwrap();
        jar.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        learnt(&folder.plan("one"));
    }

    #[test]
    fn a_start_that_wrote_nothing_taught_nothing() {
        let folder = Folder::new();
        fs::write(learnt(&folder.plan("one")), "").unwrap();
        learnt(&folder.plan("two"));
    }

    #[test]
    fn where_nothing_can_be_written_a_start_goes_without() {
        let folder = Folder::new();
        fs::write(folder.data(), "no directory").unwrap();
        let plan = folder.plan("one");
        assert_eq!(plan, Plan::Without);
        assert!(plan.options().is_empty());
    }

    #[test]
    fn a_jvm_that_cannot_make_one_is_asked_once_and_stops_nothing() {
        let folder = Folder::new();
        fs::write(learnt(&folder.plan("one")), "java/lang/Object\n").unwrap();
        let argv = folder
            .plan("two")
            .make(Path::new("/bin/false"), &[], "a.jar");
        let argv = argv.unwrap();
        let status = std::process::Command::new(&argv[0])
            .args(&argv[1..])
            .status();
        assert!(status.unwrap().success());
        assert_eq!(folder.plan("three"), Plan::Without);
    }

    #[test]
    fn an_archive_has_its_name_when_it_is_whole() {
        let folder = Folder::new();
        fs::write(learnt(&folder.plan("one")), "java/lang/Object\n").unwrap();
        let java = folder.folder.path().join("java");
        let script = "#!/bin/sh\nfor one; do case $one in *SharedArchiveFile=*) echo data > \"${one#*=}\" ;; esac; done\n";
        fs::write(&java, script).unwrap();
        fs::set_permissions(&java, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let argv = folder
            .plan("two")
            .make(&java, &["-Xshare:auto".to_owned()], "a.jar");
        let argv = argv.unwrap();
        assert!(!argv.contains(&"-Xshare:auto".to_owned()));
        let status = std::process::Command::new(&argv[0])
            .args(&argv[1..])
            .status();
        assert!(status.unwrap().success());
        assert_eq!(fs::read_to_string(folder.archive()).unwrap(), "data\n");
        assert_eq!(folder.plan("three"), Plan::Use(folder.archive()));
    }
}
