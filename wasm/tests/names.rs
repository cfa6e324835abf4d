//! The names that the board writes without formatting equal those of `Display`.

use portcullis_core::crypto::IssuerId;
use portcullis_core::token::{Name, Serial};
use portcullis_wasm::Board;

#[test]
fn names_read_as_they_are_displayed() {
    let mut board = Board::default();
    for byte in [0, 1, 0x7F, 0xFF] {
        let issuer = IssuerId([byte; 16]);
        let length = board.put_issuer(issuer);
        assert_eq!(board.text.get(..length), Some(issuer.to_string().as_bytes()));

        let name = Name::derive(issuer, Serial::at(7, byte.into()).unwrap());
        let length = board.put_key_name(name);
        assert_eq!(board.text.get(..length), Some(name.to_string().as_bytes()));
    }
}
