//! The modules of a crate, what they import, and the file that each import leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::graph::Arrows;
use super::tokens::{Token, tokens};

/// A module. A file with inline modules has several.
#[derive(Default)]
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    imports: Vec<Import>,
    /// The paths in the code, with their lines.
    paths: Vec<(Vec<String>, usize)>,
    /// The words outside of `use`.
    words: BTreeSet<String>,
}

/// A leaf of a `use`.
struct Import {
    path: Vec<String>,
    /// The name in this module; `*` for a glob.
    name: String,
    line: usize,
    is_exported: bool,
}

/// The target of a path.
#[derive(Clone, Copy)]
enum Target {
    Module(usize),
    /// A name that is defined in this module.
    Item(usize),
}

/// A crate: the root is the first module.
pub(crate) struct Crate(Vec<Module>);

impl Crate {
    /// Reads the crate with the root file `root`, and each file that a `mod` names.
    pub(crate) fn read(root: &Path) -> Self {
        let mut this = Self(Vec::new());
        this.read_file(root.to_owned(), root.parent().unwrap(), None);
        this
    }

    /// The imports between its files.
    ///
    /// A re-exported name counts as an import of the file that defines it. Importing a module, or
    /// re-exporting a name without using it, doesn't count; using an item of it does. A call of an
    /// inherent method can't be seen, so it doesn't count either.
    pub(crate) fn arrows(&self, arrows: &mut Arrows) {
        for (at, module) in self.0.iter().enumerate() {
            let mut add = |target: Option<Target>, path: &[String], line: usize| {
                if let Some(Target::Item(other)) = target {
                    let cause = format!("line {line}, `{}`", path.join("::"));
                    arrows.add(&module.file, &self.0[other].file, cause);
                }
            };
            for import in &module.imports {
                if import.is_exported && !module.words.contains(&import.name) {
                    continue;
                }
                let target = match (import.name.as_str(), self.resolve(at, &import.path, 0)) {
                    ("*", Some(Target::Module(all))) => Some(Target::Item(all)),
                    (_, target) => target,
                };
                add(target, &import.path, import.line);
            }
            for (path, line) in &module.paths {
                add(self.resolve(at, path, 0), path, *line);
            }
        }
    }

    fn read_file(&mut self, file: PathBuf, folder: &Path, parent: Option<usize>) -> usize {
        let all = tokens(&fs::read_to_string(&file).unwrap());
        let module = Module { file, parent, ..Module::default() };
        self.0.push(module);
        let at = self.0.len() - 1;
        let end = self.read_body(&all, 0, at, folder);
        assert_eq!(end, all.len(), "{}: a brace too many", self.0[at].file.display());
        at
    }

    /// Reads tokens up to the brace that closes the module `at`; returns the index after it.
    fn read_body(&mut self, all: &[Token], start: usize, at: usize, folder: &Path) -> usize {
        let text = |index: usize| all.get(index).map_or("", |token| token.text.as_str());
        let mut index = start;
        let mut depth = 0_usize;
        while index < all.len() {
            match (text(index), text(index + 2)) {
                ("mod", ";") => {
                    let name = text(index + 1).to_owned();
                    let below = folder.join(&name);
                    let files = [below.with_extension("rs"), below.join("mod.rs")];
                    let file = files.into_iter().find(|file| file.exists());
                    let file = file.unwrap();
                    let child = self.read_file(file, &below, Some(at));
                    self.0[at].children.insert(name, child);
                    index += 3;
                }
                ("mod", "{") => {
                    let name = text(index + 1).to_owned();
                    let file = self.0[at].file.clone();
                    self.0.push(Module { file, parent: Some(at), ..Module::default() });
                    let child = self.0.len() - 1;
                    index = self.read_body(all, index + 3, child, &folder.join(&name));
                    self.0[at].children.insert(name, child);
                }
                ("use", _) if text(index.wrapping_sub(1)) != "+" && text(index + 1) != "<" => {
                    let is_exported = index > 0 && ["pub", ")"].contains(&text(index - 1));
                    let from = self.0[at].imports.len();
                    index = self.read_use(all, index + 1, at, &mut Vec::new());
                    self.0[at].imports[from..].iter_mut().for_each(|i| i.is_exported = is_exported);
                }
                ("{", _) => (depth, index) = (depth + 1, index + 1),
                ("}", _) if depth == 0 => return index + 1,
                ("}", _) => (depth, index) = (depth - 1, index + 1),
                (word, _) if is_word(word) && text(index + 1) == "::" => {
                    let line = all[index].line;
                    let is_outside = text(index.wrapping_sub(1)) == "::";
                    let mut path = vec![word.to_owned()];
                    index += 1;
                    while text(index) == "::" && is_word(text(index + 1)) {
                        path.push(text(index + 1).to_owned());
                        index += 2;
                    }
                    self.0[at].words.insert(path[0].clone());
                    if !is_outside {
                        self.0[at].paths.push((path, line));
                    }
                }
                (word, _) => {
                    self.0[at].words.insert(word.to_owned());
                    index += 1;
                }
            }
        }
        index
    }

    /// Reads one tree of a `use`; returns the index after it.
    fn read_use(
        &mut self,
        all: &[Token],
        mut index: usize,
        at: usize,
        prefix: &mut Vec<String>,
    ) -> usize {
        let text = |index: usize| all.get(index).map_or("", |token| token.text.as_str());
        let own = prefix.len();
        let line = all[index].line;
        // A leading `::` names another crate.
        if text(index) == "::" {
            prefix.push("::".to_owned());
            index += 1;
        }
        loop {
            match text(index) {
                "{" => {
                    index += 1;
                    while text(index) != "}" {
                        index = self.read_use(all, index, at, prefix);
                        index += usize::from(text(index) == ",");
                    }
                    index += 1;
                    break;
                }
                word => {
                    index += 1;
                    if text(index) == "::" {
                        prefix.push(word.to_owned());
                        index += 1;
                        continue;
                    }
                    let mut path = prefix.clone();
                    if word != "self" && word != "*" {
                        path.push(word.to_owned());
                    }
                    let mut name = path.last().cloned().unwrap_or_default();
                    if word == "*" {
                        name = word.to_owned();
                    }
                    if text(index) == "as" {
                        name = text(index + 1).to_owned();
                        index += 2;
                    }
                    self.0[at].imports.push(Import { path, name, line, is_exported: false });
                    break;
                }
            }
        }
        prefix.truncate(own);
        index
    }

    /// The target of `path` from the module `at`; `None` if it is in another crate, or unknown.
    fn resolve(&self, at: usize, path: &[String], depth: usize) -> Option<Target> {
        // Stop if names refer to each other.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(at),
            "super" => Target::Module(self.0[at].parent?),
            name => self.named(at, name, depth, false)?,
        };
        for name in rest {
            let Target::Module(module) = target else { break };
            target = match name.as_str() {
                "self" => target,
                "super" => Target::Module(self.0[module].parent?),
                name => self.named(module, name, depth, true)?,
            };
        }
        Some(target)
    }

    /// The target of `name` in the module `at`. A `certain` name must be there, so if no import
    /// brings it, the module itself defines it.
    fn named(&self, at: usize, name: &str, depth: usize, certain: bool) -> Option<Target> {
        let module = &self.0[at];
        if let Some(child) = module.children.get(name) {
            return Some(Target::Module(*child));
        }
        let is_new = |import: &&Import| import.path.first().is_some_and(|first| first != name);
        if let Some(import) = module.imports.iter().find(|import| import.name == name) {
            return Some(import).filter(is_new).and_then(|i| self.resolve(at, &i.path, depth + 1));
        }
        for import in module.imports.iter().filter(|import| import.name == "*" && certain) {
            if let Some(Target::Module(all)) = self.resolve(at, &import.path, depth + 1)
                && self.0[all].words.contains(name)
                && all != at
            {
                return self.named(all, name, depth + 1, true);
            }
        }
        certain.then_some(Target::Item(at))
    }
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_the_file_that_defines_it() {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules");
        fs::create_dir_all(root.join("a")).unwrap();
        for (file, text) in [
            ("lib.rs", "pub mod a; mod b; mod c; pub use b::Again;"),
            ("a/mod.rs", "mod inner; pub use inner::Deep; pub fn own() {} use super::c;"),
            ("a/inner.rs", "pub struct Deep; mod folded { fn f() { super::super::own() } }"),
            ("b.rs", "use crate::{a::{self, Deep as D}, c::*}; pub struct Again(D);"),
            ("c.rs", "fn f() { crate::a::own(); crate::Again(x); std::a::own() } // crate::a::own"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        let mut arrows = Arrows::new(&root);
        Crate::read(&root.join("lib.rs")).arrows(&mut arrows);
        let found: Vec<_> = arrows.each().map(|(from, to, _)| format!("{from} {to}")).collect();
        let expected =
            ["a/inner.rs a/mod.rs", "b.rs a/inner.rs", "b.rs c.rs", "c.rs a/mod.rs", "c.rs b.rs"];
        assert_eq!(found, expected);
    }
}
