//! The behaviour that every store must have: each test runs on SQLite and on PostgreSQL.
//!
//! `PORTCULLIS_TEST_POSTGRES` names the PostgreSQL server, as `cargo xtask test` sets it; each test
//! has a database of its own on it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

/// Generates a test per database for each named function.
macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(portcullis_test_support::Bench::new().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(bench) = portcullis_test_support::Bench::on_postgres().await {
                    super::$name(bench).await;
                }
            })*
        }
    };
}

mod canaries;
mod clock;
mod counts;
mod events;
mod idempotency;
mod labels;
mod life;
mod life_acts;
mod life_listing;
mod lists;
mod many;
mod policies;
mod retention;
mod retention_found;
mod retention_model;
mod secrets;
mod settings;
mod status;
mod usage;
mod webhooks;
