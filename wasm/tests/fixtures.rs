//! The committed fixtures equal the example's output.

#[path = "../examples/fixtures.rs"]
#[expect(dead_code, reason = "the example's own `main`")]
mod example;

#[test]
fn the_committed_fixtures_are_up_to_date() {
    let committed = include_str!("../test/fixtures/issuer.json");
    let made = example::document(example::NOW).unwrap();
    let how = "cargo run -p portcullis-wasm --example fixtures > wasm/test/fixtures/issuer.json";
    assert!(made.trim_end() == committed.trim_end(), "run: {how}");
}
