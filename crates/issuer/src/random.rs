//! Randomness from the operating system.

use zeroize::Zeroizing;

use crate::error::Error;

/// `N` random bytes that are wiped when dropped.
///
/// # Errors
/// [`Error::Random`] if the system provides none.
pub fn secret<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| Error::Random)?;
    Ok(bytes)
}

/// A uniformly random number below `bound`, which must be a power of two.
///
/// # Errors
/// [`Error::Random`].
pub fn below_power_of_two(bound: u32) -> Result<u32, Error> {
    debug_assert!(bound.is_power_of_two());
    Ok(u32::from_be_bytes(*secret()?) & bound.wrapping_sub(1))
}
