//! Imports between files, and the circles among them.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// The imports of each file, with the first line of each. Paths start at the root.
pub(crate) struct Arrows {
    root: PathBuf,
    from: BTreeMap<String, BTreeMap<String, String>>,
}

impl Arrows {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), from: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, from: &Path, to: &Path, cause: String) {
        let [from, to] = [from, to].map(|file| {
            file.strip_prefix(&self.root).unwrap().to_string_lossy().replace('\\', "/")
        });
        if from != to {
            self.from.entry(from).or_default().entry(to).or_insert(cause);
        }
    }

    /// Each arrow: from, to, and its cause.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.from.iter().flat_map(|(from, all)| {
            all.iter().map(move |(to, cause)| (from.as_str(), to.as_str(), cause.as_str()))
        })
    }

    /// The shortest way from `from` to `to`, with both ends.
    fn way<'a>(&'a self, from: &'a str, to: &'a str) -> Option<Vec<&'a str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(file) = next.pop_front() {
            for other in self.from.get(file).into_iter().flat_map(BTreeMap::keys) {
                if before.contains_key(other.as_str()) {
                    continue;
                }
                before.insert(other, file);
                if other != to {
                    next.push_back(other);
                    continue;
                }
                let mut way = vec![to];
                let mut last = file;
                while last != from {
                    way.push(last);
                    last = before[last];
                }
                way.push(from);
                way.reverse();
                return Some(way);
            }
        }
        None
    }

    /// The groups of files that reach each other.
    pub(crate) fn groups(&self) -> Vec<Vec<String>> {
        let mut groups: Vec<Vec<String>> = Vec::new();
        for file in self.from.keys().filter(|file| self.way(file, file).is_some()) {
            let group = groups.iter_mut().find(|group| {
                self.way(file, &group[0]).is_some() && self.way(&group[0], file).is_some()
            });
            match group {
                Some(group) => group.push(file.clone()),
                None => groups.push(vec![file.clone()]),
            }
        }
        groups
    }

    /// The shortest circle, with the line behind each arrow, and all files that are in circles.
    pub(crate) fn told(&self) -> Option<String> {
        let circles = self.from.keys().filter_map(|file| self.way(file, file));
        let circle = circles.min_by_key(Vec::len)?;
        let mut text = String::from("files import each other; the shortest circle:\n");
        for step in circle.windows(2) {
            let cause = &self.from[step[0]][step[1]];
            text += &format!("  {} -> {} ({cause})\n", step[0], step[1]);
        }
        for group in self.groups() {
            text += &format!("{} files in circles: {}\n", group.len(), group.join(" "));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_circle_is_found() {
        let root = Path::new("/r");
        let mut arrows = Arrows::new(root);
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("d", "b"), ("e", "a")] {
            arrows.add(&root.join(from), &root.join(to), format!("line of {from}"));
        }
        assert_eq!(arrows.groups(), [["a", "b", "c", "d"]]);
        assert!(arrows.told().unwrap().contains("  b -> c (line of b)\n  c -> d (line of c)\n"));
        assert_eq!(arrows.each().count(), 6);
        assert_eq!(Arrows::new(root).told(), None);
    }
}
