//! Checks the URL of a PostgreSQL database before connecting. Misspelt parts are refused rather
//! than ignored, and no message contains a password.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use crate::store::error::StoreError;

/// The URL parameters that the client reads.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];
/// The client's effective modes. `allow` is absent because the client treats it as `disable`.
const MODES: &[&str] = &["disable", "prefer", "require", "verify-ca", "verify-full"];

/// Refuses a URL with malformed or unknown parts.
///
/// # Errors
/// [`StoreError::Url`], which never quotes a value that may be secret.
pub(super) fn check(text: &str) -> Result<(), StoreError> {
    let refuse = |reason: String| Err(StoreError::Url { reason });
    let Ok(url) = url::Url::parse(text) else {
        return refuse(
            "can't be read as a URL; signs such as @, :, / and # in a user's name or password are \
             written as %40, %3A, %2F, %23"
                .into(),
        );
    };
    if url.fragment().is_some() {
        return refuse("holds a #, which is written as %23".into());
    }
    let mut root = None;
    let mut mode = std::env::var("PGSSLMODE").ok().filter(|mode| !mode.is_empty());
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            // If an unescaped `@` remains, the end of a password may have been parsed as a
            // parameter.
            let is_name = !url.query().unwrap_or_default().contains('@');
            let shown = if is_name { format!(" `{}`", plain(&name)) } else { String::new() };
            return refuse(format!(
                "has a parameter{shown} that there is not; there are {}",
                PARAMETERS.join(", ")
            ));
        }
        match &*name {
            "sslmode" => mode = Some(value.into_owned()),
            "sslrootcert" => root = Some(value.into_owned()),
            "port" if value.parse::<u16>().is_err() => {
                return refuse("names a `port` that is no number up to 65535".into());
            }
            "statement-cache-capacity" if value.parse::<usize>().is_err() => {
                return refuse("names a `statement-cache-capacity` that is no number".into());
            }
            "hostaddr" if value.parse::<std::net::IpAddr>().is_err() => {
                return refuse("names a `hostaddr` that is no address".into());
            }
            _ => {}
        }
    }
    if let Some(mode) = &mode
        && !MODES.contains(&mode.as_str())
    {
        return refuse(format!(
            "or PGSSLMODE names the sslmode `{}`; there are {}",
            plain(mode),
            MODES.join(", ")
        ));
    }
    let checks = mode.is_some_and(|mode| mode.starts_with("verify-"));
    if let Some(root) = root.filter(|root| !root.starts_with("-----BEGIN")) {
        if !checks {
            return refuse(
                "names `sslrootcert`, and its sslmode checks no certificate: add \
                 sslmode=verify-full"
                    .into(),
            );
        }
        if !std::path::Path::new(&root).is_file() {
            return refuse(format!("names the sslrootcert {root:?}, which is no file here"));
        }
    }
    match PgConnectOptions::from_str(text) {
        Ok(_) => Ok(()),
        Err(_) => refuse("can't be read; write postgres://USER@HOST:PORT/NAME?sslmode=…".into()),
    }
}

/// The server and database, without user and password.
pub(crate) fn place(text: &str) -> String {
    let Ok(options) = PgConnectOptions::from_str(text) else { return "the database".into() };
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => {
            format!("postgres://{}:{}/{database}", socket.display(), options.get_port())
        }
        None => format!("postgres://{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

/// Whether the URL contains a password.
pub(crate) fn holds_password(text: &str) -> bool {
    // An unparsable URL may contain one.
    url::Url::parse(text).map_or(text.contains('@'), |url| {
        url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
    })
}

/// The parameter name as typed, shortened and without control characters.
fn plain(text: &str) -> String {
    text.chars().take(24).filter(|sign| !sign.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        check(url).unwrap_err().to_string()
    }

    #[test]
    fn what_is_misspelt_is_refused_by_its_name_and_no_password_is_shown() {
        check("postgres://u:secret@h:5432/d?sslmode=verify-full&application_name=x").unwrap();
        check("postgres://u@h/d").unwrap();
        for (url, told) in [
            ("postgres://u:secret@h/d?sslmod=require", "`sslmod`"),
            ("postgres://u:secret@h/d?sslmode=verify_full", "`verify_full`"),
            ("postgres://u:secret@h/d?sslmode=allow", "`allow`"),
            ("postgres://u:secret@h/d?SSLMODE=require", "`SSLMODE`"),
            ("postgres://u:secret@h/d?sslmode=require&sslrootcert=/x", "checks no certificate"),
            ("postgres://u:secret@h/d?sslmode=verify-ca&sslrootcert=/nowhere/x", "no file here"),
            ("postgres://u:secret@h/d?port=x", "`port`"),
            ("postgres://u:secret@h:port/d", "can't be read"),
            ("postgres://u:secret#1@h/d", "can't be read"),
            ("postgres://u:1?secret@h/d", "a parameter that there is not"),
        ] {
            let text = refused(url);
            assert!(text.contains(told) && !text.contains("secret"), "{url}: {text}");
        }
    }

    #[test]
    fn a_place_is_server_and_database_alone() {
        assert_eq!(
            place("postgres://u:secret@db.example:6543/keys"),
            "postgres://db.example:6543/keys"
        );
        assert!(holds_password("postgres://u:secret@h/d"));
        assert!(holds_password("postgres://u@h/d?password=secret"));
        assert!(!holds_password("postgres://u@h/d"));
    }
}
