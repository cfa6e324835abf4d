//! Interleaved rounds: every subject runs once in each, for a few milliseconds, so that a noisy
//! neighbour meets them all and ratios within a round stay fair.

use serde_json::{Map, Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub sample: Duration,
}

impl Effort {
    pub fn new(quick: bool) -> Self {
        // Far shorter than a time slice: on a busy machine most samples are then undisturbed.
        Self { rounds: if quick { 101 } else { 401 }, sample: Duration::from_micros(400) }
    }
}

/// What is compared with each other.
#[derive(Default)]
pub struct Rounds<'a> {
    subjects: Vec<(String, Box<dyn FnMut(u64) + 'a>)>,
}

impl<'a> Rounds<'a> {
    /// Adds a subject: one call of `once` is one operation.
    pub fn add<T>(&mut self, name: &str, mut once: impl FnMut() -> T + 'a) {
        self.many(name, move |times| {
            for _ in 0..times {
                black_box(once());
            }
        });
    }

    /// Adds a subject that does so many operations at a time.
    pub fn many(&mut self, name: &str, many: impl FnMut(u64) + 'a) {
        self.subjects.push((name.to_owned(), Box::new(many)));
    }

    /// Adds a subject that takes the members of `items` in turn, for ever.
    pub fn each<I, T>(
        &mut self,
        name: &str,
        items: &'a [I],
        mut once: impl FnMut(&'a I) -> T + 'a,
    ) {
        let mut at = 0;
        self.add(name, move || {
            at = if at + 1 < items.len() { at + 1 } else { 0 };
            once(&items[at])
        });
    }

    /// Nanoseconds an operation, by subject and round.
    pub fn run(mut self, effort: Effort) -> Map<String, Value> {
        let times: Vec<u64> =
            self.subjects.iter_mut().map(|(_, many)| calibrate(many, effort.sample)).collect();
        let mut samples = vec![Vec::new(); times.len()];
        for round in 0..effort.rounds {
            for turn in 0..times.len() {
                // Another one first each time: what a subject leaves in the caches is spread.
                let at = (turn + round) % times.len();
                let many = &mut self.subjects[at].1;
                // Its own data come back into the caches first.
                many(times[at] / 4);
                let took = time(many, times[at]);
                samples[at].push(took.as_nanos() as f64 / times[at] as f64);
            }
        }
        self.subjects.into_iter().zip(samples).map(|((name, _), ns)| (name, json!(ns))).collect()
    }
}

fn calibrate(many: &mut dyn FnMut(u64), sample: Duration) -> u64 {
    let mut times = 1;
    loop {
        let took = time(many, times);
        // One operation may well take longer than a sample is to be.
        if took * 4 >= sample {
            let wanted = sample.as_nanos() as f64 / took.as_nanos().max(1) as f64;
            return ((times as f64 * wanted) as u64).max(1);
        }
        times *= 2;
    }
}

fn time(many: &mut dyn FnMut(u64), times: u64) -> Duration {
    let started = Instant::now();
    many(times);
    started.elapsed()
}
