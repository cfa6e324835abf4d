//! The gate's `Host` on the Workers runtime: HTTP, Workers KV, R2, the Cache API, timers, clock and
//! log.

use core::future::Future;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use portcullis_core::time::Time;
use serde::Serialize;
use worker::Delay;
use worker::js_sys::{self, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{self, AbortController, WorkerGlobalScope};

use portcullis_gate::host::Host;
use portcullis_gate::refresh::source::{FetchError, File};
use portcullis_gate::settings::url::BaseUrl;
use portcullis_gate::settings::{GateKey, Settings, SourceSetting};
use portcullis_gate::telemetry::analytics::DataPoint;
use portcullis_gate::telemetry::log::Event;

use crate::clock::now;
use crate::js::{call, get, read, to_object};
use crate::log::log;
use crate::{analytics, queue};

/// The cache key of the floor: a name that no other Worker of the zone may use.
const FLOOR_URL: &str = "https://portcullis.invalid/floor/";
/// A week. An older floor is useless for a list that is valid for minutes.
const FLOOR_CACHING: &str = "max-age=604800";

/// How a value is read from Workers KV.
#[derive(Serialize)]
struct KvOptions {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "cacheTtl")]
    cache_ttl: u32,
}

/// The runtime, for one request. Not `Debug`, because its environment holds secrets.
pub(crate) struct Runtime {
    pub(crate) env: JsValue,
    pub(crate) settings: Rc<Settings>,
}

impl Host for Runtime {
    async fn fetch(&self, source: usize, file: File, timeout: u64) -> Result<Vec<u8>, FetchError> {
        let setting = self.settings.sources.get(source).ok_or(FetchError::Absent)?;
        self.within(timeout, self.read_source(setting, file)).await
    }

    async fn load_floor(&self) -> Option<Vec<u8>> {
        const LONGEST: usize = 512 << 10;
        let cache = default_cache()?;
        let found = JsFuture::from(cache.match_with_str(&self.floor_url())).await.ok()?;
        let found: web_sys::Response = found.dyn_into().ok()?;
        read(&found.body()?, LONGEST).await.ok()
    }

    async fn store_floor(&self, floor: Vec<u8>) {
        // If the floor can't be stored, later isolates fetch instead.
        let _ = self.put_floor(&floor).await;
    }

    async fn report_usage(&self, body: String, timeout: u64) -> Result<(), FetchError> {
        if !self.settings.usage_queue {
            return self.deliver_usage(body, timeout).await;
        }
        self.within(timeout, queue::send(&self.env, &body)).await
    }

    async fn deliver_usage(&self, body: String, timeout: u64) -> Result<(), FetchError> {
        let issuer = self.settings.sources.iter().find_map(|source| match source {
            SourceSetting::Http { base, key: Some(key) } => Some((base, key)),
            SourceSetting::Http { key: None, .. }
            | SourceSetting::Kv
            | SourceSetting::R2 { .. } => None,
        });
        let (base, key) = issuer.ok_or(FetchError::NoIssuer)?;
        self.within(timeout, post(base, key, &body)).await
    }

    fn write_point(&self, point: &DataPoint) {
        analytics::write(&self.env, point);
    }

    async fn sleep(&self, millis: u64) {
        Delay::from(Duration::from_millis(millis)).await;
    }

    fn now(&self) -> Time {
        now()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to 1 scaled to 32 bits"
    )]
    fn random(&self) -> u32 {
        (js_sys::Math::random() * f64::from(u32::MAX)) as u32
    }

    fn log(&self, event: &Event) {
        log(event);
    }
}

impl Runtime {
    async fn within<T>(
        &self,
        timeout: u64,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let late = core::pin::pin!(self.sleep(timeout));
        match select(core::pin::pin!(work), late).await {
            Either::Left((done, _)) => done,
            Either::Right(((), _)) => Err(FetchError::Late),
        }
    }

    async fn read_source(&self, source: &SourceSetting, file: File) -> Result<Vec<u8>, FetchError> {
        if file.is_private() && !source.has_private() {
            return Err(FetchError::NoCredential);
        }
        match source {
            SourceSetting::Http { base, key } => http(base, key.as_ref(), file).await,
            SourceSetting::Kv => self.kv(file).await,
            SourceSetting::R2 { prefix } => self.r2(prefix, file).await,
        }
    }

    async fn kv(&self, file: File) -> Result<Vec<u8>, FetchError> {
        let namespace = get(&self.env, "LIST_KV").ok_or(FetchError::Absent)?;
        // How long the edge may cache: the platform's minimum for files that change, a day for
        // those that never do.
        let seconds = match file {
            File::Keyring | File::Stamp => 30,
            File::Head(_) | File::Body(_) | File::Policy(..) => 86_400,
        };
        let options = to_object(&KvOptions { kind: "stream", cache_ttl: seconds });
        let options = options.map_err(|_| FetchError::Unreachable)?;
        let name = JsValue::from_str(&file.to_string());
        let value = call(&namespace, "get", &[&name, &options]).await;
        let value = value.map_err(|_| FetchError::Unreachable)?;
        if value.is_null() {
            return Err(FetchError::Absent);
        }
        read(&value.unchecked_into(), file.longest()).await
    }

    async fn r2(&self, prefix: &str, file: File) -> Result<Vec<u8>, FetchError> {
        let bucket = get(&self.env, "LIST_R2").ok_or(FetchError::Absent)?;
        let name = JsValue::from_str(&format!("{prefix}{file}"));
        let found = call(&bucket, "get", &[&name]).await.map_err(|_| FetchError::Unreachable)?;
        let body = get(&found, "body").ok_or(FetchError::Absent)?;
        read(&body.unchecked_into(), file.longest()).await
    }

    /// A zone's Workers share a cache: the root key distinguishes the floors of different gates.
    fn floor_url(&self) -> String {
        [FLOOR_URL, &self.settings.root.to_string()].concat()
    }

    async fn put_floor(&self, floor: &[u8]) -> Result<(), JsValue> {
        let Some(cache) = default_cache() else { return Ok(()) };
        let headers = web_sys::Headers::new()?;
        headers.set("cache-control", FLOOR_CACHING)?;
        let init = web_sys::ResponseInit::new();
        init.set_headers(&headers);
        let body: JsValue = Uint8Array::from(floor).into();
        let kept = web_sys::Response::new_with_opt_js_u8_array_and_init(
            Some(body.unchecked_ref()),
            &init,
        )?;
        JsFuture::from(cache.put_with_str(&self.floor_url(), &kept)).await?;
        Ok(())
    }
}

async fn http(base: &BaseUrl, key: Option<&GateKey>, file: File) -> Result<Vec<u8>, FetchError> {
    let unreachable = |_: JsValue| FetchError::Unreachable;
    let abort = Abort(AbortController::new().map_err(unreachable)?);
    let init = web_sys::RequestInit::new();
    init.set_signal(Some(&abort.0.signal()));
    // workerd doesn't support `error`. With `manual` a redirect is returned, and isn't a 200.
    init.set_redirect(web_sys::RequestRedirect::Manual);
    init.set_cache(web_sys::RequestCache::NoStore);
    if let Some(key) = key.filter(|_| file.is_private()) {
        let headers = web_sys::Headers::new().map_err(unreachable)?;
        headers.set("authorization", &key.authorization()).map_err(unreachable)?;
        init.set_headers(&headers);
    }
    let url = base.join(&file.path());
    let answer = JsFuture::from(global().fetch_with_str_and_init(&url, &init)).await;
    let answer: web_sys::Response = answer.map_err(unreachable)?.unchecked_into();
    if answer.status() != 200 {
        return Err(FetchError::Status(answer.status()));
    }
    let Some(body) = answer.body() else { return Ok(Vec::new()) };
    read(&body, file.longest()).await
}

async fn post(base: &BaseUrl, key: &GateKey, body: &str) -> Result<(), FetchError> {
    let unreachable = |_: JsValue| FetchError::Unreachable;
    let abort = Abort(AbortController::new().map_err(unreachable)?);
    let headers = web_sys::Headers::new().map_err(unreachable)?;
    headers.set("authorization", &key.authorization()).map_err(unreachable)?;
    headers.set("content-type", "application/json").map_err(unreachable)?;
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    init.set_signal(Some(&abort.0.signal()));
    init.set_redirect(web_sys::RequestRedirect::Manual);
    let answer = global().fetch_with_str_and_init(&base.join("/v1/usage"), &init);
    let answer: web_sys::Response =
        JsFuture::from(answer).await.map_err(unreachable)?.unchecked_into();
    if answer.status() == 200 { Ok(()) } else { Err(FetchError::Status(answer.status())) }
}

/// Aborts a fetch that is no longer awaited. Has no effect once the answer has been read.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `caches.default`, which only Workers have: one per location, shared by its isolates.
fn default_cache() -> Option<web_sys::Cache> {
    let caches = get(&js_sys::global(), "caches")?;
    Some(Reflect::get(&caches, &JsValue::from_str("default")).ok()?.unchecked_into())
}

pub(crate) fn global() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
