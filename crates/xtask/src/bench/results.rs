//! The harnesses' measurements, and the few statistics computed from them.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Keyed by name: nanoseconds per operation in each round, bytes at each moment, and plain numbers.
#[derive(Default)]
pub(crate) struct Results {
    samples: BTreeMap<String, Vec<f64>>,
    bytes: BTreeMap<String, Vec<f64>>,
    facts: BTreeMap<String, f64>,
}

/// The spread of a subject's samples.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) p10: f64,
    pub(crate) p90: f64,
}

impl Results {
    /// Adds a harness's output. Its last line is JSON.
    pub(crate) fn add(&mut self, printed: &str) -> Result<()> {
        let line = printed.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(line).context("a harness printed no JSON")?;
        let lists = |key: &str| value.get(key).and_then(Value::as_object);
        let numbers = |list: &Value| -> Vec<f64> {
            list.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        for (name, rounds) in lists("samples").context("a harness printed no samples")? {
            self.samples.insert(name.clone(), numbers(rounds));
        }
        for (name, moments) in lists("bytes").into_iter().flatten() {
            self.bytes.insert(name.clone(), numbers(moments));
        }
        for (name, fact) in lists("facts").into_iter().flatten() {
            self.facts.insert(name.clone(), fact.as_f64().context("a fact is a number")?);
        }
        Ok(())
    }

    pub(crate) fn fact(&self, name: &str) -> Option<f64> {
        self.facts.get(name).copied()
    }

    /// The memory of a process at each moment, in bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[f64]> {
        self.bytes.get(name).map(Vec::as_slice).filter(|moments| !moments.is_empty())
    }

    /// The samples of a subject, sorted ascending.
    pub(crate) fn sorted(&self, name: &str) -> Option<Vec<f64>> {
        let mut samples = self.samples.get(name).filter(|samples| !samples.is_empty())?.clone();
        samples.sort_by(f64::total_cmp);
        Some(samples)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// The mean of several subjects, round by round.
    pub(crate) fn rounds(&self, names: &[&str]) -> Option<Vec<f64>> {
        let all: Vec<&Vec<f64>> =
            names.iter().map(|name| self.samples.get(*name)).collect::<Option<_>>()?;
        let count = all.iter().map(|rounds| rounds.len()).min()?;
        let of = |round| all.iter().filter_map(|rounds| rounds.get(round)).sum::<f64>();
        Some(
            (0..count)
                .map(|round| of(round) / f64::from(u32::try_from(all.len()).unwrap_or(1)))
                .collect(),
        )
    }

    pub(crate) fn spread(&self, names: &[&str]) -> Option<Spread> {
        self.rounds(names).filter(|rounds| !rounds.is_empty()).map(spread)
    }

    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        self.spread(&[name]).map(|spread| spread.median)
    }

    /// The median of the rounds' ratios. A disturbance affects both subjects of a round, so the
    /// ratio cancels it.
    pub(crate) fn ratio(&self, over: &[&str], under: &[&str]) -> Option<f64> {
        let (over, under) = (self.rounds(over)?, self.rounds(under)?);
        let ratios: Vec<f64> = over.iter().zip(&under).map(|(over, under)| over / under).collect();
        (!ratios.is_empty()).then(|| spread(ratios).median)
    }

    pub(crate) fn to_json(&self, machine: &[(String, String)]) -> Result<String> {
        let short =
            |ns: &f64| json!(if *ns < 100.0 { (ns * 10.0).round() / 10.0 } else { ns.round() });
        let samples: BTreeMap<&str, Vec<Value>> = self
            .samples
            .iter()
            .map(|(name, rounds)| (name.as_str(), rounds.iter().map(short).collect()))
            .collect();
        let machine: BTreeMap<_, _> = machine.iter().cloned().collect();
        let (facts, bytes) = (&self.facts, &self.bytes);
        let all = json!({
            "machine": machine, "facts": facts, "nanoseconds": samples, "bytes": bytes
        });
        // One line per subject keeps the diff to the last run readable.
        Ok(serde_json::to_string(&all)?.replace("],", "],\n").replace("},", "},\n") + "\n")
    }
}

fn spread(mut rounds: Vec<f64>) -> Spread {
    rounds.sort_by(f64::total_cmp);
    let at = |percent| percentile(&rounds, percent);
    Spread { median: at(50), min: at(0), p10: at(10), p90: at(90) }
}

/// The sample that `percent` of the sorted samples lie below.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent + 50) / 100).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{Results, percentile};

    #[test]
    fn a_percentile_is_a_sample() {
        let sorted: Vec<f64> = (0..200).map(f64::from).collect();
        assert_eq!([0, 50, 99, 100].map(|at| percentile(&sorted, at)), [0.0, 100.0, 197.0, 199.0]);
        assert_eq!(percentile(&[7.0], 99), 7.0);
        assert!(percentile(&[], 50).is_nan());
    }

    #[test]
    fn bytes_keep_their_order() {
        let mut results = Results::default();
        results.add(r#"{"samples": {"a": [3, 1]}, "bytes": {"held": [9, 2, 5]}}"#).unwrap();
        assert_eq!(results.bytes("held"), Some(&[9.0, 2.0, 5.0][..]));
        assert_eq!(results.sorted("a"), Some(vec![1.0, 3.0]));
        assert!(results.to_json(&[]).unwrap().contains(r#""held":[9.0,2.0,5.0]"#));
    }

    #[test]
    fn ratios_are_paired_before_the_median_is_taken() {
        let mut results = Results::default();
        let printed = r#"noise
            {"samples": {"a": [1, 20, 3], "b": [2, 10, 6], "c": [3, 30, 9]}, "facts": {"n": 7}}"#;
        results.add(printed).unwrap();
        assert_eq!(results.ratio(&["a"], &["b"]), Some(0.5));
        assert_eq!(results.ratio(&["b", "c"], &["a"]), Some(2.5));
        assert_eq!(results.fact("n"), Some(7.0));
        let spread = results.spread(&["a"]).unwrap();
        assert_eq!((spread.min, spread.median, spread.p90), (1.0, 3.0, 20.0));
        assert!(results.ratio(&["a"], &["missing"]).is_none());
        assert!(results.add("no JSON").is_err());
    }
}
