//! Is this serial revoked? At 1e7 issued, 1 % revoked, beside clubcard, roaring and a bitmap.

use crate::rounds::{Effort, Rounds};
use crate::{Report, issuer, sets};
use bench_peers::{Clubcard, bit, bitmap, contains, walk};
use portcullis_core::list::Status;
use portcullis_core::token::{Claims, Environment, Kind, Lifetime, Serial};
use roaring::RoaringBitmap;
use std::hint::black_box;

pub const ISSUED: u32 = 10_000_000;
const QUERIES: usize = 1 << 16;

/// The same set in every structure, and serials to ask for.
pub struct Peers {
    pub bundle: Vec<u8>,
    pub card: Clubcard,
    pub roaring: RoaringBitmap,
    pub hits: Vec<u32>,
    pub misses: Vec<u32>,
    bitmap: Vec<u8>,
}

impl Peers {
    pub fn new() -> Self {
        let revoked = sets::subset(ISSUED, ISSUED / 100);
        let mut random = sets::Random(5);
        let drawn = |_| revoked[random.below(revoked.len() as u32) as usize];
        Self {
            bundle: issuer::publish(issuer::bodies(ISSUED, &revoked)).bundle(),
            card: bench_peers::build(ISSUED, &revoked),
            roaring: revoked.iter().copied().collect(),
            bitmap: bitmap(ISSUED, revoked.iter().copied()),
            hits: (0..QUERIES).map(drawn).collect(),
            misses: sets::others(ISSUED, &revoked, QUERIES),
        }
    }
}

pub fn run(effort: Effort) -> Report {
    let peers = Peers::new();
    let verifier = issuer::verifier(&peers.bundle);
    let list = verifier.list_at(issuer::now()).unwrap();
    let claims = |serial: u32| Claims {
        kind: Kind::Secret,
        is_admin: false,
        environment: Environment::Live,
        kid: issuer::HMAC,
        serial: Serial::new(u64::from(serial)).unwrap(),
        nonce: 0,
        lifetime: Lifetime { issued_at: 0, expires_at: None },
        owner: core::num::NonZeroU32::new(7),
        policy: core::num::NonZeroU32::new(9),
    };
    let mut rounds = Rounds::default();
    add(&mut rounds, "list", &peers, |s| list.status(&claims(s)) == Status::Revoked);
    add(&mut rounds, "clubcard", &peers, |s| contains(&peers.card, s));
    add(&mut rounds, "roaring", &peers, |s| peers.roaring.contains(s));
    add(&mut rounds, "bitmap", &peers, |s| bit(&peers.bitmap, s));
    Report::of(rounds.run(effort))
}

/// Every structure must know all of the set and nothing else before it is timed.
fn add<'a>(
    rounds: &mut Rounds<'a>,
    name: &str,
    peers: &'a Peers,
    contains: impl Fn(u32) -> bool + Copy + 'a,
) {
    for (kind, serials, right) in [("hit", &peers.hits, true), ("miss", &peers.misses, false)] {
        assert!(serials.iter().all(|serial| contains(*serial) == right), "{name} is wrong");
        rounds.many(&format!("look-up, {name}, {kind}"), move |times| {
            black_box(walk(serials, u32::try_from(times).unwrap(), contains));
        });
    }
}
