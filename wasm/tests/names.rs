//! The names that the shared memory takes without formatting equal those of `Display`.

use portcullis_core::crypto::IssuerId;
use portcullis_core::token::{Name, Serial};
use portcullis_wasm::SharedMemory;

#[test]
fn names_read_as_they_are_displayed() {
    let mut memory = SharedMemory::default();
    for byte in [0, 1, 0x7F, 0xFF] {
        let issuer = IssuerId([byte; 16]);
        let length = memory.put_issuer(issuer);
        assert_eq!(memory.text.get(..length), Some(issuer.to_string().as_bytes()));

        let name = Name::derive(issuer, Serial::at(7, byte.into()).unwrap());
        let length = memory.put_key_name(name);
        assert_eq!(memory.text.get(..length), Some(name.to_string().as_bytes()));
    }
}
