//! What the gate needs from outside: files, a clock, a log, and the receiver of usage reports.

use core::future::Future;

use portcullis_core::time::Time;

use crate::refresh::source::{FetchError, File};
use crate::telemetry::analytics::DataPoint;
use crate::telemetry::log::Event;

/// The interface to the outside. A source is identified by its index in the settings.
pub trait Host {
    /// Fetches a file, of at most [`File::longest`] bytes, within `timeout` milliseconds.
    fn fetch(
        &self,
        source: usize,
        file: File,
        timeout: u64,
    ) -> impl Future<Output = Result<Vec<u8>, FetchError>>;

    /// The floor that an isolate in the same location has stored: see [`store_floor`](Self::store_floor).
    fn load_floor(&self) -> impl Future<Output = Option<Vec<u8>>>;

    /// Stores a floor for future isolates. The store may lose it.
    fn store_floor(&self, floor: Vec<u8>) -> impl Future<Output = ()>;

    /// Sends a report of uses: over the queue if one is bound, else to the issuer.
    fn report_usage(
        &self,
        body: String,
        timeout: u64,
    ) -> impl Future<Output = Result<(), FetchError>>;

    /// Delivers a report of uses to the issuer.
    fn deliver_usage(
        &self,
        body: String,
        timeout: u64,
    ) -> impl Future<Output = Result<(), FetchError>>;

    /// Writes a data point to Analytics Engine, which gives no acknowledgement. The point may be
    /// lost.
    fn write_point(&self, point: &DataPoint);

    /// Sleeps.
    fn sleep(&self, millis: u64) -> impl Future<Output = ()>;

    /// The clock.
    fn now(&self) -> Time;

    /// A number that differs between gates at the same moment. It needn't be secret.
    fn random(&self) -> u32;

    /// Writes an event to the log.
    fn log(&self, event: &Event);
}
