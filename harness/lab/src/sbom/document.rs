//! A bill of materials in CycloneDX 1.6 (ECMA-424), as far as one is needed here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use stack::components::Sri;

/// What stands in the file. Without time and serial number, both of which are optional: the same lab has the same bill.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    component: Component,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    depends_on: BTreeSet<String>,
}

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Application,
    Library,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Component {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(rename = "bom-ref")]
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

impl Component {
    pub(super) fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            reference: name.to_owned(),
            group: None,
            name: name.to_owned(),
            version: None,
            hashes: Vec::new(),
            purl: None,
        }
    }

    /// What others refer to it by.
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    pub(super) fn group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    pub(super) fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self.reference = format!("{}@{version}", self.name);
        self
    }

    /// SHA-256 in hexadecimal.
    pub(super) fn sha256(mut self, content: String) -> Self {
        self.hashes = vec![Hash {
            alg: "SHA-256",
            content,
        }];
        self
    }

    pub(super) fn digest(self, digest: Sri) -> Self {
        self.sha256(digest.hex())
    }

    /// Where it comes from, which is also what others refer to it by.
    pub(super) fn purl(mut self, purl: String) -> Self {
        self.reference.clone_from(&purl);
        self.purl = Some(purl);
        self
    }
}

/// Parts and what they need, while they are collected.
#[derive(Debug, Default)]
pub(super) struct Bill {
    components: BTreeMap<String, Component>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Bill {
    /// Adds a part and what it needs, and gives what to refer to it by. One that is there already is the same, unless its bytes are
    /// others: whoever builds an archive may build a jar of it again.
    pub(super) fn add(&mut self, mut part: Component, needs: Vec<String>) -> String {
        let is_other = |there: &Component| there.hashes != part.hashes;
        if self.components.get(&part.reference).is_some_and(is_other)
            && let Some(hash) = part.hashes.first()
        {
            part.reference = format!("{}#{}", part.reference, hash.content);
        }
        let reference = part.reference.clone();
        self.components.entry(reference.clone()).or_insert(part);
        self.needs
            .entry(reference.clone())
            .or_default()
            .extend(needs);
        reference
    }

    /// The document on `whole`, which needs `parts`.
    pub(super) fn finish(mut self, whole: Component, parts: Vec<String>) -> Document {
        self.needs
            .entry(whole.reference.clone())
            .or_default()
            .extend(parts);
        Document {
            bom_format: "CycloneDX",
            spec_version: "1.6",
            version: 1,
            metadata: Metadata { component: whole },
            components: self.components.into_values().collect(),
            dependencies: self
                .needs
                .into_iter()
                .map(|(reference, depends_on)| Dependency {
                    reference,
                    depends_on,
                })
                .collect(),
        }
    }
}
