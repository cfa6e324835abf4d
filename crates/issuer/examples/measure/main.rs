//! What an issuer's work costs on SQLite, beside plain rows and beside doing everything anew.
//! `cargo xtask bench --only issuer` runs it and judges what it prints: JSON, nanoseconds in rounds.

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
use portcullis_issuer::issuer::DEFAULT_VALID_FOR;
use portcullis_issuer::{Home, Issuer};
use serde_json::json;

const START: Time = Time::from_secs(1_800_000_000);
/// How many keys one transaction makes.
const BATCH: usize = 10_000;

/// An issuer in a folder of its own, on a clock that is moved by hand.
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

    /// Lets the shards that were opened ahead come into use.
    async fn use_new_shards(&self) -> Result<()> {
        self.issuer.publish().await?;
        self.clock.advance(2 * 60 * 60 * 1000);
        self.issuer.publish().await?;
        Ok(())
    }

    /// Makes `many` keys, a transaction for each [`BATCH`].
    async fn issue(&mut self, many: usize) -> Result<()> {
        let mut left = many;
        while left > 0 {
            let batch = left.min(BATCH);
            let titled = |number: usize| NewKey::titled(&format!("Device {}", self.made + number));
            let new: Vec<NewKey> = (0..batch).map(titled).collect();
            self.issuer.create_all(&new, None).await?;
            self.made += batch;
            left -= batch;
        }
        Ok(())
    }
}

/// What was measured, by name.
#[derive(Default)]
struct Samples(BTreeMap<&'static str, Vec<u128>>);

impl Samples {
    /// Does `act` and notes what each of its `parts` took.
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
