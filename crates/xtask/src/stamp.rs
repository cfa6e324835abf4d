//! Decides whether a step that cargo does not track has to run again.

use anyhow::{Context, Result};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The inputs and outputs of a step's last run. Contents are compared, not times: a fresh checkout
/// or a switch of branches changes times but not contents.
pub(crate) struct Stamp {
    file: PathBuf,
    inputs: String,
    outputs: Vec<PathBuf>,
}

impl Stamp {
    /// `settings` are the versions and options that the outputs depend on besides the files.
    pub(crate) fn new(
        file: PathBuf,
        inputs: &[&Path],
        settings: &[&str],
        outputs: Vec<PathBuf>,
    ) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        settings.hash(&mut hasher);
        for input in inputs {
            std::fs::read(input)
                .with_context(|| format!("cannot read {}", input.display()))?
                .hash(&mut hasher);
        }
        Ok(Self { file, inputs: format!("{:016x}", hasher.finish()), outputs })
    }

    pub(crate) fn is_fresh(&self) -> bool {
        let Ok(outputs) = self.outputs() else { return false };
        std::fs::read_to_string(&self.file).is_ok_and(|text| text == self.text(&outputs))
    }

    pub(crate) fn write(&self) -> Result<()> {
        let text = self.text(&self.outputs()?);
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&self.file, text)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn outputs(&self) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        for output in &self.outputs {
            std::fs::read(output)
                .with_context(|| format!("{} was not made", output.display()))?
                .hash(&mut hasher);
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    fn text(&self, outputs: &str) -> String {
        format!("{} {outputs}\n", self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;

    #[test]
    fn fresh_until_an_input_a_setting_or_an_output_changes() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (input, output) = (folder.join("in"), folder.join("out"));
        std::fs::write(&input, "1").unwrap();
        let stamp = |setting: &str| {
            let outputs = vec![output.clone()];
            Stamp::new(folder.join("stamp"), &[&input], &[setting], outputs).unwrap()
        };

        assert!(stamp("a").write().is_err(), "there is no output to vouch for");
        std::fs::write(&output, "made").unwrap();
        assert!(!stamp("a").is_fresh());
        stamp("a").write().unwrap();
        assert!(stamp("a").is_fresh());
        assert!(!stamp("b").is_fresh());
        std::fs::write(&output, "touched by hand").unwrap();
        assert!(!stamp("a").is_fresh());
        std::fs::write(&output, "made").unwrap();
        std::fs::write(&input, "2").unwrap();
        assert!(!stamp("a").is_fresh());

        std::fs::remove_dir_all(&folder).unwrap();
    }
}
