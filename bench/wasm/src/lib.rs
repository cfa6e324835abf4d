//! Loops over the core and its peers inside one wasm module, so that no boundary is in the figure.
//! Its exports take and give plain numbers; node/wasm.mjs calls them.

use bench_peers::{Clubcard, bit, bitmap, contains, numbers, unpack, walk};
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Purpose;
use portcullis_core::list::{Bundle, Status};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Kind, Lifetime, Serial};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Requirements, Unverified};
use roaring::RoaringBitmap;
use sha2::{Digest as _, Sha256, block_api::compress256};
use std::cell::RefCell;
use std::hint::black_box;

const DEMAND: Requirements = Requirements {
    purpose: Purpose::Token,
    kind: Some(Kind::Secret),
    environment: Some(Environment::Live),
};

/// What [`open`] makes of the input.
struct State {
    now: Time,
    bundle: Vec<u8>,
    /// Keyring and secret, no list yet.
    empty: Verifier,
    verifier: Verifier,
    keys: Vec<String>,
    card: Option<Clubcard>,
    roaring: RoaringBitmap,
    bitmap: Vec<u8>,
    hits: Vec<u32>,
    misses: Vec<u32>,
}

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// Room for `len` bytes of input.
#[unsafe(no_mangle)]
extern "C" fn input(len: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.resize(len, 0);
        input.as_mut_ptr()
    })
}

/// Reads the input: what `bench-native fixtures` packed.
#[unsafe(no_mangle)]
extern "C" fn open(now_ms: f64) {
    let input = INPUT.take();
    let [root, secret, bundle, keys, card, roaring, hits, misses] = unpack(&input)[..] else {
        panic!("eight parts");
    };
    let now = Time::from_millis(now_ms as u64);
    let root = PublicKey::from_bytes(root.try_into().unwrap()).unwrap();
    let mut empty = Verifier::new(root, Bundle::decode(bundle).unwrap().keyring).unwrap();
    empty.hold_secret(1, secret.try_into().unwrap()).unwrap();
    let mut verifier = empty.clone();
    verifier.adopt_bundle(bundle, now).unwrap();
    let roaring = RoaringBitmap::deserialize_from(roaring).unwrap_or_default();
    let capacity = roaring.max().map_or(0, |last| last + 1).next_multiple_of(1_000_000);
    let state = State {
        now,
        bundle: bundle.to_vec(),
        empty,
        verifier,
        keys: keys.split(|b| *b == b'\n').map(|k| str::from_utf8(k).unwrap().to_owned()).collect(),
        card: postcard::from_bytes(card).ok(),
        bitmap: bitmap(capacity, &roaring),
        roaring,
        hits: numbers(hits),
        misses: numbers(misses),
    };
    STATE.set(Some(state));
}

fn with(work: impl FnOnce(&State) -> u32) -> u32 {
    STATE.with_borrow(|state| work(state.as_ref().unwrap()))
}

fn each_key(times: u32, once: impl Fn(&State, &str) -> bool) -> u32 {
    with(|state| {
        let keys = state.keys.iter().cycle().take(times as usize);
        keys.map(|key| u32::from(black_box(once(state, key)))).sum()
    })
}

#[unsafe(no_mangle)]
extern "C" fn verify(times: u32) -> u32 {
    each_key(times, |state, key| state.verifier.verify(key, &DEMAND, state.now).is_ok())
}

#[unsafe(no_mangle)]
extern "C" fn parse(times: u32) -> u32 {
    each_key(times, |_, key| Unverified::parse(key).is_ok())
}

#[unsafe(no_mangle)]
extern "C" fn authenticate(times: u32) -> u32 {
    each_key(times, |state, key| {
        let unverified = Unverified::parse(key).unwrap();
        unverified.authenticate(state.verifier.keyring(), Purpose::Token).is_ok()
    })
}

#[unsafe(no_mangle)]
extern "C" fn compressions(times: u32) -> u32 {
    let mut state = [7_u32; 8];
    let block = black_box([0x5A_u8; 64]);
    for _ in 0..times {
        compress256(&mut state, &[block]);
        compress256(&mut state, &[block]);
    }
    black_box(state)[0]
}

/// Loads the list from its bytes: digests, signatures, the validating pass.
#[unsafe(no_mangle)]
extern "C" fn load(times: u32) -> u32 {
    with(|state| {
        let files = Bundle::decode(&state.bundle).unwrap();
        for _ in 0..times {
            let mut verifier = state.empty.clone();
            let mut update = verifier.offer_stamp(files.stamp, state.now).unwrap().unwrap();
            update.offer_head(files.head, verifier.keyring(), state.now).unwrap();
            files.bodies.iter().for_each(|body| update.offer_body(body).unwrap());
            verifier.commit(update).unwrap();
            black_box(verifier);
        }
        times
    })
}

/// SHA-256 of the same files.
#[unsafe(no_mangle)]
extern "C" fn sha256(times: u32) -> u32 {
    with(|state| {
        let files = Bundle::decode(&state.bundle).unwrap();
        for _ in 0..times {
            for file in [files.stamp, files.head].iter().chain(&files.bodies) {
                black_box(Sha256::digest(file));
            }
        }
        times
    })
}

/// Looks serials up: 0 list, 1 clubcard, 2 roaring, 3 bitmap.
#[unsafe(no_mangle)]
extern "C" fn look(structure: u32, hits: u32, times: u32) -> u32 {
    with(|state| {
        let serials = if hits == 1 { &state.hits } else { &state.misses };
        let list = state.verifier.list_at(state.now).unwrap();
        match structure {
            0 => walk(serials, times, |serial| {
                list.status(&claims(serial)) == Status::Revoked
            }),
            1 => walk(serials, times, |serial| contains(state.card.as_ref().unwrap(), serial)),
            2 => walk(serials, times, |serial| state.roaring.contains(serial)),
            _ => walk(serials, times, |serial| bit(&state.bitmap, serial)),
        }
    })
}

fn claims(serial: u32) -> Claims {
    Claims {
        kind: Kind::Secret,
        is_admin: false,
        environment: Environment::Live,
        kid: 1,
        serial: Serial::new(u64::from(serial)).unwrap(),
        nonce: 0,
        lifetime: Lifetime { issued_at: 0, expires_at: None },
        owner: core::num::NonZeroU32::new(7),
        policy: core::num::NonZeroU32::new(9),
    }
}
