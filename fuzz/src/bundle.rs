//! Bundles: as bytes, and as bodies that an issuer put its name to.

use portcullis_core::issue::{HeadDraft, StampDraft, name_file};
use portcullis_core::list::{Body, Bundle, FileName, ShardLine};
use portcullis_core::replica::Replica;

use super::support::World;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    thread_local! {
        static ISSUER: (World, Vec<u8>, Replica) = {
            let world = World::new();
            let keyring = world.publish().keyring;
            let replica = world.empty_replica();
            (world, keyring, replica)
        };
    }
    let Ok(bundle) = Bundle::decode(bytes) else { return };
    assert_eq!(bundle.encode(), bytes);
    ISSUER.with(|(world, keyring, empty)| {
        let mut replica = empty.clone();
        if replica.adopt_bundle(bytes, world.this_update).is_ok() {
            assert!(replica.list().is_some());
            assert_eq!(replica.adopt_bundle(bytes, world.this_update), Ok(false));
        }
        signed(world, keyring, empty.clone(), &bundle.bodies);
    });
}

/// A list of these bodies is adopted if each of them can be read, and not otherwise.
fn signed(world: &World, keyring: &[u8], mut replica: Replica, bodies: &[&[u8]]) {
    let line = |(shard, body): (usize, &&[u8])| ShardLine::new(u32::try_from(shard).unwrap(), body);
    let head = HeadDraft {
        epoch: world.epoch,
        number: world.number,
        this_update: world.this_update,
        previous: world.previous,
        public_policies: FileName::NONE,
        private_policies: FileName::NONE,
        shards: bodies.iter().enumerate().map(line).collect(),
        wide: Vec::new(),
    };
    let signer = world.list_signer();
    let head = signer.sign_head(&head).unwrap();
    let draft = StampDraft { mark: world.mark(), head: name_file(&head), keyring_version: 1 };
    let stamp = signer.sign_stamp(&draft);
    let bundle = Bundle { keyring, stamp: &stamp, head: &head, bodies: bodies.to_vec() };
    let adopted = replica.adopt_bundle(&bundle.encode(), world.this_update).is_ok();
    assert_eq!(adopted, bodies.iter().all(|body| Body::decode(body).is_ok()));
}
