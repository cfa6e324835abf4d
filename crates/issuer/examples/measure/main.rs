//! The cost of an issuer's work on SQLite, compared with plain rows and with rebuilding everything.
//! `cargo xtask bench --only issuer` runs it and evaluates its output: JSON with nanoseconds per
//! round.

mod bulk;
mod scale;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use portcullis_core::time::Time;
use portcullis_core::token::Label;
use portcullis_issuer::actions::NewKey;
use portcullis_issuer::clock::ManualClock;
use portcullis_issuer::init::{Plan, init};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::{Home, Issuer};
use serde_json::json;

const START: Time = Time::from_secs(1_800_000_000);
/// The number of keys per transaction.
const BATCH: usize = 10_000;

/// An issuer in a folder of its own, with a manual clock.
struct Place {
    issuer: Issuer,
    clock: Arc<ManualClock>,
    made: usize,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = Home::new(folder.path().join("home"));
        let clock = Arc::new(ManualClock::at(START));
        let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
        init(&home, &plan, clock.clone()).await?;
        let issuer = Issuer::open(&home, clock.clone(), DEFAULT_VALID_FOR).await?;
        Ok(Self { issuer, clock, made: 0, _folder: folder })
    }

    /// Activates the shards that were opened ahead.
    async fn use_new_shards(&self) -> Result<()> {
        self.issuer.list().publish().await?;
        self.clock.advance(2 * 60 * 60 * 1000);
        self.issuer.list().publish().await?;
        Ok(())
    }

    /// Makes `many` keys, in one transaction per [`BATCH`].
    async fn issue(&mut self, many: usize) -> Result<()> {
        let mut left = many;
        while left > 0 {
            let batch = left.min(BATCH);
            let titled = |number: usize| NewKey::titled(&format!("Device {}", self.made + number));
            let new: Vec<NewKey> = (0..batch).map(titled).collect();
            self.issuer.keys().create_all(&new, None).await?;
            self.made += batch;
            left -= batch;
        }
        Ok(())
    }
}

/// The measurements, by name.
#[derive(Default)]
struct Samples(BTreeMap<&'static str, Vec<u128>>);

impl Samples {
    /// Runs `act` and records the time of each of its `parts`.
    async fn time<T>(
        &mut self,
        name: &'static str,
        parts: usize,
        act: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        let done = act.await?;
        let took = start.elapsed().as_nanos() / (parts.max(1) as u128);
        self.0.entry(name).or_default().push(took);
        Ok(done)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let mut samples = Samples::default();
    bulk::measure(&mut samples, quick).await?;
    work::measure(&mut samples, quick).await?;
    scale::measure(&mut samples, quick).await?;
    println!("{}", json!({ "samples": samples.0, "facts": {} }));
    Ok(())
}
