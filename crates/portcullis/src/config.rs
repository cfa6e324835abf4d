//! The configuration file: TOML, with each flag's name in snake case.
//!
//! The precedence is flags, then the environment, then the file, then the defaults.

use std::path::Path;

use toml::{Table, Value};

/// Why a configuration file is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("the configuration {0} could not be read: {1}")]
    Read(String, std::io::Error),
    /// The file isn't TOML. The parser's message isn't shown: it quotes a line, which may contain a
    /// password.
    #[error("the configuration {path} is no TOML: see its line {line}")]
    Toml {
        /// The file.
        path: String,
        /// The line of the fault, from 1.
        line: usize,
    },
    /// It contains unknown settings.
    #[error("the configuration {path} has unknown settings: {names}; there are {known}")]
    Unknown {
        /// The file.
        path: String,
        /// Their names.
        names: String,
        /// The valid names.
        known: String,
    },
    /// A setting has a value of the wrong type.
    #[error(
        "the configuration {path} sets `{name}` to what is neither text, number nor true or false"
    )]
    Type {
        /// The file.
        path: String,
        /// The setting.
        name: String,
    },
    /// It may contain a password and is readable by others.
    #[error(
        "the configuration {0} sets `database_url`, which may hold a password, and can be read by \
         others; run: chmod 600 {0}"
    )]
    Readable(String),
}

/// The settings of a file, as texts in the syntax of flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// For every command.
    pub(crate) global: Vec<(String, String)>,
    /// For `serve`.
    pub(crate) serve: Vec<(String, String)>,
    /// The database, if it isn't the file in the folder.
    pub(crate) database_url: Option<String>,
}

impl Config {
    /// Reads a file. The names in `global` are allowed at the top level, those in `serve` in its
    /// table `serve`.
    ///
    /// # Errors
    /// [`ConfigError`]: nothing in the file is silently ignored.
    pub(crate) fn read(path: &Path, global: &[&str], serve: &[&str]) -> Result<Self, ConfigError> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read(place.clone(), error))?;
        let config = Self::parse(&text, &place, global, serve)?;
        if config.database_url.is_some() && portcullis_issuer::files::read_secret(path).is_err() {
            return Err(ConfigError::Readable(place));
        }
        Ok(config)
    }

    fn parse(text: &str, path: &str, global: &[&str], serve: &[&str]) -> Result<Self, ConfigError> {
        // The parser's message may quote a password, so only the line number is kept.
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            ConfigError::Toml { path: path.into(), line: before.matches('\n').count() + 1 }
        })?;
        let section = match table.remove("serve") {
            None => Table::new(),
            Some(Value::Table(section)) => section,
            Some(_) => {
                return Err(ConfigError::Type { path: path.into(), name: "serve".into() });
            }
        };
        let database_url = table.remove("database_url");
        // Refuse unknown names, including those in the table `serve`.
        let is_unknown = |known: &[&str], name: &str| !known.contains(&name);
        let unknown: Vec<String> = table
            .keys()
            .filter(|name| is_unknown(global, name))
            .cloned()
            .chain(
                section
                    .keys()
                    .filter(|name| is_unknown(serve, name))
                    .map(|name| format!("serve.{name}")),
            )
            .collect();
        if !unknown.is_empty() {
            let known = global.iter().map(|name| (*name).to_owned());
            let known = known.chain(["database_url".to_owned()]);
            let known = known.chain(serve.iter().map(|name| format!("serve.{name}")));
            return Err(ConfigError::Unknown {
                path: path.into(),
                names: unknown.join(", "),
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
        let texts = |table: Table| {
            let text = |(name, value): (String, Value)| {
                let text = text_of(path, &name, value)?;
                Ok((name, text))
            };
            table.into_iter().map(text).collect::<Result<Vec<_>, ConfigError>>()
        };
        let database_url =
            database_url.map(|value| text_of(path, "database_url", value)).transpose()?;
        Ok(Self { global: texts(table)?, serve: texts(section)?, database_url })
    }
}

fn text_of(path: &str, name: &str, value: Value) -> Result<String, ConfigError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            Err(ConfigError::Type { path: path.into(), name: name.into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, "f.toml", &["home", "valid_for"], &["listen", "rate_limit"])
    }

    #[test]
    fn settings_are_read_as_flags_would_be() {
        let text = "home = '/x'\ndatabase_url = 'postgres://h/d'\n[serve]\nrate_limit = 7\n";
        let config = parse(text).unwrap();
        assert_eq!(config.global, [("home".to_owned(), "/x".to_owned())]);
        assert_eq!(config.serve, [("rate_limit".to_owned(), "7".to_owned())]);
        assert_eq!(config.database_url.as_deref(), Some("postgres://h/d"));
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn what_is_unknown_is_refused_by_its_name() {
        let error = parse("colour = 1\n[serve]\nport = 2\n").unwrap_err().to_string();
        assert!(error.contains("unknown settings: colour, serve.port; there are home"), "{error}");
        let error = parse("home = '/x'\nvalid_for = 'sk_live_secret\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("sk_live"), "{error}");
        assert!(matches!(parse("home = []"), Err(ConfigError::Type { .. })));
        assert!(matches!(parse("serve = 1"), Err(ConfigError::Type { .. })));
    }
}
