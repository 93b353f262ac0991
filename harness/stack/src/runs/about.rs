//! What a run is for, so that who finds it knows whose it is.

use std::collections::BTreeMap;
use std::env::current_dir;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private;

/// What a run is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The command that began it, word by word.
    pub command: Vec<String>,
    /// Where that was given.
    pub folder: PathBuf,
    /// Whether it stays for its user, until `lab down`. Others end with the work that they were made for.
    pub stays: bool,
    /// Versions of what its stack is made of, by component.
    pub versions: BTreeMap<String, String>,
}

/// Its name in the directory of a run.
pub(super) const FILE: &str = "about.json";

impl About {
    /// Of a run for the work of this process.
    pub fn this_process() -> Self {
        let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let program = words.next().unwrap_or_default();
        let name = Path::new(&program).file_name();
        let name = name.map(|name| name.to_string_lossy().into_owned());
        Self {
            command: name.into_iter().chain(words).collect(),
            // As text: it is for people, and JSON has no other.
            folder: current_dir()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
                .into(),
            stays: false,
            versions: BTreeMap::new(),
        }
    }

    /// The command as a shell takes it.
    pub fn command_line(&self) -> String {
        let words = self.command.iter().map(String::as_str);
        // No word of a process has the byte zero, which is all that cannot be quoted.
        shlex::try_join(words).unwrap_or_default()
    }

    pub(super) fn read(run: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(run.join(FILE)).ok()?).ok()
    }

    /// For its user alone: a word of the command may be a secret.
    pub(super) fn write(&self, run: &Path) -> io::Result<()> {
        let unseen = run.join("about.new");
        private::write(&unseen, &serde_json::to_vec(self)?)?;
        std::fs::rename(unseen, run.join(FILE))
    }
}
