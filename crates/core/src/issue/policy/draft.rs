//! Writing one policy: its lists are sorted, and the result is decoded before it is returned.

use alloc::string::String;
use alloc::vec::Vec;

use crate::field::Field;
use crate::policy::{Network, Policy};
use crate::wire::{Put as _, WireError};

/// The contents of a policy: lists in any order, with repetitions allowed. See [`Policy`] for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyDraft {
    /// The networks that a client may call from; empty for any.
    pub networks: Vec<Network>,
    /// The origins that a page may call from; empty for any.
    pub origins: Vec<String>,
    /// The allowed methods; empty for all.
    pub methods: Vec<String>,
    /// The patterns of the allowed paths; empty for all.
    pub paths: Vec<String>,
    /// The granted scopes; empty for none.
    pub scopes: Vec<String>,
    /// The granted sales channels; empty for none.
    pub sales_channels: Vec<String>,
    /// The rate class.
    pub rate_class: Option<String>,
}

impl PolicyDraft {
    /// Encodes the record.
    ///
    /// # Errors
    /// [`WireError::NotCanonical`] names the list with an item that verifiers would refuse, or
    /// `policy` if the record is longer than 8000 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        let texts = |list: &[String]| {
            let mut texts: Vec<&[u8]> = list.iter().map(String::as_bytes).collect();
            texts.sort_unstable();
            texts.dedup();
            let mut out = Vec::new();
            for text in texts {
                // No list has items of 256 bytes or more.
                let len =
                    u8::try_from(text.len()).map_err(|_| WireError::NotCanonical(Field::Policy))?;
                out.put_u8(len).put(text);
            }
            Ok::<_, WireError>(out)
        };
        let (ipv4, ipv6) = self.encode_networks();
        let lists = [
            ipv4,
            ipv6,
            texts(&self.origins)?,
            texts(&self.methods)?,
            texts(&self.paths)?,
            texts(&self.scopes)?,
            texts(&self.sales_channels)?,
            texts(self.rate_class.as_slice())?,
        ];
        // The flags name the lists that follow; the first list is the lowest bit.
        let mut out = Vec::new();
        out.put_u16(
            lists.iter().rev().fold(0, |flags, list| flags << 1 | u16::from(!list.is_empty())),
        );
        for list in lists.iter().filter(|list| !list.is_empty()) {
            let len =
                u16::try_from(list.len()).map_err(|_| WireError::NotCanonical(Field::Policy))?;
            out.put_u16(len).put(list);
        }
        Policy::decode(&out)?;
        Ok(out)
    }

    fn encode_networks(&self) -> (Vec<u8>, Vec<u8>) {
        let mut networks = self.networks.clone();
        networks.sort_unstable();
        networks.dedup();
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for network in networks {
            match network.address() {
                core::net::IpAddr::V4(address) => {
                    ipv4.put(&address.octets()).put_u8(network.bits())
                }
                core::net::IpAddr::V6(address) => {
                    ipv6.put(&address.octets()).put_u8(network.bits())
                }
            };
        }
        (ipv4, ipv6)
    }
}

impl From<&Policy<'_>> for PolicyDraft {
    /// The draft that encodes to this policy, in its order.
    fn from(policy: &Policy<'_>) -> Self {
        Self {
            networks: policy.networks().collect(),
            origins: policy.origins().map(String::from).collect(),
            methods: policy.methods().map(String::from).collect(),
            paths: policy.paths().map(String::from).collect(),
            scopes: policy.scopes().map(String::from).collect(),
            sales_channels: policy.sales_channels().map(String::from).collect(),
            rate_class: policy.rate_class().map(String::from),
        }
    }
}
