//! The scenarios of `tests/vectors/policy`, by the part of `docs/policy.md` that decides them.
//!
//! Policies and files are put together here by hand, byte by byte: what is refused no writer
//! writes.

mod bodies;
mod decide;
mod directories;
mod examples;
mod find;
mod items;
mod paths;
mod records;
mod scopes;
pub(crate) mod shape;

use portcullis_core::issue::name_file;
use shape::{Named, Offer, PolicyExpect, PolicyVector, Request, hex};

pub(crate) fn all() -> Vec<PolicyVector> {
    let parts = [
        records::all(),
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

/// The lists by their bits.
const IPV4: u8 = 0;
const IPV6: u8 = 1;
const ORIGINS: u8 = 2;
const METHODS: u8 = 3;
const PATHS: u8 = 4;
const SCOPES: u8 = 5;
const SALES_CHANNELS: u8 = 6;
const RATE_CLASS: u8 = 7;

const PUBLIC: u8 = 1;
const PRIVATE: u8 = 2;
/// The policy that a scenario asks for unless it says otherwise.
const NUMBER: u32 = 9;

/// A policy of these lists, which are given in the order of their bits.
fn policy(lists: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![lists.iter().fold(0, |bits, (bit, _)| bits | 1 << bit)];
    for (_, list) in lists {
        out.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
        out.extend(list);
    }
    out
}

/// A policy of one list of texts, in this order.
fn one_list(bit: u8, items: &[&str]) -> Vec<u8> {
    policy(&[(bit, texts(items))])
}

fn texts(items: &[&str]) -> Vec<u8> {
    let text = |item: &&str| [&[u8::try_from(item.len()).unwrap()], item.as_bytes()].concat();
    items.iter().flat_map(text).collect()
}

/// Networks in CIDR notation, whatever bits are set in them.
fn networks(items: &[&str]) -> Vec<u8> {
    let network = |item: &&str| {
        let (address, bits) = item.split_once('/').unwrap();
        let mut bytes = match address.parse().unwrap() {
            std::net::IpAddr::V4(address) => address.octets().to_vec(),
            std::net::IpAddr::V6(address) => address.octets().to_vec(),
        };
        bytes.push(bits.parse().unwrap());
        bytes
    };
    items.iter().flat_map(network).collect()
}

/// A policy of so many bytes that grants the sales channel `x`.
fn of_length(length: usize) -> Vec<u8> {
    // Behind set, length and `x` there are texts of 64 bytes, and four that share what is left.
    let mut channels: Vec<String> = (0..(length - 201) / 65).map(|i| format!("{i:064}")).collect();
    let left = length - 5 - 65 * channels.len();
    for (at, letter) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let share = left * (at + 1) / 4 - left * at / 4;
        channels.push(letter.repeat(share - 1));
    }
    channels.push("x".into());
    let items: Vec<&str> = channels.iter().map(String::as_str).collect();
    let policy = one_list(SALES_CHANNELS, &items);
    assert_eq!(policy.len(), length);
    policy
}

fn body(visibility: u8, policies: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = [b"PCP\x01", &[visibility][..]].concat();
    if visibility == PRIVATE {
        out.extend([0x5A; 32]);
    }
    out.extend(u16::try_from(policies.len()).unwrap().to_be_bytes());
    let mut end = 0;
    for (number, policy) in policies {
        end += policy.len();
        out.extend(number.to_be_bytes());
        out.extend(u16::try_from(end).unwrap().to_be_bytes());
    }
    policies.iter().for_each(|(_, policy)| out.extend(*policy));
    out
}

/// A public directory: the first number of each range, and the file for it.
fn directory(level: u8, ranges: &[(u32, &[u8])]) -> Vec<u8> {
    let ranges: Vec<_> = ranges.iter().map(|(first, file)| (*first, named(file))).collect();
    directory_of(PUBLIC, level, &ranges)
}

/// A directory of files that may not be there.
fn directory_of(visibility: u8, level: u8, ranges: &[(u32, Named)]) -> Vec<u8> {
    let mut out = [b"PCD\x01", &[visibility, level][..]].concat();
    out.extend(u16::try_from(ranges.len()).unwrap().to_be_bytes());
    for (first, Named { digest, length }) in ranges {
        out.extend(first.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend(shape::unhex(digest));
    }
    out
}

fn named(file: &[u8]) -> Named {
    let name = name_file(file);
    Named { digest: name.digest.to_string(), length: name.len }
}

/// A file that nobody has.
fn elsewhere() -> Named {
    named(b"elsewhere")
}

/// A vector in the making.
struct Scenario(PolicyVector);

/// Policy 9 is asked for, under a head that names no directory, by a request of which nothing is
/// known.
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

/// The policy that is asked for is this one.
fn saying(name: &str, about: &str, policy: &[u8]) -> Scenario {
    let body = body(PUBLIC, &[(NUMBER, policy)]);
    scenario(name, about).hold(&body).under(&directory(0, &[(0, &body)]))
}

/// The policy that is asked for is this one, and no reader may hold the body in which it stands.
fn refused(name: &str, about: &str, policy: &[u8]) -> PolicyVector {
    body_refused(name, about, &body(PUBLIC, &[(NUMBER, policy)]))
}

/// The body in which the policy would be found is this one, which no reader may hold.
fn body_refused(name: &str, about: &str, body: &[u8]) -> PolicyVector {
    scenario(name, about)
        .offer(named(body), body, Some("list_unreadable"))
        .under(&directory(0, &[(0, body)]))
        .unavailable(&named(body))
}

impl Scenario {
    /// Holds a file.
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

    /// Holds the directory that the head names.
    fn under(self, directory: &[u8]) -> Self {
        self.hold(directory).head(named(directory))
    }

    /// The head names this directory.
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

    /// Accepted, in this rate class.
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
