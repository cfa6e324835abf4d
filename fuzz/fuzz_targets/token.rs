#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::verify::Unverified;

fuzz_target!(|text: &str| {
    if let Ok(token) = Unverified::parse(text) {
        // Whatever is read has the prefix that it shows.
        assert!(text.starts_with(&token.text().prefix().to_string()));
    }
});
