//! Bundles and deployments: as bytes, and as bodies and directories in a list that an issuer
//! signed.

use portcullis_core::issue::{HeadDraft, StampDraft, name_file};
use portcullis_core::list::{Body, Bundle, Deployment, FileName, Head, ShardLine};
use portcullis_core::policy::Policies;
use portcullis_core::verifier::Verifier;

use super::support::World;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    thread_local! {
        static ISSUER: (World, Vec<u8>, Verifier) = {
            let world = World::new();
            let keyring = world.publish().keyring;
            let verifier = world.empty_replica();
            (world, keyring, verifier)
        };
    }
    let Ok(Deployment { bundle: bytes, policies }) = Deployment::decode(bytes) else { return };
    if !policies.is_empty() {
        let deployment = Deployment { bundle: bytes, policies: policies.clone() };
        assert_eq!(Deployment::decode(&deployment.encode()), Ok(deployment));
        ISSUER.with(|(world, keyring, empty)| deployed(world, keyring, empty.clone(), &policies));
    }
    let Ok(bundle) = Bundle::decode(bytes) else { return };
    assert_eq!(bundle.encode(), bytes);
    ISSUER.with(|(world, keyring, empty)| {
        let mut verifier = empty.clone();
        if verifier.adopt_bundle(bytes, world.this_update).is_ok() {
            assert!(verifier.list().is_some());
            assert_eq!(verifier.adopt_bundle(bytes, world.this_update), Ok(false));
        }
        signed(world, keyring, empty.clone(), &bundle.bodies);
    });
}

/// Deploys the files under a head that names the first two as its directories. Policies can be
/// looked up in accepted files, and accepting a file again changes nothing.
fn deployed(world: &World, keyring: &[u8], mut verifier: Verifier, files: &[&[u8]]) {
    // A head can't name a file of any other length.
    let named = |at: usize| {
        let file = files.get(at).filter(|file| (1..=8192).contains(&file.len()));
        file.map_or(FileName::NONE, |file| name_file(file))
    };
    let list = sign(world, (named(0), named(1)), &[]);
    let bundle = Bundle { keyring, stamp: &list.1, head: &list.0, bodies: Vec::new() };
    if verifier.adopt_bundle(&bundle.encode(), world.this_update).is_err() {
        return;
    }
    let head: &Head = verifier.list().unwrap().head();
    let mut policies = Policies::new(1 << 20);
    let held = policies.restore(head, files);
    assert!(held <= files.len());
    let wanted = policies.wants_all(&[head.public_policies(), head.private_policies()]);
    assert_eq!(policies.restore(head, files), held);
    let wanted_again = policies.wants_all(&[head.public_policies(), head.private_policies()]);
    assert_eq!(wanted_again, wanted);
}

/// A head with these directories and bodies, and its stamp.
fn sign(
    world: &World,
    (public_policies, private_policies): (FileName, FileName),
    bodies: &[&[u8]],
) -> (Vec<u8>, Vec<u8>) {
    let line = |(shard, body): (usize, &&[u8])| ShardLine::new(u32::try_from(shard).unwrap(), body);
    let head = HeadDraft {
        epoch: world.epoch,
        number: world.number,
        this_update: world.this_update,
        previous: world.previous,
        public_policies,
        private_policies,
        public_assignments: FileName::NONE,
        private_assignments: FileName::NONE,
        shards: bodies.iter().enumerate().map(line).collect(),
        bulk: Vec::new(),
    };
    let signer = world.list_signer();
    let head = signer.sign_head(&head).unwrap();
    let draft = StampDraft {
        list_version: world.list_version(),
        head: name_file(&head),
        keyring_version: 1,
    };
    let stamp = signer.sign_stamp(&draft);
    (head, stamp)
}

/// A list with these bodies is adopted if and only if each of them can be read.
fn signed(world: &World, keyring: &[u8], mut verifier: Verifier, bodies: &[&[u8]]) {
    let (head, stamp) = sign(world, (FileName::NONE, FileName::NONE), bodies);
    let bundle = Bundle { keyring, stamp: &stamp, head: &head, bodies: bodies.to_vec() };
    let adopted = verifier.adopt_bundle(&bundle.encode(), world.this_update).is_ok();
    assert_eq!(adopted, bodies.iter().all(|body| Body::decode(body).is_ok()));
}
