//! Routes: which keys a request needs, by its method and path.

use portcullis_core::policy::{PlainPath, is_method, is_path_pattern, is_scope};
use portcullis_core::token::{Environment, Kind};
use serde_json::Value;

use crate::request::path::{OriginPaths, has_vanishing_segments, may_match};
use crate::settings::error::{Fault, SettingsError};
use crate::settings::fields::Fields;
use crate::settings::words::{ENVIRONMENTS, KINDS, environments, kinds, word};

/// All routes, in the order of matching.
#[derive(Clone, Debug)]
pub struct Routes {
    list: Vec<Route>,
    /// How the origin interprets paths; `None` if one route takes every path.
    by_path: Option<OriginPaths>,
    /// The query parameters in which some route reads keys.
    key_parameters: Vec<String>,
}

/// Why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No route has its method and path.
    Unknown,
    /// The path is ambiguous: another reading of it could match another route.
    Ambiguous,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The pattern of its paths.
    path: String,
    /// Its methods; empty for all.
    methods: Vec<String>,
    /// Whether its requests need no key.
    pub open: bool,
    /// The kinds of keys that it accepts.
    pub kinds: Kinds,
    /// The environment of its keys.
    pub environment: Environment,
    /// The scopes that a key's policy must all grant.
    pub scopes: Vec<String>,
    /// The query parameter with a sales channel, which the policy must grant.
    pub sales_channel: Option<String>,
    /// Whether it refuses to decide by a list older than `fresh_for`.
    pub strict: bool,
    /// The places in which it reads keys.
    pub places: Places,
    /// Whether CORS preflights, which carry no key, are forwarded.
    pub preflight: bool,
    /// Whether the key is forwarded to the origin.
    pub keep_credential: bool,
    /// Whether its answers don't depend on the key, so that caches may share them.
    pub shared_cache: bool,
    /// Seconds after which a WebSocket, or a body that is still being sent, is ended.
    pub max_connection_age: Option<u32>,
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Secret keys.
    pub secret: bool,
    /// Publishable keys.
    pub publishable: bool,
}

impl Kinds {
    /// The kind, if there is only one.
    #[must_use]
    pub const fn only(self) -> Option<Kind> {
        match (self.secret, self.publishable) {
            (true, false) => Some(Kind::Secret),
            (false, true) => Some(Kind::Publishable),
            (true, true) | (false, false) => None,
        }
    }

    const fn with(self, kind: Kind) -> Self {
        match kind {
            Kind::Secret => Self { secret: true, ..self },
            Kind::Publishable => Self { publishable: true, ..self },
        }
    }
}

/// Places in which keys are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `Authorization: Bearer`.
    pub bearer: bool,
    /// `Authorization: Basic`.
    pub basic: bool,
    /// `X-API-Key`.
    pub x_api_key: bool,
    /// `x-publishable-api-key`.
    pub publishable_key: bool,
    /// A subprotocol of a WebSocket, for browsers.
    pub websocket_protocol: bool,
    /// A query parameter. Off by default, since URLs end up in logs and histories.
    pub query: Option<String>,
}

impl Places {
    /// No place at all.
    pub const NONE: Self = Self::headers(false);
    /// The header fields.
    pub const HEADERS: Self = Self::headers(true);

    const fn headers(read: bool) -> Self {
        Self {
            bearer: read,
            basic: read,
            x_api_key: read,
            publishable_key: read,
            websocket_protocol: read,
            query: None,
        }
    }
}

impl Route {
    /// The route of every path, for one kind of keys.
    #[must_use]
    pub fn all(environment: Environment, kind: Kind) -> Self {
        Self {
            path: "/**".into(),
            methods: Vec::new(),
            open: false,
            kinds: Kinds { secret: false, publishable: false }.with(kind),
            environment,
            scopes: Vec::new(),
            sales_channel: None,
            strict: false,
            places: Places::HEADERS,
            preflight: kind == Kind::Publishable,
            keep_credential: false,
            shared_cache: false,
            max_connection_age: None,
        }
    }

    /// Whether it accepts this method. `GET` includes `HEAD`, which origins answer alike.
    fn takes(&self, method: &str) -> bool {
        let is_it = |known: &String| known == method || (method == "HEAD" && known == "GET");
        self.methods.is_empty() || self.methods.iter().any(is_it)
    }

    fn parse(field: &str, value: &Value, default: &Self) -> Result<Self, SettingsError> {
        let mut fields = Fields::of(field, value)?;
        let mut route = default.clone();
        // Which requests the route matches.
        let path = fields.text("path", is_pattern, "a path or a pattern such as `/store/**`")?;
        route.path = path.ok_or_else(|| fields.error("path", Fault::Missing))?;
        let methods = fields.texts("methods", is_method, "a list of methods such as `GET`")?;
        route.methods = methods.unwrap_or_default();
        route.open = fields.flag("open")?.unwrap_or(false);
        // Which keys it accepts, and what their policies must grant.
        const SOME_KINDS: Fault = Fault::Word("a list of `secret` and `publishable`");
        if let Some(words) = fields.texts("kinds", |_| true, "a list of kinds")? {
            route.kinds = Kinds { secret: false, publishable: false };
            for text in words {
                let kind = word(&text, &kinds(), KINDS).map_err(|_| SOME_KINDS);
                route.kinds = route.kinds.with(kind.map_err(|fault| fields.error("kinds", fault))?);
            }
            if !route.kinds.secret && !route.kinds.publishable {
                return Err(fields.error("kinds", SOME_KINDS));
            }
        }
        if let Some(text) = fields.text("environment", |_| true, ENVIRONMENTS)? {
            let environment = word(&text, &environments(), ENVIRONMENTS);
            route.environment = environment.map_err(|fault| fields.error("environment", fault))?;
        }
        let scopes = "a list of scopes such as `orders:read`, without wildcards";
        route.scopes = fields.texts("scopes", is_scope, scopes)?.unwrap_or_default();
        let parameter = "a parameter's name of letters, digits, `-` and `_`";
        route.sales_channel = fields.text("sales_channel_parameter", is_parameter, parameter)?;
        route.strict = fields.flag("strict")?.unwrap_or(false);
        // Where it reads keys, and how its requests are forwarded.
        if let Some(words) = fields.texts("keys_in", |_| true, PLACES)? {
            let places = places(&words).ok_or_else(|| fields.error("keys_in", Fault::Word(PLACES)));
            route.places = places?;
        }
        route.preflight = fields.flag("preflight")?.unwrap_or(route.kinds.publishable);
        route.keep_credential = fields.flag("keep_credential")?.unwrap_or(false);
        route.shared_cache = fields.flag("shared_cache")?.unwrap_or(false);
        route.max_connection_age = fields.seconds("max_connection_age")?;
        fields.finish()?;
        Ok(route)
    }
}

const PLACES: &str = "a list of `bearer`, `basic`, `x-api-key`, `x-publishable-api-key`, \
                      `websocket-protocol` and `query:NAME`";

fn places(words: &[String]) -> Option<Places> {
    let mut places = Places::NONE;
    for word in words {
        match word.as_str() {
            "bearer" => places.bearer = true,
            "basic" => places.basic = true,
            "x-api-key" => places.x_api_key = true,
            "x-publishable-api-key" => places.publishable_key = true,
            "websocket-protocol" => places.websocket_protocol = true,
            other => {
                let name = other.strip_prefix("query:").filter(|name| is_parameter(name))?;
                places.query = Some(name.to_owned());
            }
        }
    }
    (places != Places::NONE).then_some(places)
}

fn is_pattern(text: &str) -> bool {
    is_path_pattern(text.as_bytes())
}

fn is_parameter(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl Routes {
    /// One route for everything.
    #[must_use]
    pub fn one(route: Route) -> Self {
        Self { list: vec![route], by_path: None, key_parameters: Vec::new() }
    }

    /// Reads the setting: a list of objects. Omitted fields are as in `default`.
    ///
    /// # Errors
    /// Names the invalid field.
    pub(super) fn parse(
        text: &str,
        default: &Route,
        origin: OriginPaths,
    ) -> Result<Self, SettingsError> {
        const FORM: Fault = Fault::Word("a JSON list of routes, one at least");
        let value: Value =
            serde_json::from_str(text).map_err(|_| SettingsError::new("ROUTES", FORM))?;
        let list = value.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| SettingsError::new("ROUTES", FORM))?;
        let routes = list.iter().enumerate();
        let routes = routes.map(|(at, one)| Route::parse(&format!("ROUTES[{at}]"), one, default));
        let list = routes.collect::<Result<Vec<_>, _>>()?;
        let mut key_parameters: Vec<String> =
            list.iter().filter_map(|route| route.places.query.clone()).collect();
        key_parameters.sort_unstable();
        key_parameters.dedup();
        Ok(Self { list, by_path: Some(origin), key_parameters })
    }

    /// The query parameters in which some route reads keys. Keys in them are removed on every other
    /// route.
    pub(crate) fn key_parameters(&self) -> impl Iterator<Item = &str> {
        self.key_parameters.iter().map(String::as_str)
    }

    /// The first route for a method and path.
    ///
    /// # Errors
    /// [`NoRoute`]. A path is ambiguous if it isn't plain, or if an origin may fold it into a path
    /// of an earlier route.
    pub fn find(&self, method: &str, path: &str) -> Result<&Route, NoRoute> {
        let Some(origin) = self.by_path else {
            return self.list.first().ok_or(NoRoute::Unknown);
        };
        // Refuse a path that the origin may read differently.
        let plain = PlainPath::of(path.as_bytes()).ok_or(NoRoute::Ambiguous)?;
        if has_vanishing_segments(path, origin) {
            return Err(NoRoute::Ambiguous);
        }
        // The first match decides, unless the origin may fold the path into an earlier route.
        for route in self.list.iter().filter(|route| route.takes(method)) {
            if plain.match_pattern(route.path.as_bytes()) {
                return Ok(route);
            }
            if may_match(&route.path, path, origin) {
                return Err(NoRoute::Ambiguous);
            }
        }
        Err(NoRoute::Unknown)
    }
}
