//! The runtime's request, as input of the gate.

use worker::js_sys;
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys;

use portcullis_gate::request::Request;
use portcullis_gate::request::fields::{Rule, rule};
use portcullis_gate::request::malformed::MalformedRequest;
use portcullis_gate::request::received::Received;
use portcullis_gate::settings::Settings;

use crate::js::get;

/// The texts of a request, owned, because the runtime returns copies.
pub(crate) struct RequestText {
    method: String,
    url: String,
    peer: Option<String>,
    has_body: bool,
    /// The fields that decisions read.
    read: Vec<(String, String)>,
    /// The names of the fields that are never forwarded.
    pub(crate) removed: Vec<String>,
}

impl RequestText {
    pub(crate) fn of(request: &web_sys::Request, settings: &Settings) -> Result<Self, JsValue> {
        let (mut read, mut removed) = (Vec::new(), Vec::new());
        let cloudflare = settings.client.trusts_cloudflare();
        for entry in js_sys::try_iter(&request.headers().entries())?.into_iter().flatten() {
            let entry: js_sys::Array = entry?.unchecked_into();
            let text = |at| entry.get(at).as_string().unwrap_or_default();
            let name = text(0);
            match rule(&name, cloudflare) {
                Rule::Forward => {}
                Rule::Remove => removed.push(name),
                Rule::ReadAndRemove => {
                    removed.push(name.clone());
                    read.push((name, text(1)));
                }
                // Reading a field with the rule `Refuse` refuses the request.
                Rule::Read | Rule::Refuse => read.push((name, text(1))),
            }
        }
        let peer = || get(&get(request, "cf")?, "clientIp")?.as_string();
        Ok(Self {
            method: request.method(),
            url: request.url(),
            peer: settings.client.needs_peer().then(peer).flatten(),
            has_body: request.body().is_some(),
            read,
            removed,
        })
    }

    /// Calls `then` with the request in normal form.
    pub(crate) async fn read<T>(
        &self,
        settings: &Settings,
        then: impl AsyncFnOnce(&Result<Request<'_>, MalformedRequest>) -> T,
    ) -> T {
        let fields: Vec<(&str, &str)> =
            self.read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (scheme, host, target) = parts_of(&self.url);
        let received = Received {
            method: &self.method,
            target,
            scheme,
            host,
            peer: self.peer.as_deref(),
            has_body: self.has_body,
            fields: &fields,
        };
        then(&Request::read(&received, settings)).await
    }
}

/// Scheme, host and target of a request's URL, as the runtime writes it. Characters that no URI has
/// are refused later, when the target is read.
#[doc(hidden)]
#[must_use]
pub fn parts_of(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, host, target)
}
