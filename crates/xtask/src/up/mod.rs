//! `cargo xtask up`: the whole product on this machine, on loopback alone.

mod demo;
mod service;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::build::Built;
use crate::{paths, ui};
use service::{Issuer, Service};

/// How long a gate of `up` judges by a list without waiting for a newer one, in seconds. The
/// smallest that a gate takes, so that a revocation shows at once.
const FRESH_FOR: &str = "1";

/// Everything that runs, stopped in the order of its fields when it goes.
pub(super) struct Stack {
    gate: Service,
    console: Service,
    server: Service,
    origin: Service,
    issuer: Issuer,
}

impl Stack {
    /// Starts all of it over the issuer in `home`, making one if there is none.
    fn start(built: &Built, home: PathBuf, ports: Ports) -> Result<Self> {
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
                // Whoever carries the list tells that a backup was restored.
                command.arg("--target").arg(format!("dir:{}", issuer.home.join("list").display()));
            },
            &built.issuer,
        )?;
        let console = Service::start(
            "console",
            ports.console,
            |port, command| {
                command.arg(root.join("www/serve.mjs")).args(["--port", port]);
                // A key may begin with a dash, as an option does.
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

    fn services(&mut self) -> [&mut Service; 4] {
        [&mut self.origin, &mut self.server, &mut self.console, &mut self.gate]
    }
}

/// Where each service listens. A port that is taken is replaced by a free one.
#[derive(Clone, Copy)]
struct Ports {
    console: u16,
    issuer: u16,
    gate: u16,
    origin: u16,
}

impl Ports {
    /// The same every time, so that a bookmark and a shell's history go on working.
    const USUAL: Self = Self { console: 7300, issuer: 7301, gate: 7302, origin: 7303 };
    /// Any that are free.
    const ANY: Self = Self { console: 0, issuer: 0, gate: 0, origin: 0 };
}

pub(crate) fn run(check: bool, built: &Built) -> Result<()> {
    if check {
        let home = paths::target().join(format!("up-check-{}", std::process::id()));
        let outcome = Stack::start(built, home.clone(), Ports::ANY)
            .and_then(|stack| demo::tell(&stack, built));
        std::fs::remove_dir_all(&home).ok();
        return outcome;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))
        .context("cannot listen for Ctrl-C")?;
    let mut stack = Stack::start(built, paths::target().join("up"), Ports::USUAL)?;
    demo::invite(&stack)?;
    while !stop.load(Ordering::SeqCst) {
        for service in stack.services() {
            if let Some(status) = service.ended()? {
                bail!("the {} ended by itself: {status}\n{}", service.name, service.said());
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    ui::note("stopping");
    Ok(())
}
