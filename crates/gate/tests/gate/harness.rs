//! An issuer in memory, a source that can fail in every way, and a clock that the test moves.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::collections::HashMap;

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use portcullis_core::verify::Refusal;
use portcullis_gate::forward::Forward;
use portcullis_gate::gate::Gate;
use portcullis_gate::host::Host;
use portcullis_gate::identity::headers::NAME;
use portcullis_gate::refresh::policy::fetch_policy;
use portcullis_gate::refresh::refresh;
use portcullis_gate::refresh::source::{FetchError, File};
use portcullis_gate::request::Request;
use portcullis_gate::request::malformed::MalformedRequest;
use portcullis_gate::request::received::Received;
use portcullis_gate::request_state::{Next, RequestState, Step};
use portcullis_gate::response::refused::{Reason, Refused};
use portcullis_gate::settings::Settings;
use portcullis_gate::telemetry::analytics::DataPoint;
use portcullis_gate::telemetry::deliver::deliver_canaries;
use portcullis_gate::telemetry::log::Event;

use crate::fast_path;
use crate::issuer::{Files, Issuer};

/// The files that the issuer serves, and a clock.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) files: RefCell<HashMap<String, Vec<u8>>>,
    /// Files that the first source serves instead.
    pub(crate) lies: RefCell<HashMap<String, Vec<u8>>>,
    pub(crate) down: Cell<bool>,
    pub(crate) now: Cell<u64>,
    pub(crate) fetched: RefCell<Vec<String>>,
    pub(crate) kept: RefCell<Option<Vec<u8>>>,
    pub(crate) logged: RefCell<Vec<String>>,
    pub(crate) reported: RefCell<Vec<String>>,
    pub(crate) written: RefCell<Vec<DataPoint>>,
}

impl World {
    pub(crate) fn publish(&self, files: &Files) {
        let mut all = self.files.borrow_mut();
        all.insert("keyring".into(), files.keyring.clone());
        all.insert("stamp".into(), files.stamp.clone());
        all.insert(format!("heads/{}", Digest::of(&files.head)), files.head.clone());
        all.insert(format!("bodies/{}", Digest::of(&files.body)), files.body.clone());
        all.extend(files.policies.iter().cloned());
    }

    pub(crate) fn pass_time(&self, millis: u64) {
        self.now.set(self.now.get() + millis);
    }

    /// The codes logged since the last call.
    pub(crate) fn codes(&self) -> Vec<String> {
        let lines = core::mem::take(&mut *self.logged.borrow_mut());
        let code = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["code"].as_str().or(line["event"].as_str()).unwrap().to_owned()
        };
        lines.iter().map(code).collect()
    }

    pub(crate) fn fetches(&self) -> usize {
        core::mem::take(&mut *self.fetched.borrow_mut()).len()
    }
}

impl Host for &World {
    async fn fetch(&self, source: usize, file: File, _timeout: u64) -> Result<Vec<u8>, FetchError> {
        self.fetched.borrow_mut().push(file.to_string());
        if self.down.get() {
            return Err(FetchError::Unreachable);
        }
        let lie = self.lies.borrow().get(&file.to_string()).filter(|_| source == 0).cloned();
        let found = lie.or_else(|| self.files.borrow().get(&file.to_string()).cloned());
        let found = found.ok_or(FetchError::Status(404))?;
        if found.len() > file.longest() { Err(FetchError::TooLong) } else { Ok(found) }
    }

    async fn load_floor(&self) -> Option<Vec<u8>> {
        self.kept.borrow().clone()
    }

    async fn store_floor(&self, floor: Vec<u8>) {
        *self.kept.borrow_mut() = Some(floor);
    }

    async fn report_usage(&self, body: String, _: u64) -> Result<(), FetchError> {
        if self.down.get() {
            return Err(FetchError::Unreachable);
        }
        self.reported.borrow_mut().push(body);
        Ok(())
    }

    async fn deliver_usage(&self, body: String, timeout: u64) -> Result<(), FetchError> {
        self.report_usage(body, timeout).await
    }

    fn write_point(&self, point: &DataPoint) {
        self.written.borrow_mut().push(point.clone());
    }

    /// Never completes: in these tests, a fetch that races with a sleep is ready at once.
    async fn sleep(&self, _: u64) {
        core::future::pending::<()>().await;
    }

    fn now(&self) -> Time {
        Time::from_millis(self.now.get())
    }

    fn random(&self) -> u32 {
        u32::MAX
    }

    fn log(&self, event: &Event) {
        self.logged.borrow_mut().push(event.line());
    }
}

/// A request, as a client would write it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) x_api_key: Option<&'a str>,
    pub(crate) publishable_key: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) address: Option<&'a str>,
    pub(crate) preflight_for: Option<&'a str>,
    pub(crate) debug: bool,
    pub(crate) more: &'a [(&'a str, &'a str)],
    pub(crate) has_body: bool,
}

impl Incoming<'_> {
    /// Reads the request into its normal form.
    pub(crate) fn read<T>(
        &self,
        settings: &Settings,
        then: impl FnOnce(&Result<Request<'_>, MalformedRequest>) -> T,
    ) -> T {
        let question_mark = if self.query.is_empty() { "" } else { "?" };
        let target = [self.path, question_mark, self.query].concat();
        let known = [
            ("authorization", self.authorization),
            ("x-api-key", self.x_api_key),
            ("x-publishable-api-key", self.publishable_key),
            ("origin", self.origin),
            ("cf-connecting-ip", self.address),
            ("access-control-request-method", self.preflight_for),
            ("portcullis-debug", self.debug.then_some("1")),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let fields: Vec<(&str, &str)> = known.chain(self.more.iter().copied()).collect();
        let received = Received {
            method: self.method,
            target: &target,
            scheme: "https",
            host: "api.example",
            peer: None,
            has_body: self.has_body,
            fields: &fields,
        };
        then(&Request::read(&received, settings))
    }
}

pub(crate) struct Bench {
    pub(crate) issuer: Issuer,
    pub(crate) world: World,
    pub(crate) gate: RefCell<Gate>,
    limits: bool,
}

impl Bench {
    pub(crate) fn new(settings: &[(&str, &str)]) -> Self {
        let issuer = Issuer::new(9);
        let (root, hmac_keys) = (issuer.root_text(), issuer.hmac_keys());
        let defaults = [
            ("ISSUER_URL", "https://keys.example"),
            ("ORIGIN_URL", "https://origin.example"),
            ("ROOT", root.as_str()),
            ("ENVIRONMENT", "live"),
            ("CLIENT_ADDRESS", "cloudflare"),
            ("HMAC_KEYS", hmac_keys.as_str()),
        ];
        let read = Settings::read(|name| {
            let mut all = settings.iter().chain(&defaults);
            all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        let world = World::default();
        world.now.set(1_700_000_000_000);
        let limits = settings.iter().any(|(name, _)| *name == "RATE_CLASSES");
        let gate = RefCell::new(Gate::new(read.unwrap()));
        Self { issuer, world, gate, limits }
    }

    pub(crate) fn publish(&self, number: u64, revoked: &[u32], valid_for: u64) {
        let now = Time::from_millis(self.world.now.get());
        self.world.publish(&self.issuer.list(number, 1, revoked, now, valid_for));
    }

    /// Evaluates the request once.
    pub(crate) fn next_step(&self, request: &Incoming<'_>, state: &mut RequestState) -> Step {
        let now = Time::from_millis(self.world.now.get());
        let settings = self.gate.borrow().shared_settings();
        request.read(&settings, |request| self.gate.borrow_mut().next_step(request, state, now))
    }

    /// Takes one request from its arrival to its verdict; refreshes complete at once.
    pub(crate) fn ask(&self, request: &Incoming<'_>) -> Result<Forward, Refused> {
        let mut state = RequestState::new();
        for _ in 0..10_000 {
            // Evaluating twice would count twice against a rate limit, so skip the fast path if
            // this isolate limits keys.
            let fast = (!self.limits).then(|| self.try_forward(request)).flatten();
            let step = self.next_step(request, &mut state);
            if let Some(forwarded) = fast {
                fast_path::assert_same(&forwarded, &step);
            }
            if let Some(job) = step.refresh {
                block_on(refresh(&self.gate, &&self.world, job));
            }
            if let Some(job) = step.policy {
                block_on(fetch_policy(&self.gate, &&self.world, job));
            }
            if let Some(report) = step.canaries {
                block_on(deliver_canaries(&self.gate, &&self.world, report));
            }
            match step.next {
                Next::Sleep(millis) => {
                    assert!((1..=25).contains(&millis), "a sleep of {millis} ms");
                    self.world.pass_time(millis);
                }
                Next::Verify(signature) => state.signature_is(signature, None),
                Next::Forward(forward) => return Ok(*forward),
                Next::Refuse(refused) => return Err(refused),
                Next::Reserved(page) => panic!("{page:?}"),
            }
        }
        panic!("a request that never ends")
    }

    pub(crate) fn request(&self, token: &str) -> Result<Forward, Refused> {
        self.ask(&get(token))
    }

    pub(crate) fn refusal(&self, token: &str) -> Refusal {
        match self.request(token).unwrap_err().reason {
            Reason::Key(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn freshness(&self, token: &str) -> String {
        identity_member(&self.request(token).unwrap(), "freshness").unwrap()
    }
}

pub(crate) fn get(token: &str) -> Incoming<'_> {
    Incoming { method: "GET", path: "/", x_api_key: Some(token), ..Incoming::default() }
}

/// The value that the origin receives for `key`.
pub(crate) fn identity_member(forward: &Forward, key: &str) -> Option<String> {
    dictionary_member(forward.caller.as_ref().unwrap().identity.headers(), key)
}

/// A member of the dictionary in the origin's header.
pub(crate) fn dictionary_member<'h>(
    mut headers: impl Iterator<Item = (&'h str, &'h str)>,
    key: &str,
) -> Option<String> {
    let (_, dictionary) = headers.find(|(name, _)| *name == NAME)?;
    let mut members = dictionary.split(", ").filter_map(|member| member.split_once('='));
    members.find(|(known, _)| *known == key).map(|(_, value)| value.to_owned())
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

/// The names of the fields that are removed.
pub(crate) fn removed_keys(edits: &str) -> Vec<&str> {
    changes(edits).into_iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name).collect()
}

/// Names and values of the fields that are set.
pub(crate) fn set(edits: &str) -> Vec<(&str, &str)> {
    changes(edits).into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn changes(edits: &str) -> Vec<(&str, &str)> {
    let lines: Vec<&str> = edits.lines().collect();
    lines.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}
