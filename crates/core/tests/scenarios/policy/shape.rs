//! The format of a policy's vector, and how it is run. The examples `run_vector` and `cases` share
//! this file.

use portcullis_core::crypto::Digest;
use portcullis_core::list::FileName;
use portcullis_core::policy::{NoPolicy, Policies, RequestFacts, Visibility, decide};
use serde::{Deserialize, Serialize};

/// One file. Bytes and digests are hexadecimal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyVector {
    pub(crate) name: String,
    /// What the vector shows, in a sentence.
    pub(crate) about: String,
    /// `public` or `private`; in production, the token's kind selects it.
    pub(crate) visibility: String,
    /// The directory that the head names; null for none.
    pub(crate) directory: Option<Named>,
    /// The files offered, in this order, each with its code if it must be refused.
    pub(crate) files: Vec<Offer>,
    /// The number that the token carries.
    pub(crate) policy: u32,
    pub(crate) request: Request,
    /// Left out when two verifiers are compared, because the result isn't known in advance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expect: Option<PolicyExpect>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) digest: String,
    pub(crate) length: u32,
}

/// A file, and the name under which it is offered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) digest: String,
    pub(crate) length: u32,
    pub(crate) bytes: String,
    pub(crate) refused: Option<String>,
}

/// The request's facts; null if a fact is not known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) address: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) sales_channel: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum PolicyExpect {
    Accepted {
        rate_class: Option<String>,
    },
    Refused {
        code: String,
        /// The digest of the file that is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
}

/// This verifier's result for a vector.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyOutcome {
    /// For each file, the code with which it was refused.
    pub(crate) files: Vec<Option<String>>,
    pub(crate) expect: PolicyExpect,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn file_name(digest: &str, len: u32) -> FileName {
    FileName { digest: Digest(unhex(digest).try_into().unwrap()), len }
}

/// Runs a vector, whatever result it expects.
pub(crate) fn run_vector(vector: &PolicyVector) -> PolicyOutcome {
    let mut policies = Policies::new(1 << 20);
    let offer = |Offer { digest, length, bytes, .. }: &Offer| {
        let offered = policies.offer(file_name(digest, *length), &unhex(bytes));
        offered.err().map(|error| error.code().into())
    };
    let files = vector.files.iter().map(offer).collect();
    PolicyOutcome { files, expect: find_and_decide(&policies, vector) }
}

fn find_and_decide(policies: &Policies, vector: &PolicyVector) -> PolicyExpect {
    let visibility = match vector.visibility.as_str() {
        "public" => Visibility::Public,
        other => {
            assert_eq!(other, "private");
            Visibility::Private
        }
    };
    let directory = vector.directory.as_ref();
    let directory =
        directory.map_or(FileName::NONE, |named| file_name(&named.digest, named.length));
    let policy = match policies.find_under(directory, visibility, vector.policy) {
        Ok(policy) => policy,
        Err(error) => {
            let file = match error {
                NoPolicy::Missing | NoPolicy::TooNew(_) => None,
                NoPolicy::Unavailable(name) => Some(name.digest.to_string()),
            };
            return PolicyExpect::Refused { code: error.code().into(), file };
        }
    };
    let request = &vector.request;
    let scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
    let facts = RequestFacts {
        address: request.address.as_deref().map(|text| text.parse().unwrap()),
        origin: request.origin.as_deref(),
        method: request.method.as_deref().unwrap_or_default(),
        path: request.path.as_deref().unwrap_or_default(),
        scopes: &scopes,
        sales_channel: request.sales_channel.as_deref(),
    };
    match decide(&policy, &facts) {
        Ok(grant) => {
            PolicyExpect::Accepted { rate_class: grant.policy().rate_class().map(Into::into) }
        }
        Err(denial) => PolicyExpect::Refused { code: denial.code().into(), file: None },
    }
}
