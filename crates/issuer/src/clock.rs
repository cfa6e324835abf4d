//! The only place where the issuer reads a clock.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use portcullis_core::time::Time;

/// A source of time. Rules and the publisher take one as an argument, so that tests need not wait.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Time;

    /// The current time, and the reading of the monotonic clock.
    fn read(&self) -> Reading;

    /// Whether this is real time, comparable to a database server's.
    fn is_the_machines(&self) -> bool {
        true
    }
}

/// Two clocks' readings at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall: Time,
    /// Milliseconds since the machine was booted, including sleep.
    pub steady_millis: u64,
    /// Identifies the boot and the machine.
    pub boot: String,
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[allow(
            clippy::disallowed_methods,
            reason = "the issuer's only reading of the clock; everything else is handed a `Clock`"
        )]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A time before 1970 means a broken clock; the publisher refuses to go back to it.
        Time::from_millis(since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    fn read(&self) -> Reading {
        // Read the steady clock first. If the process is frozen between the two readings, the wall
        // clock seems ahead, which is temporary. In the other order, the recorded reading would
        // make every correct clock look implausible.
        let (steady_millis, boot) = steady();
        Reading { wall: self.now(), steady_millis, boot }
    }
}

/// The start of the fallback clock, for systems that don't provide a boot time.
static STARTED: LazyLock<(Instant, String)> = LazyLock::new(|| {
    let tag = crate::random::secret::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    (Instant::now(), format!("process {} {tag:032x}", std::process::id()))
});

#[cfg(target_os = "linux")]
fn steady() -> (u64, String) {
    static BOOT: LazyLock<Option<String>> = LazyLock::new(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    });
    let Some(boot) = &*BOOT else { return since_start() };
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let secs = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    (secs.saturating_mul(1000).saturating_add(millis), boot.clone())
}

#[cfg(not(target_os = "linux"))]
fn steady() -> (u64, String) {
    since_start()
}

fn since_start() -> (u64, String) {
    let (start, name) = &*STARTED;
    (u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX), name.clone())
}

/// A clock that moves only by calls of its methods.
#[derive(Debug)]
pub struct ManualClock {
    wall: AtomicU64,
    steady: AtomicU64,
}

impl ManualClock {
    /// A clock at `time`.
    #[must_use]
    pub const fn at(time: Time) -> Self {
        Self { wall: AtomicU64::new(time.millis()), steady: AtomicU64::new(0) }
    }

    /// Advances both clocks by `millis` milliseconds.
    pub fn advance(&self, millis: u64) {
        self.wall.fetch_add(millis, Ordering::SeqCst);
        self.steady.fetch_add(millis, Ordering::SeqCst);
    }

    /// Advances both clocks to `time`, or sets the wall clock back.
    pub fn set(&self, time: Time) {
        let passed = time.millis_since(self.now());
        self.steady.fetch_add(passed, Ordering::SeqCst);
        self.wall.store(time.millis(), Ordering::SeqCst);
    }

    /// Sets the wall clock without any time passing.
    pub fn jump(&self, time: Time) {
        self.wall.store(time.millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn read(&self) -> Reading {
        let steady_millis = self.steady.load(Ordering::SeqCst);
        Reading { wall: self.now(), steady_millis, boot: "manual".into() }
    }

    fn is_the_machines(&self) -> bool {
        false
    }
}
