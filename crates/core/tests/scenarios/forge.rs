//! Files that no honest writer makes: changed and signed again, or assembled by hand.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::IsIdentity as _;
use portcullis_core::base62;
use portcullis_core::crypto::{Context, primitives};
use portcullis_core::issue::{HeadDraft, SigningKey, StampDraft, name_file};
use portcullis_core::list::ShardLine;
use portcullis_core::token::{Claims, Prefix, toggle_mask};
use sha2::{Digest as _, Sha512};

use crate::support::{ED25519, Published, World};

/// `token` with its bytes changed below the mask, and mask and checksum corrected.
pub(crate) fn resealed(
    token: &str,
    prefix: Option<&str>,
    change: impl FnOnce(&mut Vec<u8>),
) -> String {
    let (front, mut bytes) = sent_by(token);
    toggle_mask(&mut bytes).unwrap();
    change(&mut bytes);
    toggle_mask(&mut bytes).unwrap();
    sealed(prefix.unwrap_or(front), &bytes, &[1])
}

/// A token with these bytes as they are sent, and a checksum that covers `version` as well.
pub(crate) fn sealed(front: &str, sent: &[u8], version: &[u8]) -> String {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let sum = crc.checksum(&[front.as_bytes(), sent, version].concat());
    let mut text = front.to_string();
    base62::encode_into(&[sent, &sum.to_be_bytes()].concat(), &mut text);
    text
}

/// A token's prefix, and the bytes that it sends before the checksum.
pub(crate) fn sent_by(token: &str) -> (&str, Vec<u8>) {
    let (front, body) = token.split_at(token.rfind('_').unwrap() + 1);
    let mut bytes = vec![0; body.len() / 11 * 8];
    base62::decode(body.as_bytes(), &mut bytes).unwrap();
    bytes.truncate(bytes.len() - 4);
    (front, bytes)
}

/// A signed file with the signed part changed and signed again.
pub(crate) fn resigned(
    file: &[u8],
    context: Context,
    key: &SigningKey,
    change: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let mut signed = file[..file.len() - 64].to_vec();
    change(&mut signed);
    let signature = primitives::sign(key, context, &signed);
    [signed, signature.to_vec()].concat()
}

/// The files of `world`, with the keyring changed and signed by the root.
pub(crate) fn with_keyring(world: &World, change: impl FnOnce(&mut Vec<u8>)) -> Published {
    let mut published = world.publish();
    published.keyring = resigned(&published.keyring, Context::KEYRING, &world.root(), change);
    published
}

/// The files of `world`, with the stamp changed and signed by the list's signer.
pub(crate) fn with_stamp(world: &World, change: impl FnOnce(&mut Vec<u8>)) -> Published {
    let mut published = world.publish();
    let key = world.list_signer().key;
    published.stamp = resigned(&published.stamp, Context::STAMP, &key, change);
    published
}

/// The files of `world`, with the head changed and signed, and a stamp for it.
pub(crate) fn with_head(world: &World, change: impl FnOnce(&mut Vec<u8>)) -> Published {
    let mut published = world.publish();
    let key = world.list_signer().key;
    published.head = resigned(&published.head, Context::HEAD, &key, change);
    stamped(world, published)
}

/// `published` with a new stamp for its head.
pub(crate) fn stamped(world: &World, mut published: Published) -> Published {
    let (list_version, keyring_version) = (world.list_version(), world.keyring_version);
    let draft = StampDraft { list_version, head: name_file(&published.head), keyring_version };
    published.stamp = world.list_signer().sign_stamp(&draft);
    published
}

/// The files of `world`, with `body` as the body of shard 0.
pub(crate) fn with_body(world: &World, body: &[u8]) -> Published {
    let mut published = world.publish();
    let draft = HeadDraft {
        epoch: world.epoch,
        number: world.number,
        this_update: world.this_update,
        previous: world.previous,
        public_policies: world.public_policies,
        private_policies: world.private_policies,
        public_assignments: world.public_assignments,
        private_assignments: world.private_assignments,
        shards: vec![ShardLine::new(0, body)],
        bulk: world.bulk.clone(),
    };
    published.head = world.list_signer().sign_head(&draft).unwrap();
    published.bodies = vec![body.to_vec()];
    stamped(world, published)
}

/// A body with these contents: two sets, each a count and bytes, and the timed slots.
pub(crate) fn body(capacity: u32, sets: [(u32, &[u8]); 2], timed: &[[u32; 2]]) -> Vec<u8> {
    let mut out = [&b"PCB\x01"[..], &capacity.to_be_bytes()].concat();
    for (count, coded) in sets {
        out.extend(count.to_be_bytes());
        out.extend(coded);
    }
    out.extend(u32::try_from(timed.len()).unwrap().to_be_bytes());
    out.extend(timed.as_flattened().iter().flat_map(|number| number.to_be_bytes()));
    out
}

/// Adds the order of the Ed25519 group to a little-endian number.
pub(crate) fn add_group_order(number: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in number.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

/// What the holder of the Ed25519 key can sign without following RFC 8032. The points of small
/// order are given as indices into `EIGHT_TORSION`; 0 means none.
#[derive(Clone, Copy)]
pub(crate) struct Crooked {
    /// R is only the small-order point, without a multiple of the base point.
    pub(crate) bare_r: bool,
    /// Added to R.
    pub(crate) torsion_of_r: usize,
    /// A is only a point of small order.
    pub(crate) bare_a: bool,
    /// Added to A; the keyring must list the sum.
    pub(crate) torsion_of_a: usize,
    /// Non-canonical encodings of R and A, for a reader that accepts a second encoding.
    pub(crate) spelling_of_r: Option<[u8; 32]>,
    pub(crate) spelling_of_a: Option<[u8; 32]>,
}

impl Crooked {
    /// A signer that follows RFC 8032 in all of this.
    pub(crate) const HONEST: Self = Self {
        bare_r: false,
        torsion_of_r: 0,
        bare_a: false,
        torsion_of_a: 0,
        spelling_of_r: None,
        spelling_of_a: None,
    };

    fn secret(self) -> Scalar {
        if self.bare_a {
            return Scalar::ZERO;
        }
        let digest = Sha512::digest(World::new().secret(ED25519));
        Scalar::from_bytes_mod_order(clamp_integer(*digest.first_chunk().unwrap()))
    }

    /// The public key, including its torsion.
    pub(crate) fn key(self) -> [u8; 32] {
        spelt(self.point(), self.spelling_of_a)
    }

    fn point(self) -> EdwardsPoint {
        self.secret() * ED25519_BASEPOINT_POINT + EIGHT_TORSION[self.torsion_of_a]
    }

    /// A token whose signature satisfies the equation times 8. Takes the first nonce for which the
    /// result of the cofactorless equation equals `holds`.
    pub(crate) fn token(self, world: &World, holds: bool) -> (Claims, String) {
        let tokens = (0..).map(|nonce| {
            let claims = Claims { nonce, ..world.claims(ED25519, 42) };
            (claims, self.sign(world, &claims))
        });
        let mut fitting = tokens.filter(|(_, (_, cofactorless))| *cofactorless == holds);
        let (claims, (token, _)) = fitting.next().unwrap();
        (claims, token)
    }

    fn sign(self, world: &World, claims: &Claims) -> (String, bool) {
        let token = world.mint(claims);
        let Claims { kind, is_admin, environment, .. } = *claims;
        let prefix = Prefix { label: world.label, kind, is_admin, environment };
        let binding = prefix.binding(world.issuer);
        let (_, mut bytes) = sent_by(&token);
        let signed = toggle_mask(&mut bytes).unwrap();
        let message = [&Context::TOKEN.bytes()[..], &binding, signed].concat();

        let (signature, holds) = self.signature(&message);
        (resealed(&token, None, |bytes| bytes[28..92].copy_from_slice(&signature)), holds)
    }

    /// A signature of `message` that satisfies the equation times 8, and whether the cofactorless
    /// equation holds as well.
    pub(crate) fn signature(self, message: &[u8]) -> ([u8; 64], bool) {
        let nonce = if self.bare_r { Scalar::ZERO } else { Scalar::from(20_260_101_u64) };
        let r = nonce * ED25519_BASEPOINT_POINT + EIGHT_TORSION[self.torsion_of_r];
        let r_bytes = spelt(r, self.spelling_of_r);
        let digest = Sha512::digest([&r_bytes[..], &self.key(), message].concat());
        let k = Scalar::from_bytes_mod_order_wide(digest.first_chunk().unwrap());
        let s = nonce + k * self.secret();

        let rest = s * ED25519_BASEPOINT_POINT - r - k * self.point();
        assert!(rest.is_small_order(), "with the cofactor the equation holds");
        let signature = [r_bytes, s.to_bytes()].concat().try_into().unwrap();
        (signature, rest.is_identity())
    }
}

/// A point's canonical bytes, or others that a lenient reader decodes to the same point.
fn spelt(point: EdwardsPoint, spelling: Option<[u8; 32]>) -> [u8; 32] {
    let Some(spelling) = spelling else { return point.compress().to_bytes() };
    assert_ne!(spelling, point.compress().to_bytes());
    assert_eq!(CompressedEdwardsY(spelling).decompress(), Some(point));
    spelling
}
