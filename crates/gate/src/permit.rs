//! Whether a key's policy permits a request on its route.

use portcullis_core::policy::{Denial, Policy, RequestFacts, decide};

use crate::request::{Incoming, parameters};
use crate::settings::Route;

/// Holds a request against a policy: with the scopes that its route needs, and where the route reads
/// sales channels from the query with each of them.
///
/// # Errors
/// The first rule that denies it.
pub(crate) fn permit(
    policy: &Policy<'_>,
    route: &Route,
    request: &Incoming<'_>,
) -> Result<(), Denial> {
    let scopes: Vec<&str> = route.scopes.iter().map(String::as_str).collect();
    let mut facts = RequestFacts {
        address: request.address,
        origin: request.origin,
        method: request.method,
        path: request.path,
        scopes: &scopes,
        sales_channel: None,
    };
    decide(policy, &facts)?;
    let Some(parameter) = &route.sales_channel else { return Ok(()) };
    parameters(request.query, parameter).try_for_each(|channel| {
        facts.sales_channel = Some(channel);
        decide(policy, &facts).map(|_| ())
    })
}
