//! The services, started together.

use std::path::PathBuf;

use anyhow::Result;

use super::service::{Issuer, Service};
use crate::build::Built;
use crate::paths;

/// How long a gate of `up` uses a list before it waits for a newer one, in seconds. This is the
/// smallest value that a gate accepts, so that a revocation shows at once.
const FRESH_FOR: &str = "1";

/// All running services. Dropping it stops them in the order of its fields.
pub(super) struct Stack {
    pub(super) gate: Service,
    pub(super) console: Service,
    pub(super) server: Service,
    pub(super) origin: Service,
    pub(super) issuer: Issuer,
}

impl Stack {
    /// Starts every service with the issuer in `home`, which is created if it doesn't exist.
    pub(super) fn start(built: &Built, home: PathBuf, ports: Ports) -> Result<Self> {
        let root = paths::root();
        let issuer = Issuer::open(&built.issuer, home)?;
        let origin = Service::start(
            "sample origin",
            ports.origin,
            |port, command| {
                command.arg(root.join("tests/origin.mjs")).args(["--port", port]);
            },
            &built.node,
        )?;
        let server = Service::start(
            "issuer",
            ports.issuer,
            |port, command| {
                command.arg("--home").arg(&issuer.home).arg("serve");
                command.args(["--listen", &format!("127.0.0.1:{port}"), "--stamp-every", "250ms"]);
                // A carrier of the list detects that a backup was restored.
                command.arg("--target").arg(format!("dir:{}", issuer.home.join("list").display()));
            },
            &built.issuer,
        )?;
        let console = Service::start(
            "console",
            ports.console,
            |port, command| {
                command.arg(root.join("www/serve.mjs")).args(["--port", port]);
                // A key may begin with a dash, like an option, so it is passed after `=`.
                command.arg(format!("--issuer={}", server.url));
                command.arg(format!("--root={}", issuer.root));
            },
            &built.node,
        )?;
        let gate = Service::start(
            "gate",
            ports.gate,
            |port, command| {
                command.arg("serve").arg(root.join("crates/gate-worker/workerd.capnp"));
                command.arg("--socket-addr").arg(format!("http=127.0.0.1:{port}"));
                command
                    .env("ISSUER_URL", &server.url)
                    .env("ORIGIN_URL", &origin.url)
                    .env("ROOT", &issuer.root)
                    .env("ENVIRONMENT", "live")
                    .env("FRESH_FOR", FRESH_FOR)
                    .env("HMAC_KEYS", issuer.gate_keys.as_str())
                    .env("GATE_KEY", issuer.gate_key.as_str())
                    .env("REPORT_USAGE", "true");
            },
            &built.workerd,
        )?;
        Ok(Self { gate, console, server, origin, issuer })
    }

    pub(super) fn services(&mut self) -> [&mut Service; 4] {
        [&mut self.origin, &mut self.server, &mut self.console, &mut self.gate]
    }
}

/// The port of each service. A port that is taken is replaced by a free one.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    console: u16,
    issuer: u16,
    gate: u16,
    origin: u16,
}

impl Ports {
    /// The same ports every time, so that bookmarks and the shell's history keep working.
    pub(super) const USUAL: Self = Self { console: 7300, issuer: 7301, gate: 7302, origin: 7303 };
    /// Any free ports.
    pub(super) const ANY: Self = Self { console: 0, issuer: 0, gate: 0, origin: 0 };
}
