//! What the native and the wasm harness share: clubcard over serials, as CRLite uses it over
//! certificates, and one way of asking every structure.

use clubcard::{ApproximateSizeOf, AsQuery, Equation, Queryable};
use serde::{Deserialize, Serialize};

const W: usize = 4;

/// A clubcard whose universe is the serials below a capacity.
pub type Clubcard = clubcard::Clubcard<W, Capacity, ()>;

/// Serials below this are in the universe.
#[derive(Serialize, Deserialize)]
pub struct Capacity(pub u32);

impl ApproximateSizeOf for Capacity {}

/// A serial, as a query and while building.
pub struct Item {
    serial: [u8; 4],
    revoked: bool,
}

impl Item {
    /// The serial, and where it is known, whether it is revoked.
    pub fn new(serial: u32, revoked: bool) -> Self {
        Self { serial: serial.to_le_bytes(), revoked }
    }
}

/// A mixer of 64 bits. CRLite hashes with SHA-256 here: this flatters clubcard, and leaves the
/// structure alone to be compared.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

impl AsQuery<W> for Item {
    fn as_query(&self, m: usize) -> Equation<W> {
        let serial = u64::from(u32::from_le_bytes(self.serial));
        let word = |at: u64| {
            mix(serial.wrapping_mul(8).wrapping_add(at).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        };
        let place = (u128::from(word(4)) * m.max(1) as u128 >> 64) as usize;
        let wrong = u8::from(!self.revoked);
        Equation::inhomogeneous(place, [word(0) | 1, word(1), word(2), word(3)], wrong)
    }

    fn block(&self) -> &[u8] {
        &[]
    }

    fn discriminant(&self) -> &[u8] {
        &self.serial
    }
}

impl Queryable<W> for Item {
    type UniverseMetadata = Capacity;
    type PartitionMetadata = ();

    fn in_universe(&self, capacity: &Capacity) -> bool {
        u32::from_le_bytes(self.serial) < capacity.0
    }
}

#[cfg(feature = "build")]
impl clubcard::Filterable<W> for Item {
    fn included(&self) -> bool {
        self.revoked
    }
}

/// Whether the clubcard says that `serial` is revoked.
pub fn contains(card: &Clubcard, serial: u32) -> bool {
    matches!(card.contains(&Item::new(serial, true)), clubcard::Membership::Member)
}

/// Builds the clubcard of `revoked`, ascending serials below `capacity`.
#[cfg(feature = "build")]
pub fn build(capacity: u32, revoked: &[u32]) -> Clubcard {
    use clubcard::builder::{ApproximateRibbon, ClubcardBuilder, ExactRibbon};
    let mut builder = ClubcardBuilder::new();
    let mut approximate = builder.new_approx_builder(&[]);
    revoked.iter().for_each(|&serial| approximate.insert(Item::new(serial, true)));
    approximate.set_universe_size(capacity as usize);
    builder.collect_approx_ribbons(vec![ApproximateRibbon::from(approximate)]);
    let mut exact = builder.new_exact_builder(&[]);
    let mut members = revoked.iter().copied().peekable();
    for serial in 0..capacity {
        exact.insert(Item::new(serial, members.next_if_eq(&serial).is_some()));
    }
    builder.collect_exact_ribbons(vec![ExactRibbon::from(exact)]);
    builder.build::<Item>(Capacity(capacity), ())
}

/// Asks for `times` of the serials, in turn; says how many were found. The place of each question
/// depends on the answer before, so that answers can't overlap.
pub fn walk(serials: &[u32], times: u32, contains: impl Fn(u32) -> bool) -> u32 {
    let (mut at, mut found) = (0, 0);
    for _ in 0..times {
        let hit = contains(serials[at % serials.len()]);
        at = at + 1 + usize::from(hit);
        found += u32::from(hit);
    }
    found
}

/// Whether `serial`'s bit is set: what a Token Status List is once it has been inflated.
pub fn bit(bitmap: &[u8], serial: u32) -> bool {
    bitmap[serial as usize / 8] >> (serial % 8) & 1 == 1
}

/// The bitmap of `revoked` below `capacity`.
pub fn bitmap(capacity: u32, revoked: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut bitmap = vec![0; capacity.div_ceil(8) as usize];
    revoked.into_iter().for_each(|serial| bitmap[serial as usize / 8] |= 1 << (serial % 8));
    bitmap
}

/// Byte strings, each behind its length: how the native harness hands things to the wasm one.
pub fn pack(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&(part.len() as u32).to_le_bytes(), *part].concat()).collect()
}

/// What [`pack`] packed.
pub fn unpack(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (part, behind) = rest.split_at(u32::from_le_bytes(*len) as usize);
        parts.push(part);
        bytes = behind;
    }
    parts
}

/// Little-endian numbers.
pub fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect()
}
