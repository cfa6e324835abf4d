//! Keys as arguments, or from standard input.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};
use portcullis_issuer::names;
use zeroize::Zeroizing;

/// The key in an argument, or from standard input if the argument is `-`.
pub(crate) fn token(text: &str) -> Result<Zeroizing<String>> {
    if text == "-" { read_token() } else { Ok(Zeroizing::new(text.to_owned())) }
}

fn read_token() -> Result<Zeroizing<String>> {
    const MAX_LEN: u64 = 64 * 1024;
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let read = std::io::stdin().lock().take(MAX_LEN).read_to_string(&mut text);
    if read.context("standard input could not be read as text")? == 0 {
        bail!("there is no key on standard input");
    }
    Ok(Zeroizing::new(names::key_text(&text).to_owned()))
}
