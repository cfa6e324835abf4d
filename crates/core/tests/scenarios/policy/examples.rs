//! The worked example of the spec, as the writer produces it.

use portcullis_core::issue::{PolicyDraft, PolicyFiles, PolicyTree, SaltKey};

use super::shape::PolicyVector;
use super::{Scenario, named, scenario};

pub(super) fn all() -> Vec<PolicyVector> {
    let list = |items: &[&str]| items.iter().map(ToString::to_string).collect();
    let storefront = PolicyDraft {
        origins: list(&["https://shop.example"]),
        sales_channels: list(&["sc_01HZX4B8QK6N2M7R5T9V3W1Y0E"]),
        ..PolicyDraft::default()
    };
    let backend = PolicyDraft {
        networks: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        methods: list(&["GET", "POST"]),
        paths: list(&["/admin/carts/*", "/admin/orders/**"]),
        scopes: list(&["orders:*"]),
        rate_class: Some("gold".into()),
        ..PolicyDraft::default()
    };
    let mut public = PolicyTree::public();
    public.set(9, &storefront).unwrap();
    let mut private = PolicyTree::private(SaltKey::new(&[7; 32]));
    private.set(9, &backend).unwrap();
    private.set(0x8000_0001, &PolicyDraft::default()).unwrap();
    let (public, private) = (public.write().unwrap(), private.write().unwrap());
    let private = |name: &str, about: &str| {
        with_files(scenario(&format!("example-private{name}"), about), &private).private()
    };
    vec![
        with_files(scenario("example-public", "A publishable key of a shop's page."), &public)
            .origin("https://shop.example")
            .sales_channel("sc_01HZX4B8QK6N2M7R5T9V3W1Y0E")
            .accepted(),
        private("", "A secret key of a shop's server.")
            .address("192.0.2.77")
            .method("POST")
            .path("/admin/orders/7/refunds")
            .scopes(&["orders:refund"])
            .rated("gold"),
        private("-denied", "The same key, for what it may not do.")
            .address("192.0.2.77")
            .method("POST")
            .path("/admin/carts/7/items")
            .scopes(&["orders:refund"])
            .denied("path_denied"),
        private("-empty", "Another key of the same issuer, whose policy says nothing.")
            .number(0x8000_0001)
            .accepted(),
    ]
}

fn with_files(scenario: Scenario, written: &PolicyFiles) -> Scenario {
    let (_, directory) = written.files.last().unwrap();
    let held = written.files.iter().fold(scenario, |scenario, (_, file)| scenario.hold(file));
    held.head(named(directory))
}
