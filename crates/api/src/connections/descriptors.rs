//! The number of descriptors that the process may have.

/// Raises the soft limit to the hard limit, and returns how many descriptors the process may have
/// from then on, or `None` for any number. systemd starts programs with a soft limit of 1,024 and a
/// hard limit of 524,288.
#[cfg(unix)]
#[must_use]
pub fn raise_descriptor_limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut raised = getrlimit(Resource::Nofile);
    raised.current = raised.maximum;
    // Some systems refuse their own hard limit. Then the soft limit stays as it was.
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("the limit of open files stays as it is: {error}");
    }
    getrlimit(Resource::Nofile).current
}

/// Only Unix limits descriptors.
#[cfg(not(unix))]
#[must_use]
pub const fn raise_descriptor_limit() -> Option<u64> {
    None
}
