//! The class that JavaScript gets.

use std::cell::RefCell;
use std::num::NonZeroU32;

use js_sys::{Date, JsString, Reflect};
use portcullis_core::assignment::NoAssignment;
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Purpose;
use portcullis_core::policy::NoPolicy;
use portcullis_core::time::Time;
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_wasm::{Denied, Engine, Fault, ListFacts, VerifyOptions};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::answers::{Grant, Status, Verdict, WantedFile, object};
use crate::calls::{Adopt, Creation, Demand, Look, Refresh, Request};
use crate::error::{Thrown, fault, interrupted, name_of, portcullis_error, type_error};
use crate::nearest::nearest;
use crate::options::{Value, argument, is_enumerable, is_plain, read, wrong};
use crate::update::{BUNDLE, Files, KEYRING, Missed, STAMP, Session, UpdateError, is_file_name};
use crate::values::{Bytes, Duration, Instant, Root, Secret};

/// The types that the package's other entries have as well.
#[wasm_bindgen(typescript_custom_section)]
const SHARED_TYPES: &'static str = include_str!("shared.d.ts");
/// The types of this class alone, with what wasm-bindgen can't say of its methods.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &'static str = include_str!("class.d.ts");

const FRESH_FOR: Duration = Duration(5_000.0);
/// Longer than any key. A longer text isn't copied into the module.
const LONGEST_TOKEN: usize = 256;

/// Verifies the keys of one issuer. Make one and keep it. Its state is in the WebAssembly module.
// Every method takes `&self`, and borrows the session only while no code of JavaScript runs. So a
// getter of the options may call the verifier again, and an exception leaves nothing borrowed.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Verifier {
    session: RefCell<Session>,
    fresh_for: Duration,
}

#[wasm_bindgen]
impl Verifier {
    /// Makes a verifier that pins `root`. Without a bundle, it refuses every key with
    /// `list_missing` until the first `update`.
    ///
    /// Throws a `PortcullisError` if root, keyring, secrets or bundle are refused, a `TypeError` if
    /// an option is misspelt or has the wrong type.
    ///
    /// # Errors
    /// What JavaScript throws.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "VerifierOptions")] options: &JsValue,
    ) -> Result<Self, JsValue> {
        let Creation { root, keyring, secrets, bundle, fresh_for, now } = read(options)?;
        let Root(root) = root.ok_or_else(|| wrong::<Root>("Verifier", "root"))?;
        let root = PublicKey::from_text(&root).map_err(|error| fault(&Fault::Root(error)))?;
        let mut engine = Engine::new(root);
        // The keyring goes in before the secrets, so that a wrong secret throws here and not at the
        // first update.
        if let Some(keyring) = keyring {
            engine.offer_keyring(&keyring.0).map_err(|error| fault(&error))?;
        }
        if let Some(bundle) = bundle {
            engine.adopt_bundle(&bundle.0, time(now)).map_err(|error| fault(&error))?;
        }
        for (kid, secret) in secrets.into_iter().flat_map(|secrets| secrets.0) {
            let Secret::Bytes(secret) = secret else {
                let what = "a secret in text is 43 characters of base64url";
                return Err(portcullis_error("secret_length", what));
            };
            engine.hold_secret(kid.0, &secret).map_err(|error| fault(&error))?;
        }
        let fresh_for = fresh_for.unwrap_or(FRESH_FOR);
        Ok(Self { session: RefCell::new(Session::new(engine)), fresh_for })
    }

    /// Verifies a key. Any string that is no key is refused like an invalid key, whatever its length
    /// and characters. `class.d.ts` has its types, because the verdict's depends on the options.
    ///
    /// # Errors
    /// What JavaScript throws.
    #[wasm_bindgen(skip_typescript)]
    pub fn verify(&self, token: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
        let Some(token) = token.dyn_ref::<JsString>() else {
            return Err(type_error(&["verify: the token is a string"]));
        };
        let Demand { now, kind, environment, fresh_for, request } = read(options)?;
        // A huge text is never copied. What isn't Unicode is copied as U+FFFD, which no key has.
        let is_short = usize::try_from(token.length()).is_ok_and(|length| length <= LONGEST_TOKEN);
        let token = is_short.then(|| String::from(token));
        let token = token.filter(|text| text.len() <= LONGEST_TOKEN);
        let options = VerifyOptions {
            requirements: Requirements { purpose: Purpose::Token, kind, environment },
            now: time(now),
        };
        let fresh_for = millis(fresh_for.unwrap_or(self.fresh_for).0);
        let verdict = self.with_session(|session| {
            verify(session, token.as_deref(), &options, fresh_for, request.as_ref())
        })?;
        object(&verdict)
    }

    /// Adopts keyring and list from a bundle. Returns whether either was new.
    ///
    /// Throws a `PortcullisError` if the bundle is refused. What was held stays in use.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub fn adopt(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array | ArrayBuffer")] bundle: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ now?: number | Date }")]
        options: &JsValue,
    ) -> Result<bool, JsValue> {
        let Bytes(bundle) = argument("adopt", "bundle", bundle)?;
        let Adopt { now } = read(options)?;
        let now = time(now);
        self.with_session(|session| session.engine.adopt_bundle(&bundle, now))?
            .map_err(|error| fault(&error))
    }

    /// Brings the verifier up to date from files that you fetch. Call it with no files at first;
    /// while it returns names, fetch those and call it again with all files fetched so far:
    ///
    /// ```js
    /// const files = {};
    /// for (let wanted; (wanted = verifier.update(files)).length > 0;) {
    ///   for (const { name, longest } of wanted) files[name] = await source.get(name, longest);
    /// }
    /// ```
    ///
    /// `null` stands for a file that can't be had. Without a bundle, keyring and stamp are used;
    /// without a keyring, the held one; and without a policy, the list is adopted all the same.
    ///
    /// Throws a `PortcullisError` if a file is refused. What was held stays in use.
    ///
    /// # Errors
    /// What JavaScript throws.
    #[wasm_bindgen(unchecked_return_type = "WantedFile[]")]
    pub fn update(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Files")] files: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ now?: number | Date }")]
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let files = read_files(files)?;
        let Refresh { now } = read(options)?;
        let now = time(now);
        let wanted = self.with_session(|session| session.update(&files, now))?.map_err(
            |error| match error {
                UpdateError::Refused(error) => fault(&error),
                UpdateError::Missing(name) => portcullis_error(
                    "source_missing",
                    &["`", &name, "` can't be had: fetch it again, or start anew"].concat(),
                ),
            },
        )?;
        let wanted: Vec<WantedFile> = wanted
            .into_iter()
            .map(|file| WantedFile { name: file.name, longest: file.longest })
            .collect();
        object(&wanted)
    }

    /// What the verifier holds, and whether keys can be verified with it.
    ///
    /// # Errors
    /// What JavaScript throws.
    #[wasm_bindgen(unchecked_return_type = "Status")]
    pub fn status(
        &self,
        #[wasm_bindgen(
            unchecked_optional_param_type = "{ now?: number | Date; freshFor?: number }"
        )]
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let Look { now, fresh_for } = read(options)?;
        let fresh_for = millis(fresh_for.unwrap_or(self.fresh_for).0);
        let now = time(now);
        object(&self.with_session(|session| Status::of(&session.engine, now, fresh_for))?)
    }
}

impl Verifier {
    /// Runs `act`, which calls no JavaScript, on the verifier's state.
    fn with_session<T>(&self, act: impl FnOnce(&mut Session) -> T) -> Result<T, Thrown> {
        Ok(act(&mut *self.session.try_borrow_mut().map_err(|_| interrupted())?))
    }
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session").field("engine", &self.engine).finish_non_exhaustive()
    }
}

fn verify(
    session: &mut Session,
    token: Option<&str>,
    options: &VerifyOptions,
    fresh_for: u64,
    request: Option<&Request>,
) -> Verdict {
    let accepted = match session.engine.verify(token.map(str::as_bytes), options) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            if let Refusal::Assignment(NoAssignment::Unavailable(missed)) = refusal {
                session.miss(Missed::Assignment(missed.kind, missed.serial));
            }
            let list = session.engine.list(options.now, fresh_for);
            return Verdict::refused(refusal.code(), &refusal, list);
        }
    };
    let list = Some(ListFacts::of(accepted.list(), options.now, fresh_for, true));
    // Check the facts of a request, if any, against the key's policy.
    let grant = request.map(|request| {
        request.with_facts(|facts| {
            session.engine.admit(&accepted, facts).map(|grant| Grant::from(grant.policy()))
        })
    });
    match grant.transpose() {
        Ok(grant) => {
            Verdict::Accepted { ok: true, key: (&accepted).into(), list: list.into(), grant }
        }
        Err(denied) => {
            if matches!(denied, Denied::NoPolicy(NoPolicy::Unavailable(_))) {
                let claims = accepted.claims();
                let number = claims.policy.map_or(0, NonZeroU32::get);
                session.miss(Missed::Policy(claims.kind, number));
            }
            Verdict::refused(denied.code(), &denied, list)
        }
    }
}

/// The files that the object itself has. A name that no issuer's file has is refused.
fn read_files(given: &JsValue) -> Result<Files, Thrown> {
    if !is_plain(given)? {
        return Err(type_error(&["update: the files are one plain object"]));
    }
    let mut files = Files::default();
    for name in Reflect::own_keys(given)?.iter() {
        let Some(text) = name.as_string().filter(|text| is_file_name(text)) else {
            if is_enumerable(given, &name)? {
                return Err(no_file(&name_of(&name)));
            }
            continue;
        };
        let value = Reflect::get(given, &name)?;
        if value.is_undefined() {
            continue;
        }
        let file = match value.is_null() {
            true => None,
            false => {
                let Some(Bytes(file)) = Bytes::read(&value)? else {
                    let what = ["update: `", &text, "` is ", Bytes::WHAT, ", or null"];
                    return Err(type_error(&what));
                };
                Some(file)
            }
        };
        files.push(text, file);
    }
    Ok(files)
}

fn no_file(name: &str) -> Thrown {
    let no_file = ["update: `", name, "` is no file of an issuer; "];
    let advice = match nearest(name, &[STAMP, KEYRING, BUNDLE]) {
        Some(near) => ["did you mean `", near, "`?"],
        None => ["give files by the names that `update` returns", "", ""],
    };
    type_error(&[no_file, advice].concat())
}

fn time(now: Option<Instant>) -> Time {
    Time::from_millis(millis(now.map_or_else(Date::now, |now| now.0)))
}

/// Negative numbers and NaN become 0, an instant at which every list is from the future.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and both ends are instants at which nothing is accepted"
)]
fn millis(number: f64) -> u64 {
    number as u64
}
