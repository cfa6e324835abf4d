//! The scenarios of `tests/vectors/policy`, grouped by the part of `docs/policy.md` that decides
//! them.

mod bodies;
pub(crate) mod build;
mod decide;
mod directories;
mod examples;
mod find;
mod items;
mod paths;
mod records;
mod scopes;
pub(crate) mod shape;
mod too_new;

use build::{
    EMPTY, IPV4, IPV6, METHODS, ORIGINS, PATHS, PRIVATE, PUBLIC, RATE_CLASS, SALES_CHANNELS,
    SCOPES, body, directory, directory_of, elsewhere, named, networks, of_length, one_list, policy,
    texts,
};
use shape::{Named, Offer, PolicyExpect, PolicyVector, Request, hex};

pub(crate) fn all() -> Vec<PolicyVector> {
    let parts = [
        records::all(),
        too_new::all(),
        items::all(),
        bodies::all(),
        directories::all(),
        find::all(),
        decide::all(),
        scopes::all(),
        paths::all(),
        examples::all(),
    ];
    parts.into_iter().flatten().collect()
}

/// The policy that a scenario looks up unless it sets another.
const NUMBER: u32 = 9;

/// A vector in the making.
struct Scenario(PolicyVector);

/// Policy 9 is looked up, under a head that names no directory, by a request without any facts.
fn scenario(name: &str, about: &str) -> Scenario {
    Scenario(PolicyVector {
        name: name.into(),
        about: about.into(),
        visibility: "public".into(),
        directory: None,
        files: Vec::new(),
        policy: NUMBER,
        request: Request::default(),
        expect: None,
    })
}

/// Looks up this policy.
fn saying(name: &str, about: &str, policy: &[u8]) -> Scenario {
    let body = body(PUBLIC, &[(NUMBER, policy)]);
    scenario(name, about).hold(&body).under(&directory(0, &[(0, &body)]))
}

/// Looks up this policy; every reader must refuse the body that contains it.
fn refused(name: &str, about: &str, policy: &[u8]) -> PolicyVector {
    body_refused(name, about, &body(PUBLIC, &[(NUMBER, policy)]))
}

/// The policy would be found in this body, which every reader must refuse.
fn body_refused(name: &str, about: &str, body: &[u8]) -> PolicyVector {
    scenario(name, about)
        .offer(named(body), body, Some("list_unreadable"))
        .under(&directory(0, &[(0, body)]))
        .unavailable(&named(body))
}

impl Scenario {
    /// Offers a file that must be accepted.
    fn hold(self, file: &[u8]) -> Self {
        self.offer(named(file), file, None)
    }

    /// Offers a file under a name.
    fn offer(mut self, name: Named, file: &[u8], refused: Option<&str>) -> Self {
        let Named { digest, length } = name;
        let refused = refused.map(Into::into);
        self.0.files.push(Offer { digest, length, bytes: hex(file), refused });
        self
    }

    /// Offers this directory and lets the head name it.
    fn under(self, directory: &[u8]) -> Self {
        self.hold(directory).head(named(directory))
    }

    /// Lets the head name this directory.
    fn head(mut self, name: Named) -> Self {
        self.0.directory = Some(name);
        self
    }

    fn number(mut self, number: u32) -> Self {
        self.0.policy = number;
        self
    }

    fn private(mut self) -> Self {
        self.0.visibility = "private".into();
        self
    }

    fn address(mut self, address: &str) -> Self {
        self.0.request.address = Some(address.into());
        self
    }

    fn origin(mut self, origin: &str) -> Self {
        self.0.request.origin = Some(origin.into());
        self
    }

    fn method(mut self, method: &str) -> Self {
        self.0.request.method = Some(method.into());
        self
    }

    fn path(mut self, path: &str) -> Self {
        self.0.request.path = Some(path.into());
        self
    }

    fn scopes(mut self, scopes: &[&str]) -> Self {
        self.0.request.scopes = scopes.iter().map(ToString::to_string).collect();
        self
    }

    fn sales_channel(mut self, channel: &str) -> Self {
        self.0.request.sales_channel = Some(channel.into());
        self
    }

    fn accepted(self) -> PolicyVector {
        self.expect(PolicyExpect::Accepted { rate_class: None })
    }

    /// Expects acceptance, in this rate class.
    fn rated(self, class: &str) -> PolicyVector {
        self.expect(PolicyExpect::Accepted { rate_class: Some(class.into()) })
    }

    fn denied(self, code: &str) -> PolicyVector {
        self.expect(PolicyExpect::Refused { code: code.into(), file: None })
    }

    fn missing(self) -> PolicyVector {
        self.denied("policy_missing")
    }

    fn unavailable(self, file: &Named) -> PolicyVector {
        let (code, file) = ("policy_unavailable".into(), Some(file.digest.clone()));
        self.expect(PolicyExpect::Refused { code, file })
    }

    fn expect(mut self, expect: PolicyExpect) -> PolicyVector {
        self.0.expect = Some(expect);
        self.0
    }
}
