#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use portcullis_core::issue::{PolicyDraft, PolicyTree};
use portcullis_core::policy::{
    Policy, PolicyBody, PolicyDirectory, RequestFacts, Visibility, decide,
};

/// A request with texts of the input, against a policy of the input.
fn judge(policy: &Policy<'_>, bytes: &[u8]) {
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
    // What a policy restricts to, it allows.
    let scopes: Vec<&str> = policy.scopes().filter(|scope| !scope.contains('*')).collect();
    let allowed = RequestFacts {
        address: policy.networks().next().map(|network| network.address()),
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

fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = PolicyBody::decode(bytes) {
        // There is one spelling: what was read is what the writer writes.
        let mut tree = PolicyTree::public();
        for (number, policy) in body.policies() {
            assert_eq!(body.find(number), Some(policy));
            tree.set(number, &PolicyDraft::from(&policy)).unwrap();
            judge(&policy, bytes);
        }
        if body.visibility() == Visibility::Public {
            assert_eq!(tree.write().unwrap().files[0].1, bytes);
        }
    }
    if let Ok(policy) = Policy::decode(bytes) {
        assert_eq!(PolicyDraft::from(&policy).encode().as_deref(), Ok(bytes));
        judge(&policy, bytes);
    }
    if let Ok(directory) = PolicyDirectory::decode(bytes) {
        for line in directory.ranges() {
            assert_eq!(directory.find(line.first), Some(line.file));
        }
    }
});
