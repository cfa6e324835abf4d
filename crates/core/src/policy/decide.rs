//! Checking a request against a policy.

use core::net::IpAddr;

use crate::policy::item::{Items, List};
use crate::policy::{PlainPath, Policy, scope};

/// The facts about a request, exactly as the gate saw it.
///
/// An unknown fact is `None` or empty, and denied if the policy restricts it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    /// The client's address, from the platform and never from a header that a client may set.
    pub address: Option<IpAddr>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The path of the request's target, undecoded and without the query.
    pub path: &'a str,
    /// The scopes that the request needs, all of them; no wildcards.
    pub scopes: &'a [&'a str],
    /// The sales channel of the request.
    pub sales_channel: Option<&'a str>,
}

/// A request that its policy allows. Only [`decide`] returns one.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'p> {
    policy: Policy<'p>,
}

impl<'p> Grant<'p> {
    /// The policy, with its sales channels, scopes and rate class.
    #[must_use]
    pub const fn policy(&self) -> &Policy<'p> {
        &self.policy
    }
}

/// Why a policy doesn't allow a request. For logs: clients only learn that it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The client's address is in none of the policy's networks, or is unknown.
    #[error("the client's address is in none of the policy's networks")]
    Address,
    /// The origin isn't one of the policy's, or the request has none.
    #[error("the request's origin is none of the policy's")]
    Origin,
    /// The method isn't one of the policy's.
    #[error("the policy does not allow the method")]
    Method,
    /// The path matches none of the policy's patterns, or is ambiguous.
    #[error("the policy does not allow the path")]
    Path,
    /// The policy doesn't grant a scope that the request needs.
    #[error("the policy does not grant a scope that the request needs")]
    Scope,
    /// The policy doesn't grant the sales channel.
    #[error("the policy does not grant the sales channel")]
    SalesChannel,
}

impl Denial {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Address => "address_denied",
            Self::Origin => "origin_denied",
            Self::Method => "method_denied",
            Self::Path => "path_denied",
            Self::Scope => "scope_missing",
            Self::SalesChannel => "sales_channel_denied",
        }
    }
}

/// Checks a request against a policy: first the restrictions, then the grants.
///
/// # Errors
/// The first [`Denial`], in the order of its variants.
pub fn decide<'p>(policy: &Policy<'p>, request: &RequestFacts<'_>) -> Result<Grant<'p>, Denial> {
    let requirements = |allowed: bool, denial: Denial| if allowed { Ok(()) } else { Err(denial) };
    requirements(address_allowed(policy, request.address), Denial::Address)?;
    let origin = request.origin.unwrap_or_default();
    requirements(text_allowed(policy.items(List::Origins), origin), Denial::Origin)?;
    requirements(text_allowed(policy.items(List::Methods), request.method), Denial::Method)?;
    requirements(path_allowed(policy, request.path.as_bytes()), Denial::Path)?;
    requirements(
        request.scopes.iter().all(|s| scope_granted(policy, s.as_bytes())),
        Denial::Scope,
    )?;
    let mut channels = policy.items(List::SalesChannels);
    let channel = request.sales_channel.map(str::as_bytes);
    requirements(channel.is_none_or(|id| channels.any(|held| held == id)), Denial::SalesChannel)?;
    Ok(Grant { policy: *policy })
}

fn address_allowed(policy: &Policy<'_>, address: Option<IpAddr>) -> bool {
    let restricted = !policy.list(List::Ipv4).is_empty() || !policy.list(List::Ipv6).is_empty();
    !restricted
        || address.is_some_and(|address| policy.networks().any(|network| network.contains(address)))
}

fn text_allowed(mut list: Items<'_>, text: &str) -> bool {
    list.is_empty() || list.any(|allowed| allowed == text.as_bytes())
}

fn path_allowed(policy: &Policy<'_>, request: &[u8]) -> bool {
    let mut patterns = policy.items(List::Paths);
    patterns.is_empty()
        || PlainPath::of(request)
            .is_some_and(|segments| patterns.any(|pattern| segments.match_pattern(pattern)))
}

fn scope_granted(policy: &Policy<'_>, required: &[u8]) -> bool {
    scope::is_scope(required, false)
        && policy.items(List::Scopes).any(|grant| scope::covers(grant, required))
}
