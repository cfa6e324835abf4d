//! The environment of the measurements: the machine, and the version of every tool and library.

use crate::build::Built;
use crate::{cmd, paths};
use anyhow::Result;

const CRATES: [&str; 8] =
    ["sha2", "hmac", "ed25519-dalek", "clubcard", "roaring", "xorf", "flate2", "zlib-rs"];
const PACKAGES: [&str; 3] = ["jose", "fast-jwt", "@biscuit-auth/biscuit-wasm"];

pub(crate) fn describe(built: &Built) -> Result<Vec<(String, String)>> {
    let said = |program: &std::path::Path, word: &str| cmd::read(cmd::new(program).arg(word));
    let mut facts = vec![
        ("processor", processor()),
        ("cores", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("kernel", cmd::read(cmd::new("uname").args(["-s", "-r"])).unwrap_or_default()),
        ("rustc", said("rustc".as_ref(), "--version")?),
        ("node", said(&built.node, "--version")?),
        ("workerd", said(&built.workerd, "--version")?),
    ];
    let lock = std::fs::read_to_string(paths::root().join("bench/Cargo.lock"))?;
    facts.extend(CRATES.map(|name| (name, crate_version(&lock, name))));
    let lock = std::fs::read_to_string(paths::root().join("bench/package-lock.json"))?;
    let lock: serde_json::Value = serde_json::from_str(&lock)?;
    facts.extend(PACKAGES.map(|name| {
        let entry = lock.get("packages").and_then(|all| all.get(format!("node_modules/{name}")));
        let version = entry.and_then(|entry| entry.get("version")).and_then(|v| v.as_str());
        (name, version.unwrap_or("?").to_owned())
    }));
    facts.retain(|(_, value)| !value.is_empty());
    Ok(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(": ")).map(|(_, model)| model.trim());
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// All versions of a crate in the lockfile.
fn crate_version(lock: &str, name: &str) -> String {
    let line = format!("name = \"{name}\"");
    let lines: Vec<&str> = lock.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair.first() == Some(&line.as_str()));
    let versions = pairs.filter_map(|pair| pair.last()?.strip_prefix("version = \""));
    versions.map(|version| version.trim_end_matches('"')).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::crate_version;

    #[test]
    fn a_crate_may_be_locked_at_two_versions() {
        let lock = "[[package]]\nname = \"sha2\"\nversion = \"0.10.9\"\n\n[[package]]\n\
                    name = \"sha2\"\nversion = \"0.11.1\"\n\n[[package]]\nname = \"sha\"\nversion = \"1.0.0\"\n";
        assert_eq!(crate_version(lock, "sha2"), "0.10.9, 0.11.1");
        assert_eq!(crate_version(lock, "sha1"), "");
    }
}
