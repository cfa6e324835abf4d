//! Policies, bodies and directories: as bytes, and as drafts that are written and read back.

use std::net::IpAddr;

use portcullis_core::issue::{PolicyDraft, PolicyTree, SaltKey};
use portcullis_core::policy::{
    Directory, Network, Policies, Policy, PolicyBody, RequestFacts, Visibility, decide,
};

/// Runs the target.
pub fn run(bytes: &[u8]) {
    if let Ok(body) = PolicyBody::decode(bytes) {
        // The encoding is unique: writing what was read gives the same bytes.
        let mut tree = PolicyTree::public();
        let mut known = true;
        for (number, policy) in body.policies() {
            assert_eq!(body.find(number), Some(policy));
            // No writer here writes a policy that is too new.
            let Ok(policy) = policy else {
                known = false;
                continue;
            };
            tree.set(number, &PolicyDraft::from(&policy)).unwrap();
            verify(&policy, bytes);
        }
        if known && body.visibility() == Visibility::Public {
            assert_eq!(tree.write().unwrap().files[0].1, bytes);
        }
    }
    if let Ok(policy) = Policy::decode(bytes) {
        assert_eq!(PolicyDraft::from(&policy).encode().as_deref(), Ok(bytes));
        verify(&policy, bytes);
    }
    if let Ok(directory) = Directory::decode(bytes) {
        for line in directory.ranges() {
            assert_eq!(directory.find(line.first), Some(line.file));
        }
    }
    draft(bytes);
}

/// Decides a request with texts of the input, under a policy of the input.
fn verify(policy: &Policy<'_>, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or("/a/%2e/b");
    let address = bytes.first_chunk::<16>().map(|octets| IpAddr::from(*octets));
    let request = RequestFacts {
        address,
        origin: Some(text),
        method: text,
        path: text,
        scopes: &[text],
        sales_channel: Some(text),
    };
    let _ = decide(policy, &request);
    // A policy allows the values that it lists.
    let scopes: Vec<&str> = policy.scopes().filter(|scope| !scope.contains('*')).collect();
    let allowed = RequestFacts {
        address: policy.networks().next().map(Network::address),
        origin: policy.origins().next(),
        method: policy.methods().next().unwrap_or_default(),
        path: policy.paths().find(|path| !path.contains('*')).unwrap_or_default(),
        scopes: &scopes,
        sales_channel: policy.sales_channels().next(),
    };
    if policy.paths().next().is_none() || !allowed.path.is_empty() {
        assert!(decide(policy, &allowed).is_ok());
    }
}

/// A draft from lines of text; the first character of each selects the list for the rest.
fn draft(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut draft = PolicyDraft::default();
    for line in text.lines() {
        let rest = line.get(1..).unwrap_or_default().to_string();
        match line.as_bytes().first() {
            Some(b'n') => draft.networks.extend(rest.parse::<Network>().ok()),
            Some(b'o') => draft.origins.push(rest),
            Some(b'm') => draft.methods.push(rest),
            Some(b'p') => draft.paths.push(rest),
            Some(b's') => draft.scopes.push(rest),
            Some(b'c') => draft.sales_channels.push(rest),
            Some(b'r') => draft.rate_class = Some(rest),
            _ => {}
        }
    }
    let Ok(record) = draft.encode() else { return };
    let policy = Policy::decode(&record).unwrap();
    assert_eq!(PolicyDraft::from(&policy).encode().as_deref(), Ok(&record[..]));
    verify(&policy, bytes);
    requests(&policy, text);
    look_up(&draft, bytes);
}

/// Values that aren't granted are denied. Uses the input's lines as requests, and compares by hand
/// if a plain comparison decides.
fn requests(policy: &Policy<'_>, text: &str) {
    for line in text.lines() {
        let request = RequestFacts {
            address: policy.networks().next().map(Network::address),
            origin: policy.origins().next(),
            method: line,
            path: line,
            scopes: &[],
            sales_channel: None,
        };
        if decide(policy, &request).is_ok() {
            assert!(policy.methods().next().is_none() || policy.methods().any(|m| m == line));
            let plain = line.starts_with('/')
                && !line.contains("//")
                && line.split('/').all(|segment| segment != "." && segment != "..");
            assert!(policy.paths().next().is_none() || plain);
        }
        let request = RequestFacts { sales_channel: Some(line), method: "", path: "", ..request };
        if decide(policy, &request).is_ok() {
            assert!(policy.sales_channels().any(|channel| channel == line));
        }
    }
}

/// Many policies from one draft: each is found under its number through directories and bodies, and
/// no other number finds one.
fn look_up(draft: &PolicyDraft, bytes: &[u8]) {
    let private = bytes.len() % 2 == 1;
    let mut tree =
        if private { PolicyTree::private(SaltKey::new(&[7; 32])) } else { PolicyTree::public() };
    let visibility = if private { Visibility::Private } else { Visibility::Public };
    let numbers: Vec<u32> = bytes
        .chunks_exact(4)
        .take(24)
        .filter_map(|four| Some(u32::from_be_bytes(four.try_into().ok()?)).filter(|n| *n != 0))
        .collect();
    for number in &numbers {
        tree.set(*number, draft).unwrap();
    }
    let written = tree.write().unwrap();
    let mut policies = Policies::new(0);
    for (name, file) in &written.files {
        policies.offer(*name, file).unwrap();
    }
    let whole = written.files.iter().map(|(_, file)| file.len()).sum::<usize>() <= 1 << 16;
    for number in &numbers {
        let found = policies.find_under(written.directory, visibility, *number);
        assert!(found.is_ok() || !whole);
        let other = number ^ 1;
        if other != 0 && !numbers.contains(&other) {
            assert!(policies.find_under(written.directory, visibility, other).is_err());
        }
    }
    if whole {
        assert!(policies.wants_all(&[written.directory]).is_ok_and(|wanted| wanted.is_empty()));
    }
}
