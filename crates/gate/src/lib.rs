//! The gate verifies API keys in front of an origin.
//!
//! A key is verified without a network call: the gate holds its issuer's keyring, revocation list
//! and policies, and refreshes them in the background. An accepted request goes to the origin with
//! verified identity headers in place of the key. The gate answers every other request itself.
//!
//! | module | contents |
//! | --- | --- |
//! | [`settings`] | what the operator configures: bounds, sources, routes, rate classes |
//! | [`request`] | a request in normal form, and the key that it carries |
//! | [`trust_state`] | what the issuer signed: keyring, list and policies, as one value |
//! | `pipeline` | the decision: pure, in the order of its steps |
//! | [`gate`] | the state of one isolate; the fast path, and the slow path that may wait |
//! | [`request_state`] | what one request waits for, and its next step |
//! | [`refresh`] | when to refresh, which files to fetch, and how they are applied |
//! | [`limits`] | counting a key's requests |
//! | [`identity`] | the caller, for the origin and for a host |
//! | [`forward`], [`header_cache`] | the edits between the client's request and the origin's |
//! | [`response`] | the gate's own answers |
//! | [`telemetry`] | log, analytics, usage and status, for the operator |
//! | [`host`], [`cron`] | inputs from outside, and work without requests |
//!
//! # A host
//!
//! A host is what connects the gate with a runtime: it reads the client's request, carries out the
//! gate's steps, and sends the request on. The gate itself does no I/O. A host also implements
//! [`Host`] and runs [`refresh::refresh`], which fetches the issuer's files through it. This example
//! restores a deployed file instead.
//!
//! ```
//! use base64::Engine as _;
//! use base64::engine::general_purpose::URL_SAFE_NO_PAD;
//! use portcullis_core::time::Time;
//! use portcullis_gate::{Gate, Next, Received, Request, RequestState, Settings};
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! // An issuer's keyring and list, and one of its keys, from the test vectors.
//! let vector = include_str!("../../../tests/vectors/accepted-smallest-fields.json");
//! let vector: serde_json::Value = serde_json::from_str(vector)?;
//! let text = |pointer: &str| vector.pointer(pointer)?.as_str().map(str::to_owned);
//! let bundle = URL_SAFE_NO_PAD.decode(text("/adopt/0/bundle").ok_or("a bundle")?);
//! let bundle = bundle.map_err(|error| error.to_string())?;
//! let key = text("/token").ok_or("a key")?;
//! let now = Time::from_millis(vector["now_ms"].as_u64().ok_or("a time")?);
//!
//! // 1. The gate starts with the operator's settings and holds nothing: it accepts no key.
//! let secrets = serde_json::json!({
//!     "issuer": text("/expect/key/issuer"), "secrets": vector["secrets"],
//! });
//! let settings = Settings::read(|name| match name {
//!     "ROOT" => text("/root"),
//!     "ISSUER_URL" => Some("https://keys.example".to_owned()),
//!     "ORIGIN_URL" => Some("https://origin.example".to_owned()),
//!     "ENVIRONMENT" => Some("live".to_owned()),
//!     "HMAC_KEYS" => Some(secrets.to_string()),
//!     _ => None,
//! })?;
//! let mut gate = Gate::new(settings);
//! gate.restore(&bundle, now)?;
//!
//! // 2. A request comes in.
//! let authorization = format!("Bearer {key}");
//! let received = Received {
//!     method: "GET",
//!     target: "/orders?limit=5",
//!     scheme: "https",
//!     host: "api.example",
//!     fields: &[("authorization", &authorization)],
//!     ..Received::default()
//! };
//! let settings = gate.shared_settings();
//! let request = Request::read(&received, &settings);
//!
//! // 3. The gate decides, step by step. A host starts `step.refresh`, `step.policy`,
//! //    `step.report` and `step.canaries` in the background, if the step has them.
//! let mut state = RequestState::new();
//! let forward = loop {
//!     let step = gate.next_step(&request, &mut state, now);
//!     match step.next {
//!         Next::Forward(forward) => break forward,
//!         // A host may verify an Ed25519 signature by itself; `None` leaves it to the gate.
//!         Next::Verify(signature) => state.signature_is(signature, None),
//!         Next::Sleep(_) => return Err("a host sleeps, and asks again at a later time".into()),
//!         Next::Refuse(refused) => return Err(refused.reason.code().into()),
//!         Next::Reserved(_) => return Err("the path is one of the gate's own pages".into()),
//!     }
//! };
//!
//! // 4. The origin gets the request without the key, and with the caller's identity.
//! let caller = forward.caller.as_ref().ok_or("a caller")?;
//! assert_eq!(Some(caller.name().to_string()), text("/expect/key/name"));
//! assert_eq!(forward.target, "/orders?limit=5");
//! let edits = forward.edits(None);
//! assert!(edits.contains("authorization\n\n") && !edits.contains(&key));
//! assert!(edits.contains(&format!("portcullis\nkey={}", caller.name())));
//! # Ok(())
//! # }
//! ```
//!
//! All of it runs, and is tested, on any machine. `crates/gate-worker` connects it with the Workers
//! runtime, and `crates/gate-worker/gate-module` is the module that is deployed.

pub mod cron;
pub mod forward;
pub mod gate;
pub mod header_cache;
pub mod host;
pub mod identity;
pub mod limits;
mod pipeline;
pub mod refresh;
pub mod request;
pub mod request_state;
pub mod response;
pub mod settings;
mod span;
pub mod telemetry;
pub mod trust_state;

pub use forward::Forward;
pub use gate::Gate;
pub use host::Host;
pub use identity::caller::Caller;
pub use refresh::schedule::Freshness;
pub use request::Request;
pub use request::received::Received;
pub use request_state::{Next, RequestState, Step};
pub use response::problem::Problem;
pub use response::refused::Refused;
pub use settings::Settings;
pub use trust_state::TrustState;
