#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::list::Bundle;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::decode(bytes) {
        assert_eq!(bundle.encode(), bytes);
    }
});
