//! What each user may do at Kafka: the least that its work needs.

use super::User;
use crate::services::{LaunchError, ServiceName, connect, exporter, producer};

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Resource {
    Topic,
    Group,
    TransactionalId,
}

/// How a rule's name is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// As it is.
    Literal,
    /// Everything that begins with it.
    Prefixed,
}

/// What is allowed. To read or write a topic, or to read a group, is to describe it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Describe,
    DescribeConfigs,
}

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Who.
    pub user: User,
    /// Which kind of thing.
    pub resource: Resource,
    /// Which of them.
    pub name: String,
    /// How that is meant.
    pub pattern: Pattern,
    /// May do what.
    pub operation: Operation,
}

impl Rule {
    /// A rule for each operation.
    pub fn each<'a>(
        user: User,
        resource: Resource,
        pattern: Pattern,
        name: &'a str,
        operations: &'a [Operation],
    ) -> impl Iterator<Item = Self> + 'a {
        operations.iter().map(move |operation| Self {
            user,
            resource,
            name: name.to_owned(),
            pattern,
            operation: *operation,
        })
    }
}

/// The rules of the services of a stack, for what they do without being told by a scenario.
pub(crate) fn rules_of(members: &[ServiceName]) -> Result<Vec<Rule>, LaunchError> {
    let mut rules = Vec::new();
    if members.contains(&ServiceName::Connect) {
        rules.extend(connect::access()?);
    }
    if members.contains(&ServiceName::Exporter) {
        rules.extend(exporter::own_access()?);
    }
    if members.contains(&ServiceName::Producer) {
        rules.extend(producer::access(&producer::settings()?.topic));
    }
    Ok(rules)
}
