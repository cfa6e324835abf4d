//! Status lists have the same facts as the revocation list, at any time and after any acts.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::ZlibDecoder;
use portcullis_core::keyring::{Keyring, Purpose, State};
use portcullis_core::list::{BulkState, Status};
use portcullis_core::token::Environment;
use portcullis_issuer::actions::*;
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::PublishOptions;
use portcullis_issuer::status::StatusLists;
use portcullis_issuer::status::token::{self, Claims};
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::store::status;
use portcullis_issuer::{Error, Issuer};
use portcullis_test_support::Bench;

conformance! {
    status_lists_say_what_the_revocation_list_says,
    a_status_list_is_made_anew_when_it_has_to_be,
    a_signer_of_status_lists_is_replaced_without_a_gap,
    without_a_signer_nothing_is_signed_and_the_list_goes_out,
}

const BASE: &str = "https://keys.example/status";
const MINUTE: u64 = 60_000;

/// The same issuer, which publishes status lists that are valid for ten minutes.
async fn opened(bench: &Bench, base: &str) -> Issuer {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let lists = StatusLists::new(base, minutes(1), minutes(10)).unwrap();
    let publish_options = PublishOptions { status_lists: Some(lists), ..PublishOptions::default() };
    Issuer::open_with(&bench.home, bench.clock.clone(), publish_options).await.unwrap()
}

async fn change(bench: &Bench, change: KeyringChange) -> Result<KeyringChanged, Error> {
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    Ok(bench.issuer.keyring().change(&change, &root, Some("me")).await?.value)
}

fn signer(at_once: bool) -> KeyringChange {
    KeyringChange::Rotate(NewSigner {
        purpose: Purpose::StatusList,
        algorithm: None,
        environments: vec![],
        kinds: vec![],
        at_once,
    })
}

async fn keyring(issuer: &Issuer) -> Keyring {
    Keyring::open(&issuer.keyring().document().await.unwrap(), issuer.root()).unwrap()
}

/// The list at a shard's address, as a relying party reads it.
async fn read(issuer: &Issuer, shard: u32) -> (Claims, Vec<u8>) {
    let mut reading = issuer.store().read().await.unwrap();
    let (text, _) = status::token(&mut reading, shard).await.unwrap().unwrap();
    drop(reading);
    let claims = token::open(text.as_bytes(), &keyring(issuer).await).unwrap();
    let lst = URL_SAFE_NO_PAD.decode(&claims.status_list.lst).unwrap();
    let mut bytes = Vec::new();
    ZlibDecoder::new(lst.as_slice()).read_to_end(&mut bytes).unwrap();
    (claims, bytes)
}

fn look_up((claims, bytes): &(Claims, Vec<u8>), idx: u32) -> u8 {
    let bits = u32::from(claims.status_list.bits);
    let byte = bytes[(idx * bits / 8) as usize];
    byte >> (idx * bits % 8) & ((1 << bits) - 1)
}

/// Pseudo-random numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

pub(crate) async fn status_lists_say_what_the_revocation_list_says(bench: Bench) {
    change(&bench, signer(true)).await.unwrap();
    let issuer = opened(&bench, BASE).await;
    let owners = [bench.owner("One").await, bench.owner("Two").await];
    let mut dice = Dice(6);
    // The admin key has an index too.
    let mut keys: Vec<EffectiveKey> = vec![bench.made.admin.clone()];
    let (mut suspensions, mut seen) = (Vec::new(), [0_u32; 3]);
    for round in 0..60 {
        bench.clock.advance(dice.below(2 * MINUTE));
        let some = usize::try_from(dice.below(keys.len().max(1) as u64)).unwrap();
        let id = keys.get(some).map(|key| key.id.clone()).unwrap_or_default();
        let now = issuer.now();
        // A refused act changes nothing, which is fine here.
        match dice.below(9) {
            0..3 => {
                let new = NewKey {
                    owner: *[0, owners[0], owners[1]].get(round % 3).unwrap(),
                    environment: [Environment::Live, Environment::Test][round % 2],
                    expires: (round % 4 == 0)
                        .then(|| When::At(now.plus_millis(MINUTE * 60)))
                        .into(),
                    ..NewKey::titled("x")
                };
                keys.extend(issuer.keys().create(&new).await.map(|minted| minted.record));
            }
            3 => drop(bench.revoke(&id, When::Now).await),
            4 => {
                let soon = now.plus_millis(dice.below(5 * MINUTE));
                drop(bench.revoke(&id, When::At(soon)).await);
            }
            5 => drop(issuer.keys().suspend(&id, None).await),
            6 => drop(issuer.keys().resume(&id, None).await),
            7 => {
                let whose = match dice.below(3) {
                    0 => BulkSelection::Owner(owners[usize::try_from(dice.below(2)).unwrap()]),
                    1 => BulkSelection::Environment(Environment::Test),
                    _ => BulkSelection::Everybody,
                };
                let revoked = dice.below(4) == 0;
                let state = if revoked { BulkState::Revoked } else { BulkState::Suspended };
                let before = portcullis_core::time::Time::from_millis(
                    now.millis() - dice.below(10 * MINUTE),
                );
                let what = BulkRevocation {
                    whose,
                    state,
                    issued_from: None,
                    issued_before: Some(before),
                    by: None,
                };
                suspensions.extend(issuer.bulk().revoke(&what).await.map(|done| done.value.id));
            }
            _ => drop(match suspensions.pop() {
                Some(id) => issuer.bulk().lift(id, None).await.map(|_| ()),
                None => Ok(()),
            }),
        }
        issuer.list().publish().await.unwrap();
        issuer.list().renew_status_lists().await.unwrap();
        let view = issuer.list().state().await.unwrap();
        let this_update = view.list_version().unwrap().this_update;
        let list = view.verifier().list_at(this_update).unwrap();
        let read = read(&issuer, 0).await;
        let mut suspended = false;
        for key in &keys {
            let expected = match list.status(&key.claims()) {
                Status::Good => 0,
                Status::Revoked => 1,
                Status::Suspended => 2,
                Status::NotCovered => panic!("a key that was issued is covered"),
            };
            suspended |= expected == 2;
            seen[usize::from(expected)] += 1;
            assert_eq!(look_up(&read, key.serial.slot()), expected, "round {round}, {}", key.id);
        }
        assert_eq!(read.0.status_list.bits, if suspended { 2 } else { 1 });
        assert_eq!(read.1.len(), usize::from(read.0.status_list.bits) << 17);
    }
    assert!(seen.iter().all(|times| *times > 20), "{seen:?}");
}

pub(crate) async fn a_status_list_is_made_anew_when_it_has_to_be(bench: Bench) {
    change(&bench, signer(true)).await.unwrap();
    let issuer = opened(&bench, BASE).await;
    let key = issuer.keys().create(&NewKey::titled("x")).await.unwrap().record;
    let slot = key.serial.slot();
    let again = async || {
        issuer.list().publish().await.unwrap();
        issuer.list().renew_status_lists().await.unwrap();
        read(&issuer, 0).await
    };
    let first = again().await;
    assert_eq!(first.0.sub, format!("{BASE}/0.jwt"));
    assert_eq!((first.0.ttl, first.0.exp - first.0.iat), (60, 600));
    assert_eq!(first.0.iat, issuer.now().millis() / 1000);
    bench.clock.advance(4 * MINUTE + 59_000);
    assert_eq!(again().await.0, first.0, "nothing has changed, and it is young");
    bench.clock.advance(2_000);
    let second = again().await;
    assert_eq!(second.0.iat, first.0.iat + 301, "half its time is over");
    assert_eq!(second.0.status_list, first.0.status_list);

    let strikes = issuer.now().plus_millis(MINUTE);
    bench.revoke(&key.id, When::At(strikes)).await.unwrap();
    bench.clock.advance(59_000);
    assert_eq!(look_up(&again().await, slot), 0, "it strikes when it is due");
    bench.clock.advance(1_000);
    assert_eq!(look_up(&again().await, slot), 1);

    // Another process serves lists with the same base; a process with another base signs its own.
    assert_eq!(issuer.keys().show(&key.id).await.unwrap().serial.shard(), 0);
    let moved = opened(&bench, "https://other.example").await;
    bench.clock.advance(1_000);
    moved.list().publish().await.unwrap();
    moved.list().renew_status_lists().await.unwrap();
    assert_eq!(read(&moved, 0).await.0.sub, "https://other.example/0.jwt");
}

pub(crate) async fn a_signer_of_status_lists_is_replaced_without_a_gap(bench: Bench) {
    let first = change(&bench, signer(true)).await.unwrap().kid.unwrap();
    let issuer = opened(&bench, BASE).await;
    let published = async || {
        bench.clock.advance(1_000);
        issuer.list().publish().await.unwrap();
        issuer.list().renew_status_lists().await.unwrap();
        let mut reading = issuer.store().read().await.unwrap();
        status::marks(&mut reading).await.unwrap()[&0].kid
    };
    let kids = async || {
        let jwks = token::jwks(&keyring(&issuer).await);
        let keys = jwks["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().parse().unwrap()).collect::<Vec<u16>>()
    };
    assert_eq!(published().await, first);
    let next = change(&bench, signer(false)).await.unwrap().kid.unwrap();
    assert_eq!((published().await, kids().await), (first, vec![first, next]));
    change(&bench, KeyringChange::Promote(next)).await.unwrap();
    assert_eq!((published().await, kids().await), (next, vec![first, next]));
    let retire = |anyway| KeyringChange::Retire { kid: first, anyway };
    let refused = change(&bench, retire(false)).await.unwrap_err();
    assert_eq!(refused.code(), "signer_has_lists", "{refused}");
    assert_eq!(keyring(&issuer).await.entry(first).unwrap().state, State::Retiring);
    bench.clock.advance(10 * MINUTE);
    issuer.list().publish().await.unwrap();
    change(&bench, retire(false)).await.unwrap();
    assert_eq!((published().await, kids().await), (next, vec![next]));
    // A stolen key is retired at once.
    change(&bench, KeyringChange::Retire { kid: next, anyway: true }).await.unwrap();
    assert!(kids().await.is_empty());
}

pub(crate) async fn without_a_signer_nothing_is_signed_and_the_list_goes_out(bench: Bench) {
    let issuer = opened(&bench, BASE).await;
    issuer.list().publish().await.unwrap();
    let error = issuer.list().renew_status_lists().await.unwrap_err();
    assert_eq!(error.code(), "no_status_signer");
    let mut reading = issuer.store().read().await.unwrap();
    assert_eq!(status::token(&mut reading, 0).await.unwrap(), None);
    // An issuer that publishes none has none to renew.
    bench.issuer.list().renew_status_lists().await.unwrap();
}
