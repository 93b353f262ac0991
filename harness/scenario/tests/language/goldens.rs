//! Comparing with files that stand beside what they describe. `UPDATE_GOLDEN=1` rewrites them.

use std::path::Path;

/// What differs from the golden file, if anything does.
pub fn difference(golden: &Path, actual: &str) -> Option<String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, actual).unwrap();
        return None;
    }
    let expected = std::fs::read_to_string(golden).unwrap_or_default();
    (expected != actual).then(|| {
        format!(
            "{} differs (UPDATE_GOLDEN=1 rewrites it)\n--- expected\n{expected}\n--- actual\n{actual}",
            golden.display()
        )
    })
}
