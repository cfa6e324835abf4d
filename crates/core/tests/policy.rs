//! Policies: what they allow, how they are written, found and fetched, and what that costs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_core::WireError;
use portcullis_core::crypto::Digest;
use portcullis_core::issue::{PolicyDraft, PolicyFiles, PolicyTree, SaltKey};
use portcullis_core::list::{FileName, ListError};
use portcullis_core::policy::{
    Denial, NoPolicy, Policies, Policy, PolicyBody, PolicyDirectory, RequestFacts, Visibility,
    decide,
};
use portcullis_core::token::Kind;
use proptest::prelude::*;
use support::World;

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn storefront() -> PolicyDraft {
    PolicyDraft {
        origins: texts(&["https://shop.example"]),
        sales_channels: texts(&["sc_01HZX4B8QK6N2M7R5T9V3W1Y0E"]),
        ..PolicyDraft::default()
    }
}

fn backend() -> PolicyDraft {
    PolicyDraft {
        networks: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        methods: texts(&["GET", "POST"]),
        paths: texts(&["/admin/orders/**", "/admin/carts/*"]),
        scopes: texts(&["orders:*"]),
        rate_class: Some("gold".to_owned()),
        ..PolicyDraft::default()
    }
}

/// Everything that [`backend`] restricts, met.
const ALLOWED: RequestFacts<'static> = RequestFacts {
    address: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 77))),
    origin: None,
    method: "GET",
    path: "/admin/orders/7",
    scopes: &["orders:read"],
    sales_channel: None,
};

fn decided(draft: &PolicyDraft, request: &RequestFacts<'_>) -> Option<&'static str> {
    let record = draft.encode().unwrap();
    decide(&Policy::decode(&record).unwrap(), request).err().map(Denial::code)
}

#[test]
fn each_restriction_denies_by_itself_and_where_the_fact_is_missing() {
    let backend = backend();
    let cases: [(RequestFacts<'_>, Option<&str>); 14] = [
        (ALLOWED, None),
        (RequestFacts { address: "::ffff:192.0.2.1".parse().ok(), ..ALLOWED }, None),
        (RequestFacts { address: "2001:db8::9".parse().ok(), ..ALLOWED }, None),
        (RequestFacts { origin: Some("https://any.example"), ..ALLOWED }, None),
        (RequestFacts { scopes: &[], path: "/admin/carts/3", ..ALLOWED }, None),
        (RequestFacts { address: None, ..ALLOWED }, Some("address_denied")),
        (RequestFacts { address: "192.0.3.1".parse().ok(), ..ALLOWED }, Some("address_denied")),
        (RequestFacts { method: "", ..ALLOWED }, Some("method_denied")),
        (RequestFacts { method: "get", ..ALLOWED }, Some("method_denied")),
        (RequestFacts { path: "", ..ALLOWED }, Some("path_denied")),
        (RequestFacts { path: "/admin/orders/../users", ..ALLOWED }, Some("path_denied")),
        (RequestFacts { scopes: &["orders:read", "users:read"], ..ALLOWED }, Some("scope_missing")),
        (RequestFacts { scopes: &["orders:*"], ..ALLOWED }, Some("scope_missing")),
        (RequestFacts { sales_channel: Some("sc_1"), ..ALLOWED }, Some("sales_channel_denied")),
    ];
    for (request, code) in cases {
        assert_eq!(decided(&backend, &request), code, "{request:?}");
    }
    let page = RequestFacts { origin: Some("https://shop.example"), ..RequestFacts::default() };
    let channel = Some("sc_01HZX4B8QK6N2M7R5T9V3W1Y0E");
    let cases = [
        (page, None),
        (RequestFacts { sales_channel: channel, ..page }, None),
        (RequestFacts { sales_channel: Some("sc_01H"), ..page }, Some("sales_channel_denied")),
        (RequestFacts { origin: None, ..page }, Some("origin_denied")),
        (RequestFacts { origin: Some("https://shop.example:444"), ..page }, Some("origin_denied")),
        (RequestFacts { origin: Some("https://SHOP.example"), ..page }, Some("origin_denied")),
        (RequestFacts { scopes: &["orders"], ..page }, Some("scope_missing")),
    ];
    for (request, code) in cases {
        assert_eq!(decided(&storefront(), &request), code, "{request:?}");
    }
}

#[test]
fn no_policy_grants_nothing_and_restricts_nothing() {
    let request = RequestFacts { method: "PUT", path: "/a//b", ..RequestFacts::default() };
    assert!(decide(&Policy::NONE, &request).is_ok());
    let scopes = RequestFacts { scopes: &["a"], ..request };
    assert_eq!(decide(&Policy::NONE, &scopes).unwrap_err(), Denial::Scope);
    let channel = RequestFacts { sales_channel: Some("a"), ..request };
    assert_eq!(decide(&Policy::NONE, &channel).unwrap_err(), Denial::SalesChannel);
    assert_eq!(PolicyDraft::default().encode().unwrap(), [0]);
}

#[test]
fn a_required_scope_that_is_none_is_never_granted() {
    let all = PolicyDraft { scopes: texts(&["*", "*:*"]), ..PolicyDraft::default() };
    let needs =
        |scope| decided(&all, &RequestFacts { scopes: &[scope], ..RequestFacts::default() });
    assert_eq!(needs("orders:read"), None);
    for scope in ["", "*", "orders:", "orders:*", "Orders", "orders read", "orders::read"] {
        assert_eq!(needs(scope), Some("scope_missing"), "{scope}");
    }
}

#[test]
fn denials_come_in_a_fixed_order() {
    let everything = PolicyDraft {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        origins: texts(&["https://a"]),
        methods: texts(&["GET"]),
        paths: texts(&["/a"]),
        ..PolicyDraft::default()
    };
    let mut request =
        RequestFacts { scopes: &["a"], sales_channel: Some("a"), ..RequestFacts::default() };
    assert_eq!(decided(&everything, &request), Some("address_denied"));
    request.address = "192.0.2.1".parse().ok();
    assert_eq!(decided(&everything, &request), Some("origin_denied"));
    request.origin = Some("https://a");
    assert_eq!(decided(&everything, &request), Some("method_denied"));
    request.method = "GET";
    assert_eq!(decided(&everything, &request), Some("path_denied"));
    request.path = "/a";
    assert_eq!(decided(&everything, &request), Some("scope_missing"));
    request.scopes = &[];
    assert_eq!(decided(&everything, &request), Some("sales_channel_denied"));
    request.sales_channel = None;
    assert_eq!(decided(&everything, &request), None);
}

#[test]
fn drafts_that_no_verifier_would_accept_are_refused_by_name() {
    let refused = |draft: PolicyDraft| draft.encode().unwrap_err();
    let none = PolicyDraft::default;
    let long = "a".repeat(256);
    for (draft, list) in [
        (PolicyDraft { origins: texts(&["https://*.a"]), ..none() }, "origins"),
        (PolicyDraft { methods: texts(&["get"]), ..none() }, "methods"),
        (PolicyDraft { paths: texts(&["a/**"]), ..none() }, "paths"),
        (PolicyDraft { scopes: texts(&["a*"]), ..none() }, "scopes"),
        (PolicyDraft { sales_channels: texts(&["a b"]), ..none() }, "sales channels"),
        (PolicyDraft { rate_class: Some(String::new()), ..none() }, "rate class"),
        (PolicyDraft { scopes: vec![long], ..none() }, "policy"),
        (PolicyDraft { scopes: (0..4000).map(|i| i.to_string()).collect(), ..none() }, "policy"),
    ] {
        assert_eq!(refused(draft), WireError::NotCanonical(list));
    }
    let mut tree = PolicyTree::public();
    assert_eq!(tree.set(0, &none()), Err(WireError::NotCanonical("policy number")));
}

fn one_of(list: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(list).prop_map(str::to_owned), 0..4)
}

fn any_draft() -> impl Strategy<Value = PolicyDraft> {
    let network =
        (any::<u128>(), 0..=128_u8, any::<bool>()).prop_filter_map("mapped", |(a, bits, v4)| {
            if v4 {
                let bits = bits.min(32);
                let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv4Addr::from_bits((a >> 96) as u32 & kept))
                    .parse()
                    .ok()
            } else {
                let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv6Addr::from_bits(a & kept)).parse().ok()
            }
        });
    (
        prop::collection::vec(network, 0..4),
        one_of(&["https://a.example", "http://localhost:3000", "https://[::1]", "app://x"]),
        one_of(&["GET", "POST", "HEAD", "M-SEARCH"]),
        one_of(&["/", "/**", "/a/*", "/a/*/b/**", "/%C3%A9", "/a/"]),
        one_of(&["*", "orders:*", "orders:read", "a:b:c", "a.b-c_d"]),
        prop::collection::vec("[A-Za-z0-9_-]{1,64}", 0..4),
        prop::option::of("[a-z0-9-]{1,32}"),
    )
        .prop_map(|(networks, origins, methods, paths, scopes, sales_channels, rate_class)| {
            PolicyDraft { networks, origins, methods, paths, scopes, sales_channels, rate_class }
        })
}

fn sorted(mut draft: PolicyDraft) -> PolicyDraft {
    draft.networks.sort_unstable();
    draft.networks.dedup();
    let PolicyDraft { origins, methods, paths, scopes, sales_channels, .. } = &mut draft;
    for list in [origins, methods, paths, scopes, sales_channels] {
        list.sort_unstable();
        list.dedup();
    }
    draft
}

/// Writes the policies of a body again, as a body of the same visibility under `key`.
fn rewritten(body: &PolicyBody) -> Vec<u8> {
    let mut tree = match body.visibility() {
        Visibility::Public => PolicyTree::public(),
        Visibility::Private => PolicyTree::private(SaltKey::new(&[7; 32])),
    };
    for (number, policy) in body.policies() {
        tree.set(number, &PolicyDraft::from(&policy)).unwrap();
    }
    let mut files = tree.write().unwrap().files;
    assert_eq!(files.len(), 2);
    files.swap_remove(0).1
}

/// What was read has one spelling: writing it gives the bytes that were read, but for a salt, which
/// a reader can't judge.
fn assert_one_spelling(file: &[u8]) {
    if let Ok(body) = PolicyBody::decode(file) {
        let salted = match body.visibility() {
            Visibility::Public => 5..5,
            Visibility::Private => 5..37,
        };
        let again = rewritten(&body);
        assert_eq!(again[..salted.start], file[..salted.start]);
        assert_eq!(again[salted.end..], file[salted.end..]);
    }
    if let Ok(directory) = PolicyDirectory::decode(file) {
        let mut again = vec![b'P', b'C', b'D', 1];
        again.push(if directory.visibility() == Visibility::Public { 1 } else { 2 });
        again.push(directory.level());
        again.extend(u16::try_from(directory.ranges().len()).unwrap().to_be_bytes());
        for line in directory.ranges() {
            again.extend(line.first.to_be_bytes());
            again.extend(line.file.len.to_be_bytes());
            again.extend(line.file.digest.0);
        }
        assert_eq!(again, file);
    }
}

fn tree(private: bool) -> PolicyTree {
    if private { PolicyTree::private(SaltKey::new(&[7; 32])) } else { PolicyTree::public() }
}

proptest! {
    #[test]
    fn policies_round_trip(draft in any_draft()) {
        let record = draft.encode().unwrap();
        let policy = Policy::decode(&record).unwrap();
        prop_assert_eq!(PolicyDraft::from(&policy), sorted(draft));
    }

    #[test]
    fn files_have_one_spelling_however_they_are_altered(
        drafts in prop::collection::btree_map(1_u32.., any_draft(), 1..12),
        private: bool, at: prop::sample::Index, bit in 0..8_u8, insert: u8,
    ) {
        let mut tree = tree(private);
        for (number, draft) in &drafts {
            tree.set(*number, draft).unwrap();
        }
        let PolicyFiles { files, .. } = tree.write().unwrap();
        for (name, file) in files {
            prop_assert_eq!(name.digest, Digest::of(&file));
            prop_assert_eq!(name.len as usize, file.len());
            assert_one_spelling(&file);
            let at = at.index(file.len());
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert_one_spelling(&flipped);
            let cut = &file[..at];
            prop_assert!(PolicyBody::decode(cut).is_err() && PolicyDirectory::decode(cut).is_err());
            let mut longer = file.clone();
            longer.insert(at, insert);
            assert_one_spelling(&longer);
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_have_one_spelling(
        letter in prop::sample::select(b"DP".to_vec()), head in prop::collection::vec(0..3_u8, 3..8),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        assert_one_spelling(&[&[b'P', b'C', letter, 1][..], &head, &tail].concat());
        let _ = Policy::decode(&tail);
    }

    /// Whatever the way to a set of policies, its files are the same, and those of the rule.
    #[test]
    fn step_by_step_and_at_once_are_the_same(
        steps in prop::collection::vec((0..400_u32, 0..5_usize, any::<bool>()), 1..300),
        private: bool, spread in 1..24_u32, pause in 1..40_usize,
    ) {
        let mut stepwise = tree(private);
        let mut facts = BTreeMap::new();
        let mut held = BTreeMap::new();
        for (step, (seed, size, keep)) in steps.into_iter().enumerate() {
            // Numbers that are close together and numbers that are not.
            let number = seed.wrapping_mul(0x9E37_79B1) >> (seed % spread) | 1;
            if keep {
                let draft = PolicyDraft {
                    sales_channels: (0..size * 10).map(|i| format!("{i:064}")).collect(),
                    ..PolicyDraft::default()
                };
                stepwise.set(number, &draft).unwrap();
                facts.insert(number, draft);
            } else {
                prop_assert_eq!(stepwise.remove(number), facts.remove(&number).is_some());
            }
            if step % pause == 0 {
                let files = stepwise.write().unwrap().files;
                held.extend(files.into_iter().map(|(name, file)| (name.digest, file)));
            }
        }
        let last = stepwise.write().unwrap();
        held.extend(last.files.into_iter().map(|(name, file)| (name.digest, file)));
        let mut at_once = tree(private);
        for (number, draft) in &facts {
            at_once.set(*number, draft).unwrap();
        }
        let written = at_once.write().unwrap();
        prop_assert_eq!(written.directory, last.directory);
        for (name, file) in &written.files {
            prop_assert_eq!(held.get(&name.digest), Some(file));
        }
        let bodies: Vec<PolicyBody> =
            written.files.iter().filter_map(|(_, file)| PolicyBody::decode(file).ok()).collect();
        let model = model_ranges(&facts, if private { 39 } else { 7 }, 0, 0);
        let ranges: Vec<Vec<u32>> =
            bodies.iter().map(|body| body.policies().map(|(number, _)| number).collect()).collect();
        prop_assert_eq!(ranges, model);
    }
}

/// The rule of the spec, word for word: which policies share a body.
fn model_ranges(
    facts: &BTreeMap<u32, PolicyDraft>,
    header: usize,
    first: u32,
    bits: u32,
) -> Vec<Vec<u32>> {
    let last = first | u32::MAX.checked_shr(bits).unwrap_or(0);
    let inside: Vec<_> = facts.range(first..=last).collect();
    let records: usize = inside.iter().map(|(_, draft)| 6 + draft.encode().unwrap().len()).sum();
    if inside.is_empty() {
        vec![]
    } else if header + records <= 8192 {
        vec![inside.into_iter().map(|(number, _)| *number).collect()]
    } else {
        let middle = first + (1 << (31 - bits));
        let mut halves = model_ranges(facts, header, first, bits + 1);
        halves.extend(model_ranges(facts, header, middle, bits + 1));
        halves
    }
}

/// Numbers and policies as an issuer draws them: a sales channel and an origin each.
fn numbered(index: u32) -> (u32, PolicyDraft) {
    // A bijection of 32 bits that looks random.
    let mut number = index.wrapping_add(1).wrapping_mul(0x9E37_79B1);
    number = (number ^ number >> 15).wrapping_mul(0x85EB_CA77);
    number ^= number >> 13;
    let mut channel = String::from("sc_01HZX4B8QK6N2M7R");
    write!(channel, "{number:011}").unwrap();
    let mut origin = String::from("https://");
    write!(origin, "shop-{:05}.example", number % 100_000).unwrap();
    let draft = PolicyDraft {
        sales_channels: vec![channel],
        origins: vec![origin],
        ..PolicyDraft::default()
    };
    (number.max(1), draft)
}

/// A verifier that fetches what it wants from what is put out, and counts the bytes.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<Digest, Vec<u8>>,
}

impl Shelf {
    fn put(&mut self, written: PolicyFiles) -> FileName {
        self.files.extend(written.files.into_iter().map(|(name, file)| (name.digest, file)));
        written.directory
    }

    fn fetch(&self, policies: &mut Policies, names: &[FileName]) -> usize {
        for name in names {
            policies.offer(*name, &self.files[&name.digest]).unwrap();
        }
        names.iter().map(|name| name.len as usize).sum()
    }

    /// Looks a number up, fetching what is not held; says what that came to.
    fn look_up(
        &self,
        policies: &mut Policies,
        directory: FileName,
        number: u32,
    ) -> (bool, usize, usize) {
        let (mut fetches, mut bytes) = (0, 0);
        loop {
            match policies.find_under(directory, Visibility::Public, number) {
                Ok(_) => return (true, fetches, bytes),
                Err(NoPolicy::Missing) => return (false, fetches, bytes),
                Err(NoPolicy::Unavailable(name)) => bytes += self.fetch(policies, &[name]),
            }
            fetches += 1;
        }
    }
}

/// Fetches that a cold look-up takes, and all bytes that an edit costs an up-to-date verifier.
fn measure(count: u32, shards: u32) -> (usize, usize) {
    let mut tree = PolicyTree::public();
    for index in 0..count {
        let (number, draft) = numbered(index);
        tree.set(number, &draft).unwrap();
    }
    assert_eq!(tree.len(), count as usize, "the numbers are distinct");
    let mut shelf = Shelf::default();
    let written = tree.write().unwrap();
    let (bodies, directories): (Vec<_>, Vec<_>) =
        written.files.iter().map(|(_, file)| file).partition(|file| file[2] == b'P');
    let sum = |files: &[&Vec<u8>]| files.iter().map(|file| file.len()).sum::<usize>();
    let longest = |files: &[&Vec<u8>]| files.iter().map(|file| file.len()).max().unwrap();
    println!(
        "{count} policies: {} bodies, {} bytes, longest {}; {} directories, {} bytes, longest {}",
        bodies.len(),
        sum(&bodies),
        longest(&bodies),
        directories.len(),
        sum(&directories),
        longest(&directories),
    );
    assert!(longest(&bodies) <= 8192 && longest(&directories) <= 5128);
    let old = shelf.put(written);

    let mut policies = Policies::new(1 << 20);
    let (number, mut draft) = numbered(count / 2);
    let (found, fetches, cold) = shelf.look_up(&mut policies, old, number);
    assert!(found);
    assert_eq!(shelf.look_up(&mut policies, old, number), (true, 0, 0));

    draft.sales_channels.push("sc_other".to_owned());
    tree.set(number, &draft).unwrap();
    let edited = tree.write().unwrap();
    let put_out: usize = edited.files.iter().map(|(name, _)| name.len as usize).sum();
    let new = shelf.put(edited);
    let mut fetched = 0;
    loop {
        let wanted = policies.wants(old, new);
        if wanted.is_empty() {
            break;
        }
        fetched += shelf.fetch(&mut policies, &wanted);
    }
    assert_eq!(fetched, put_out, "what changed and nothing else");
    assert_eq!(shelf.look_up(&mut policies, new, number), (true, 0, 0));
    policies.retain(&[new]);
    assert_eq!(policies.bytes(), fetched);

    let mut world = World::new();
    world.public_policies = new;
    let published = world.publish();
    let head = published.head.len() + (shards as usize - world.shards.len()) * 40;
    let all = published.stamp.len() + head + fetched;
    println!(
        "  cold look-up {fetches} fetches, {cold} bytes; edit {fetched} bytes, with a head of {shards} shards and the stamp {all}"
    );
    (fetches, all)
}

#[test]
fn an_edit_costs_little_with_few_policies() {
    assert_eq!(measure(10, 1), (2, 154 + 258 + 754));
    let (fetches, bytes) = measure(10_000, 96);
    assert!(fetches <= 3 && bytes <= 25_000);
}

#[test]
fn an_edit_costs_little_with_a_million_policies() {
    let (fetches, bytes) = measure(1_000_000, 96);
    assert!(fetches <= 4 && bytes <= 25_000, "{fetches} fetches, {bytes} bytes");
}

#[test]
fn every_number_is_found_through_every_level_and_no_other() {
    let mut tree = PolicyTree::public();
    let long = |index: u32| {
        let sales_channels = (0..100).map(|i| format!("{index:032}{i:032}")).collect();
        PolicyDraft { sales_channels, ..PolicyDraft::default() }
    };
    let numbers: BTreeMap<u32, u32> = (0..400).map(|index| (numbered(index).0, index)).collect();
    for (number, index) in &numbers {
        tree.set(*number, &long(*index)).unwrap();
    }
    let mut shelf = Shelf::default();
    let directory = shelf.put(tree.write().unwrap());
    let mut policies = Policies::new(8 << 20);
    loop {
        let wanted = policies.wants_all(directory);
        if wanted.is_empty() {
            break;
        }
        shelf.fetch(&mut policies, &wanted);
    }
    for (number, index) in &numbers {
        let policy = policies.find_under(directory, Visibility::Public, *number).unwrap();
        assert_eq!(PolicyDraft::from(&policy), long(*index));
        for other in [number.wrapping_sub(1), number.wrapping_add(1)] {
            let found = policies.find_under(directory, Visibility::Public, other);
            assert_eq!(found.is_ok(), other == 0 || numbers.contains_key(&other));
        }
    }
    let missing =
        policies.find_under(directory, Visibility::Private, *numbers.keys().next().unwrap());
    assert_eq!(missing.unwrap_err(), NoPolicy::Missing, "public policies are no secret key's");
    let none = policies.find_under(directory, Visibility::Private, 0);
    assert_eq!(none, Ok(Policy::NONE));
    // With too little room it still gets everywhere, one path at a time.
    let mut small = Policies::new(0);
    for number in numbers.keys() {
        assert!(shelf.look_up(&mut small, directory, *number).0);
        assert!(small.bytes() <= 1 << 16);
    }
}

#[test]
fn the_head_in_force_decides_and_private_policies_may_be_unavailable() {
    let mut public = PolicyTree::public();
    public.set(9, &storefront()).unwrap();
    let mut private = PolicyTree::private(SaltKey::new(&[7; 32]));
    private.set(9, &backend()).unwrap();
    let mut shelf = Shelf::default();
    let mut world = World::new();
    world.public_policies = shelf.put(public.write().unwrap());
    world.private_policies = shelf.put(private.write().unwrap());
    let replica = world.replica();
    let head = replica.list().unwrap().head();
    assert_eq!(head.public_policies(), world.public_policies);
    assert_eq!(head.private_policies(), world.private_policies);

    let mut policies = Policies::new(1 << 20);
    let unavailable = policies.find(head, Kind::Secret, 9).unwrap_err();
    assert_eq!(unavailable, NoPolicy::Unavailable(world.private_policies));
    assert_eq!(unavailable.code(), "policy_unavailable");
    for directory in [world.public_policies, world.private_policies] {
        while let [name, ..] = policies.wants_all(directory)[..] {
            shelf.fetch(&mut policies, &[name]);
        }
    }
    let found = |kind| PolicyDraft::from(&policies.find(head, kind, 9).unwrap());
    assert_eq!(found(Kind::Publishable), sorted(storefront()));
    assert_eq!(found(Kind::Secret), sorted(backend()));
    let missing = policies.find(head, Kind::Secret, 8).unwrap_err();
    assert_eq!(missing.code(), "policy_missing");

    // The next list has no policies: what is held doesn't count under it.
    let next = World { public_policies: FileName::NONE, number: 2, ..world.clone() };
    let replica = next.replica();
    let head = replica.list().unwrap().head();
    assert_eq!(policies.find(head, Kind::Publishable, 9).unwrap_err(), NoPolicy::Missing);
    policies.retain(&[next.public_policies, next.private_policies]);
    assert!(policies.find(head, Kind::Secret, 9).is_ok());
    assert!(policies.find_under(world.public_policies, Visibility::Public, 9).is_err());
}

#[test]
fn files_that_are_not_what_was_announced_are_refused() {
    let mut tree = PolicyTree::public();
    tree.set(9, &storefront()).unwrap();
    let written = tree.write().unwrap();
    let (name, body) = written.files[0].clone();
    let mut policies = Policies::new(0);
    let wrong = policies.offer(written.directory, &body).unwrap_err();
    assert_eq!(wrong, ListError::WrongDigest("policy file"));
    let junk = FileName { digest: Digest::of(b"junk"), len: 4 };
    assert_eq!(policies.offer(junk, b"junk").unwrap_err().code(), "list_unreadable");
    // A body in a directory's place, and a directory in a body's, hold no policy.
    policies.offer(name, &body).unwrap();
    let found = policies.find_under(name, Visibility::Public, 9);
    assert_eq!(found.unwrap_err(), NoPolicy::Missing);
    let mut loops = written.files[1].1.clone();
    let inner = Digest::of(&loops);
    policies.offer(FileName { digest: inner, len: 48 }, &loops).unwrap();
    loops[16..].copy_from_slice(&inner.0);
    let outer = FileName { digest: Digest::of(&loops), len: 48 };
    policies.offer(outer, &loops).unwrap();
    assert_eq!(policies.find_under(outer, Visibility::Public, 9).unwrap_err(), NoPolicy::Missing);
    assert!(policies.wants_all(outer).is_empty());
}

#[test]
fn private_digests_do_not_tell_the_content() {
    let write = |key: &[u8; 32]| {
        let mut tree = PolicyTree::private(SaltKey::new(key));
        tree.set(9, &backend()).unwrap();
        tree.write().unwrap()
    };
    let (one, other) = (write(&[1; 32]), write(&[2; 32]));
    assert_eq!(one.directory, write(&[1; 32]).directory, "the writer is deterministic");
    assert_ne!(one.directory, other.directory);
    let body = &one.files[0].1;
    assert_eq!(body[37..], other.files[0].1[37..]);
    let mac = Hmac::<sha2::Sha256>::new_from_slice(&[1; 32]).unwrap();
    let salt = mac.chain_update(b"portc1/salt").chain_update(&body[37..]).finalize();
    assert_eq!(body[5..37], salt.into_bytes()[..]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn the_worked_example_of_the_spec() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    let spec: String = std::fs::read_to_string(path).unwrap().split_whitespace().collect();
    let mut public = PolicyTree::public();
    public.set(9, &storefront()).unwrap();
    let mut private = PolicyTree::private(SaltKey::new(&[7; 32]));
    private.set(9, &backend()).unwrap();
    private.set(0x8000_0001, &PolicyDraft::default()).unwrap();
    for files in [public.write().unwrap().files, private.write().unwrap().files] {
        for (name, file) in files {
            println!("{}\n{}", hex(&file), name.digest);
            assert!(spec.contains(&hex(&file)));
            assert!(spec.contains(&format!("named{}", name.digest)));
        }
    }
}
