//! The static imports of the scripts.

use std::fs;
use std::path::Path;

use super::graph::Arrows;

/// Adds the imports between the scripts below `folder`. An `import()` in a function runs later, so
/// it doesn't count.
pub(crate) fn arrows(folder: &Path, arrows: &mut Arrows) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            self::arrows(&path, arrows);
        } else if path.extension().is_some_and(|extension| extension == "js") {
            for (at, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
                let Some(other) = imported(line) else { continue };
                let mut target = folder.to_owned();
                for part in other.split('/') {
                    match part {
                        "." => {}
                        ".." => assert!(target.pop()),
                        name => target.push(name),
                    }
                }
                arrows.add(&path, &target, format!("line {}, `{other}`", at + 1));
            }
        }
    }
}

/// The file that the last line of an `import` or an `export … from` names.
fn imported(line: &str) -> Option<&str> {
    let line = line.trim();
    let (before, rest) = line.split_once(['\'', '"'])?;
    let is_import = before == "import " || before.ends_with("from ");
    let name = rest.strip_suffix("';").or_else(|| rest.strip_suffix("\";"))?;
    (is_import && name.starts_with('.') && !line.starts_with(['/', '*'])).then_some(name)
}
