//! `cargo xtask up`: the whole product on this machine, on loopback only.

mod demo;
mod service;
mod stack;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::build::Built;
use crate::{paths, ui};
use stack::{Ports, Stack};

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
