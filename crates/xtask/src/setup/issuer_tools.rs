//! Programs that some of the issuer's tests, drills and campaigns take: one sets a server's clock, one pools
//! connections, one delivers a signal at a system call, one makes network namespaces.

use super::debian;
use crate::ui;

/// Debian's packages of them.
const PACKAGES: [&str; 4] = ["faketime", "pgbouncer", "strace", "iproute2"];

/// Installs them where that can be done without asking. The tests say what they leave out.
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
