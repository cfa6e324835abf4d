//! Policies: what they allow, how they are written, found and fetched, and what that costs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod canonical;
mod cost;
mod decide;
mod held;
#[path = "../support/mod.rs"]
mod support;
mod tree;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{PolicyDraft, PolicyFiles, PolicyTree, SaltKey};
use portcullis_core::list::FileName;
use portcullis_core::policy::{NoPolicy, Policies, Visibility};

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

fn tree(private: bool) -> PolicyTree {
    if private { PolicyTree::private(SaltKey::new(&[7; 32])) } else { PolicyTree::public() }
}

/// Numbers and policies as an issuer draws them: one sales channel and one origin each.
fn numbered(index: u32) -> (u32, PolicyDraft) {
    // A bijection on 32 bits that looks random.
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

/// The published files, from which a verifier fetches what it wants; counts the bytes.
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

    /// Looks a number up, fetching the files that aren't held. Returns the result and its cost.
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
                Err(NoPolicy::Missing | NoPolicy::TooNew(_)) => return (false, fetches, bytes),
                Err(NoPolicy::Unavailable(name)) => bytes += self.fetch(policies, &[name]),
            }
            fetches += 1;
        }
    }
}
