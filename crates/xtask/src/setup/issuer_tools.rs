//! Programs that some of the issuer's tests, drills and campaigns use: one sets a server's clock,
//! one pools connections, one delivers a signal at a system call, one makes network namespaces.

use super::debian;
use crate::ui;

/// Their Debian packages.
const PACKAGES: [&str; 4] = ["faketime", "pgbouncer", "strace", "iproute2"];

/// Installs them if that needs no prompt. Tests that lack one report what they skip.
pub(crate) fn issuer_tools() {
    if !debian::can_install() {
        return;
    }
    for package in PACKAGES {
        if let Err(error) = debian::install(&[package]) {
            ui::note(&format!("Debian's {package}: {error:#}"));
        }
    }
}
