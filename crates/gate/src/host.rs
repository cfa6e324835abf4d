//! What the gate needs from outside: files, a clock, a log, and whoever is told how keys are used.

use core::future::Future;

use portcullis_core::time::Time;

use crate::analytics::DataPoint;
use crate::log::Event;
use crate::source::{FetchError, File};

/// What the gate needs from outside. Sources are known by their place in the settings.
pub trait Host {
    /// Fetches a file, of at most [`File::longest`] bytes, within `timeout` milliseconds.
    fn get(
        &self,
        source: usize,
        file: File,
        timeout: u64,
    ) -> impl Future<Output = Result<Vec<u8>, FetchError>>;

    /// What another isolate in the same place has kept: see [`keep`](Self::keep).
    fn kept(&self) -> impl Future<Output = Option<Vec<u8>>>;

    /// Keeps a floor for isolates to come. It may be lost.
    fn keep(&self, floor: Vec<u8>) -> impl Future<Output = ()>;

    /// Sends a report of uses: over the queue where one is bound, else to the issuer.
    fn report(&self, body: String, timeout: u64) -> impl Future<Output = Result<(), FetchError>>;

    /// Hands the issuer a report of uses.
    fn deliver(&self, body: String, timeout: u64) -> impl Future<Output = Result<(), FetchError>>;

    /// Hands a data point to Analytics Engine, which answers nothing. It may be lost.
    fn write(&self, point: &DataPoint);

    /// Waits.
    fn sleep(&self, millis: u64) -> impl Future<Output = ()>;

    /// The clock.
    fn now(&self) -> Time;

    /// A number that other gates would not draw at the same moment. It keeps no secret.
    fn random(&self) -> u32;

    /// Tells the operator.
    fn log(&self, event: &Event);
}
