//! What a policy says, as people spell it and as the store keeps it.

use portcullis_core::error::{Field, WireError};
use portcullis_core::issue::PolicyDraft;
use portcullis_core::policy::{Network, Policy};
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// What a policy says, as people spell it. See `docs/policy.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyRules {
    /// The scopes that are granted; empty for none.
    pub scopes: Vec<String>,
    /// The sales channels that are granted; empty for none.
    pub sales_channels: Vec<String>,
    /// The methods that are allowed; empty for all.
    pub methods: Vec<String>,
    /// The patterns of the paths that are allowed; empty for all.
    pub paths: Vec<String>,
    /// The networks that a client may call from (`192.0.2.0/24`); empty for anywhere.
    pub cidrs: Vec<String>,
    /// The origins that a page may call from; empty for any.
    pub origins: Vec<String>,
    /// The rate class.
    pub rate_class: Option<String>,
}

impl PolicyRules {
    /// Converts to the core's draft, which validates the rules.
    ///
    /// # Errors
    /// [`Invalid`] with the field that verifiers would refuse.
    pub fn draft(&self) -> Result<PolicyDraft, Invalid> {
        let network =
            |text: &String| network(text).ok_or(Invalid { field: "cidrs", reason: CIDR_REASON });
        let draft = PolicyDraft {
            networks: self.cidrs.iter().map(network).collect::<Result<_, _>>()?,
            origins: self.origins.clone(),
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            scopes: self.scopes.clone(),
            sales_channels: self.sales_channels.clone(),
            rate_class: self.rate_class.clone(),
        };
        draft.encode().map_err(refused)?;
        Ok(draft)
    }

    /// The rules that a published policy encodes.
    #[must_use]
    pub fn of(policy: &Policy<'_>) -> Self {
        let draft = PolicyDraft::from(policy);
        let cidr = |network: &Network| format!("{}/{}", network.address(), network.bits());
        Self {
            cidrs: draft.networks.iter().map(cidr).collect(),
            scopes: draft.scopes,
            sales_channels: draft.sales_channels,
            methods: draft.methods,
            paths: draft.paths,
            origins: draft.origins,
            rate_class: draft.rate_class,
        }
    }

    /// The JSON text that the store keeps.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }
}

const CIDR_REASON: &str = "must be networks such as 192.0.2.0/24 or 2001:db8::/32, without bits \
                           set after those that count";

fn network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/')?;
    Network::new(address.parse().ok()?, bits.parse().ok()?)
}

/// Maps the core's error to the field and the syntax of its items.
fn refused(error: WireError) -> Invalid {
    let (field, reason) = match error {
        WireError::NotCanonical(Field::Networks | Field::Network) => ("cidrs", CIDR_REASON),
        WireError::NotCanonical(Field::Origins) => (
            "origins",
            "must be origins as browsers send them: https://shop.example, in lower case, with a \
             port only where it is not the scheme's own, without wildcards",
        ),
        WireError::NotCanonical(Field::Methods) => {
            ("methods", "must be methods in upper case, such as GET")
        }
        WireError::NotCanonical(Field::Paths) => (
            "paths",
            "must be patterns such as /store/** or /carts/*/items: plain paths in which * stands \
             for one segment and ** for all that is left",
        ),
        WireError::NotCanonical(Field::Scopes) => {
            ("scopes", "must be segments of a-z, 0-9, _, . and -, or *, joined by colons")
        }
        WireError::NotCanonical(Field::SalesChannels) => {
            ("sales_channels", "must be 1 to 64 letters, digits, _ or -")
        }
        WireError::NotCanonical(Field::RateClass) => {
            ("rate_class", "must be 1 to 32 of a-z, 0-9 and -")
        }
        WireError::NotCanonical(_)
        | WireError::Truncated
        | WireError::TrailingBytes
        | WireError::WrongFile { .. }
        | WireError::UnknownVersion(_)
        | WireError::TooNew(_) => {
            ("policy", "is longer than 8000 bytes, or one of its items than 255")
        }
    };
    Invalid { field, reason }
}
