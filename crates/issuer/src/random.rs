//! Randomness from the operating system.

use zeroize::Zeroizing;

/// The system provided no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bytes to give; nothing was changed")]
pub struct NoRandomness;

/// `N` random bytes that are wiped when dropped.
///
/// # Errors
/// [`NoRandomness`] if the system provides none.
pub fn secret<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A uniformly random number below `bound`, which must be a power of two.
///
/// # Errors
/// [`NoRandomness`].
pub fn below_power_of_two(bound: u32) -> Result<u32, NoRandomness> {
    debug_assert!(bound.is_power_of_two());
    Ok(u32::from_be_bytes(*secret()?) & bound.wrapping_sub(1))
}
