#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::issue::{ShardFacts, encode_body};
use portcullis_core::list::Body;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = Body::decode(bytes) {
        // There is one spelling: what was read is what the writer writes.
        let facts = ShardFacts {
            capacity: body.capacity(),
            revoked: body.revoked().slots(),
            suspended: body.suspended().slots(),
            timed: body.timed().to_vec(),
        };
        assert_eq!(encode_body(&facts).as_deref(), Ok(bytes));
    }
});
