//! The files that the lab starts, and the jars in its archives.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use stack::components::{Cache, Content, Coordinates, Entry, Installed, Sri};
use zip::ZipArchive;

use super::document::{Bill, Component, Kind};

/// Adds every version of every component that this machine can use, and gives them.
pub(super) fn add(bill: &mut Bill, cache: &Cache) -> Result<Vec<String>> {
    let lock = cache.lock();
    let mut parts = Vec::new();
    for id in lock.all() {
        let installed = cache.verify(&id)?;
        let files = lock.pinned(&id)?.files.iter().map(|file| {
            let coordinates = Coordinates::from_path(&file.path)
                .with_context(|| format!("{} is no path of a repository", file.path))?;
            Ok(artifact(&coordinates, file.sha256))
        });
        let mut files = files.collect::<Result<Vec<_>>>()?;
        let mut needs = within(bill, &installed)?;
        // One file is the component; several together are something that has a name here alone.
        let component = match (files.len(), files.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                let each = files.into_iter().chain(last);
                needs.extend(each.map(|file| bill.add(file, Vec::new())));
                Component::new(Kind::Application, id.name()).version(id.version())
            }
        };
        parts.push(bill.add(component, needs));
    }
    Ok(parts)
}

/// The jars of an archive that is unpacked.
fn within(bill: &mut Bill, installed: &Installed) -> Result<Vec<String>> {
    let (root, manifest) = match &installed.content {
        Content::Jars(_) => return Ok(Vec::new()),
        Content::Tree { root, manifest } => (root, manifest),
        Content::Provided { root } => bail!(
            "{} is what the system has below {}, and nothing is known of its files: unset the variable that names it",
            installed.id,
            root.display()
        ),
    };
    let mut found = Vec::new();
    for (path, entry) in &manifest.0 {
        if let (Some(stem), Entry::File { sha256, .. }) = (path.strip_suffix(".jar"), entry) {
            let stem = stem.rsplit('/').next().unwrap_or(stem);
            let jar = root.join(path);
            let component = named(&jar, stem, *sha256)
                .with_context(|| format!("cannot read {}", jar.display()))?;
            found.push(bill.add(component, Vec::new()));
        }
    }
    Ok(found)
}

/// Groups of jars that do not say it themselves.
const GROUPS: [(&str, &str); 12] = [
    ("connect-api", "org.apache.kafka"),
    ("hibernate-agroal", "org.hibernate.orm"),
    ("hibernate-core", "org.hibernate.orm"),
    ("hibernate-models", "org.hibernate.models"),
    ("kafka-clients", "org.apache.kafka"),
    ("mysql-connector-j", "com.mysql"),
    ("ojdbc11", "com.oracle.database.jdbc"),
    ("postgresql", "org.postgresql"),
    ("protobuf-java", "com.google.protobuf"),
    ("sketches-java", "com.datadoghq"),
    ("snappy-java", "org.xerial.snappy"),
    ("zstd-jni", "com.github.luben"),
];

/// Most jars say in their own `META-INF/maven` which artifact they are; one that holds others says it of them, too.
fn named(jar: &Path, stem: &str, digest: Sri) -> Result<Component> {
    let archive = ZipArchive::new(BufReader::new(File::open(jar)?))?;
    let said: Vec<_> = archive
        .file_names()
        .flatten()
        .filter_map(|name| {
            let place = name.strip_prefix("META-INF/maven/")?;
            let (group, artifact) = place.strip_suffix("/pom.properties")?.split_once('/')?;
            Some((group.to_owned(), artifact.to_owned()))
        })
        .collect();
    let said = said.iter().map(|(group, artifact)| (&**group, &**artifact));
    let known = GROUPS.map(|(artifact, group)| (group, artifact));
    let found = said.chain(known).find_map(|(group, artifact)| {
        let version = stem.strip_prefix(artifact)?.strip_prefix('-')?;
        let is_version = version.starts_with(|first: char| first.is_ascii_digit());
        is_version.then(|| Coordinates {
            group: group.to_owned(),
            artifact: artifact.to_owned(),
            version: version.to_owned(),
            kind: "jar".to_owned(),
            classifier: None,
        })
    });
    Ok(match found {
        Some(coordinates) => self::artifact(&coordinates, digest),
        None => Component::new(Kind::Library, stem).digest(digest),
    })
}

fn artifact(coordinates: &Coordinates, digest: Sri) -> Component {
    Component::new(Kind::Library, &coordinates.artifact)
        .group(&coordinates.group)
        .version(&coordinates.version)
        .digest(digest)
        .purl(coordinates.purl())
}
