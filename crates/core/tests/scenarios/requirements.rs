//! Good keys that don't meet the caller's requirements.

use super::{Scenario, scenario};
use crate::scenarios::shape::Vector;
use crate::support::{ED25519, HMAC_LIVE, HMAC_TEST, World, first_shard};

impl Scenario {
    /// Sets the caller's requirements.
    fn door(self, kind: Option<&str>, environment: Option<&str>) -> Self {
        self.with(|vector| {
            vector.kind = kind.map(String::from);
            vector.environment = environment.map(String::from);
        })
    }
}

pub(super) fn all() -> Vec<Vector> {
    let world = World::new();
    let case =
        |name: &str, about: &str, kid| scenario(name, about, &world).claims(world.claims(kid, 42));
    let mut revoked = World::new();
    first_shard(&mut revoked).revoked = vec![42];
    vec![
        case("door-publishable-for-secret", "A publishable key in a secret one's place.", ED25519)
            .door(Some("secret"), Some("live"))
            .refused("door", "wrong_kind"),
        case(
            "door-secret-for-publishable",
            "A secret key in a publishable one's place.",
            HMAC_LIVE,
        )
        .door(Some("publishable"), Some("live"))
        .refused("door", "wrong_kind"),
        case("door-test-for-live", "A test key at a live door.", HMAC_TEST)
            .door(Some("secret"), Some("live"))
            .refused("door", "wrong_environment"),
        case("door-live-for-test", "A live key at a test door.", HMAC_LIVE)
            .door(Some("secret"), Some("test"))
            .refused("door", "wrong_environment"),
        case("door-neither-fits", "The kind is looked at before the environment.", ED25519)
            .door(Some("secret"), Some("test"))
            .refused("door", "wrong_kind"),
        case("door-both-fit", "A key of the kind and environment that are asked for.", HMAC_LIVE)
            .door(Some("secret"), Some("live"))
            .accepted(),
        case("door-kind-alone", "A door that asks for a kind in any environment.", HMAC_TEST)
            .door(Some("secret"), None)
            .accepted(),
        case("door-environment-alone", "A door that asks for an environment alone.", ED25519)
            .door(None, Some("live"))
            .accepted(),
        scenario("door-after-the-list", "A revoked key is revoked at a wrong door too.", &revoked)
            .door(Some("publishable"), Some("test"))
            .refused("list", "revoked"),
    ]
}
