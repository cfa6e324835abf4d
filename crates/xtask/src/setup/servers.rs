//! Servers that tests place behind the gate or in front of it: a CGI server and a cache.

use super::debian;
use crate::{cmd, ui};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// Debian's folder for servers, which most accounts don't have on PATH.
const SBIN: &str = "/usr/sbin";

/// A server that tests start themselves.
struct Server {
    /// The environment variable that passes its path to the tests. A user sets it if the server is
    /// in another place.
    variable: &'static str,
    /// The possible names of its program.
    names: &'static [&'static str],
    package: &'static str,
    missing: &'static str,
}

/// Folds the names of header fields as CGI does; no other origin in the tests accepts as many
/// spellings.
const LIGHTTPD: Server = Server {
    variable: "PORTCULLIS_LIGHTTPD",
    names: &["lighttpd"],
    package: "lighttpd",
    missing: "no lighttpd on this machine: the gate is not tried with a CGI behind it.
Install lighttpd, or set PORTCULLIS_LIGHTTPD to the program's path.",
};

/// The package with only the program: Debian's `apache2` would start a server.
const APACHE: Server = Server {
    variable: "PORTCULLIS_APACHE",
    names: &["apache2", "httpd"],
    package: "apache2-bin",
    missing: "no Apache on this machine: the gate is not tried with a shared cache.
Install Apache 2.4 with its modules, or set PORTCULLIS_APACHE to the program's path.",
};

/// The environment variables for the servers that are on this machine or can be installed.
pub(crate) fn servers() -> Result<Vec<(&'static str, PathBuf)>> {
    let mut found = Vec::new();
    for server in [LIGHTTPD, APACHE] {
        found.extend(server.program()?.map(|program| (server.variable, program)));
    }
    Ok(found)
}

impl Server {
    /// The program's path; `None`, with a loud notice, if there is none and none can be installed.
    fn program(&self) -> Result<Option<PathBuf>> {
        if let Some(set) = std::env::var_os(self.variable).filter(|set| !set.is_empty()) {
            let file = PathBuf::from(set);
            if !cmd::executable(&file) {
                bail!("{} is {}, which is no program", self.variable, file.display());
            }
            return Ok(Some(file));
        }
        if let Some(found) = self.find() {
            return Ok(Some(found));
        }
        if debian::can_install() {
            match debian::install(&[self.package]) {
                Ok(()) => {
                    if let Some(found) = self.find() {
                        return Ok(Some(found));
                    }
                }
                Err(error) => ui::note(&format!("Debian's {}: {error:#}", self.package)),
            }
        }
        if ui::ci() {
            bail!(self.missing);
        }
        ui::loud(self.missing);
        Ok(None)
    }

    fn find(&self) -> Option<PathBuf> {
        let sbin = self.names.iter().map(|name| Path::new(SBIN).join(name));
        let mut programs = self.names.iter().filter_map(|name| cmd::which(name)).chain(sbin);
        programs.find(|file| cmd::executable(file))
    }
}
