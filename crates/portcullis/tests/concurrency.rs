//! Several processes work on one issuer at once: nothing is lost, and the list never goes back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::collections::HashSet;

use common::Shell;
use portcullis_core::crypto::Digest;
use portcullis_core::keyring::Purpose;
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{NewKey, Revocation, When};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_test_support::{Bench, code, stderr};
use sqlx::Row as _;

const DEMAND: Requirements =
    Requirements { purpose: Purpose::Token, kind: None, environment: None };
/// The range of the previous head's digest: it follows magic, issuer, kid, epoch, number and this
/// update.
const PREVIOUS: std::ops::Range<usize> = 42..74;

/// Checks that every committed list follows the previous one in number, time and digest.
async fn check_chain(issuer: &Issuer) -> i64 {
    let mut reading = issuer.store().read().await.unwrap();
    let query = sqlx::query("SELECT number, this_update, head FROM lists ORDER BY epoch, number");
    let rows = query.fetch_all(&mut *reading).await.unwrap();
    let mut before = (0_i64, 0_i64, Digest([0; 32]));
    for row in &rows {
        let (number, at): (i64, i64) = (row.get(0), row.get(1));
        let head: &[u8] = row.get(2);
        assert_eq!(number, before.0 + 1);
        assert!(at > before.1);
        assert_eq!(head[PREVIOUS], before.2.0);
        before = (number, at, Digest::of(head));
    }
    before.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_issuers_create_revoke_and_publish_at_once() {
    const EACH: usize = 12;
    let bench = Bench::new().await;
    let mut tasks = Vec::new();
    // Each worker creates keys, and revokes every second one.
    for worker in 0..4 {
        let issuer =
            Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let mut made = Vec::new();
            for number in 0..EACH {
                let title = format!("{worker}/{number}");
                let minted = issuer.keys().create(&NewKey::titled(&title)).await.unwrap();
                let revoked = number % 2 == 0;
                if revoked {
                    let revocation = Revocation { when: When::Now, by: None };
                    let done = issuer.keys().revoke(&minted.record.id, &revocation).await.unwrap();
                    done.published().unwrap();
                    let verdict = issuer.keys().verify(&minted.token, None, None).await.unwrap();
                    assert_eq!(verdict.result.unwrap_err(), Refusal::Revoked);
                } else {
                    issuer.list().publish().await.unwrap();
                }
                made.push((minted, revoked));
            }
            made
        }));
    }
    // Every serial is unique, and a gate has the right status for every key.
    let mut made = Vec::new();
    for task in tasks {
        made.extend(task.await.unwrap());
    }
    let serials: HashSet<_> = made.iter().map(|(minted, _)| minted.record.serial).collect();
    assert_eq!(serials.len(), 4 * EACH);
    let mut gate = bench.gate().await;
    let now = bench.issuer.now();
    gate.adopt_bundle(&bench.issuer.list().bundle().await.unwrap(), now).unwrap();
    for (minted, revoked) in &made {
        let verdict = gate.verify(&minted.token, &DEMAND, now).map(|_| ());
        assert_eq!(verdict, if *revoked { Err(Refusal::Revoked) } else { Ok(()) });
    }
    // The chain of lists has no gap, and the counts are right.
    let newest = check_chain(&bench.issuer).await;
    assert_eq!(u64::try_from(newest).unwrap(), gate.list().unwrap().list_version().number);
    let (_, shards) = bench.issuer.list().overview().await.unwrap();
    assert_eq!(shards[0].issued, 1 + 4 * u32::try_from(EACH).unwrap());
    assert_eq!(shards[0].counts.revoked, 2 * u32::try_from(EACH).unwrap());
}

#[test]
fn four_processes_create_at_once() {
    let shell = Shell::initialised();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let shell = &shell;
            scope.spawn(move || {
                for number in 0..4 {
                    let title = format!("{worker}/{number}");
                    let created = shell.json(&["keys", "create", "--title", &title]);
                    let id = created.pointer("/key/id").unwrap().as_str().unwrap();
                    if number % 2 == 0 {
                        let revoked = shell.run(&["keys", "revoke", id]);
                        assert_eq!(code(&revoked), 0, "{}", stderr(&revoked));
                    }
                }
            });
        }
    });
    let listed = shell.json(&["keys", "list", "--limit", "200"]);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 17);
    let list = shell.json(&["list", "show"]);
    assert_eq!(
        (list["shards"][0]["issued"].as_u64(), list["shards"][0]["revoked"].as_u64()),
        (Some(17), Some(8))
    );
    assert_eq!(code(&shell.run(&["list", "verify"])), 0);
}
