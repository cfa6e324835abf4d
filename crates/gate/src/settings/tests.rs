use super::*;
use crate::settings::rates::UnknownClass;
use crate::settings::routes::NoRoute;
use portcullis_core::crypto::IssuerId;
use portcullis_core::crypto::PublicKeyError;
use portcullis_core::token::Environment;

const ROOT: &str = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";

fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let defaults = [
        ("ISSUER_URL", "https://keys.example/base/"),
        ("ORIGIN_URL", "http://127.0.0.1:9000"),
        ("ROOT", ROOT),
        ("ENVIRONMENT", "live"),
    ];
    Settings::read(|name| {
        let mut all = changes.iter().chain(&defaults);
        all.find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let settings = read(&[]).unwrap();
    let route = settings.routes.find("GET", "/a//b").unwrap();
    assert_eq!(*route, Route::all(Environment::Live, Kind::Secret));
    assert_eq!(settings.identity, Form::One);
    assert!(!route.preflight && !settings.debug && !settings.require_policy);
    assert_eq!(settings.bounds, Bounds { fresh_for: 5000, deadline: 300, cold_deadline: 3000 });
    assert!(settings.secrets.is_none());
    let [SourceSetting::Http { base, key: None }] = &settings.sources[..] else { panic!() };
    assert_eq!(base.join("/x"), "https://keys.example/base/x");
    assert_eq!(settings.origin.join("/a?b=/c"), "http://127.0.0.1:9000/a?b=/c");
}

#[test]
fn each_wrong_field_is_named() {
    let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let short = format!(r#"{{"issuer":"iss_x","secrets":[{{"kid":7,"secret":"{}"}}]}}"#, "AA");
    let long = format!(r#"{{"issuer":"iss_x","secrets":[{{"kid":7,"secret":"{secret}AAAA"}}]}}"#);
    let word = Fault::Word("`live` or `test`");
    let seconds = Fault::Number { unit: "seconds", min: 1, max: 3600 };
    let millis = |max| Fault::Number { unit: "milliseconds", min: 1, max };
    let table: &[(&str, &str, Fault)] = &[
        ("ISSUER_URL", "", Fault::Missing),
        ("MIRROR_URLS", "https://a.example b", Fault::Url),
        ("IDENTITY", "two", Fault::Word("`one` or `each`")),
        ("REQUIRE_POLICY", "yes", Fault::Word("`true` or `false`")),
        ("ISSUER_URL", "keys.example", Fault::Url),
        ("ISSUER_URL", "ftp://keys.example", Fault::Url),
        ("ISSUER_URL", "https://", Fault::Url),
        ("ISSUER_URL", "https:///x", Fault::Url),
        ("ISSUER_URL", "https://:80", Fault::Url),
        ("ISSUER_URL", "https://b:", Fault::Url),
        ("ISSUER_URL", "https://b:x", Fault::Url),
        ("ISSUER_URL", "https://b c/", Fault::Url),
        ("ISSUER_URL", "HTTPS://b", Fault::Url),
        ("ORIGIN_URL", "https://a@b", Fault::Url),
        ("ORIGIN_URL", "https://a:b@c", Fault::Url),
        ("ORIGIN_URL", "https://b\\@c", Fault::Url),
        ("ORIGIN_URL", "https://b/?x", Fault::Url),
        ("ORIGIN_URL", "https://b/#x", Fault::Url),
        ("ROOT", "replace-me", Fault::Root(PublicKeyError::Text)),
        ("ENVIRONMENT", "  ", Fault::Missing),
        ("ENVIRONMENT", "Live", word),
        ("KIND", "sk", Fault::Word("`secret` or `publishable`")),
        ("FRESH_FOR", "0.999", seconds),
        ("FRESH_FOR", "3600.001", seconds),
        ("FRESH_FOR", "1.", seconds),
        ("FRESH_FOR", "1.0000", seconds),
        ("FRESH_FOR", "1e1", seconds),
        ("FRESH_FOR", "+5", seconds),
        ("FRESH_FOR", "99999999999999999999", seconds),
        ("FRESH_FOR", "18446744073709551615.999", seconds),
        ("DEADLINE_MS", "0", millis(10_000)),
        ("DEADLINE_MS", "1.5", millis(10_000)),
        ("COLD_DEADLINE_MS", "25001", millis(25_000)),
        ("HMAC_KEYS", "{}", Fault::SecretsForm),
        ("HMAC_KEYS", &short, Fault::Secret(7)),
        ("HMAC_KEYS", &long, Fault::Secret(7)),
    ];
    for (field, value, fault) in table {
        let error = read(&[(field, value)]).unwrap_err();
        assert_eq!(error, SettingsError::new(*field, *fault), "{field}={value}");
        assert!(error.to_string().starts_with(*field));
    }
}

#[test]
fn what_is_well_written_is_taken() {
    for (text, base) in [
        ("http://[::1]:9000/", "http://[::1]:9000"),
        (" https://keys.example:443/a/b ", "https://keys.example:443/a/b"),
        ("http://localhost", "http://localhost"),
    ] {
        assert_eq!(BaseUrl::parse(text).map(|url| url.join("")), Ok(base.to_owned()));
    }
    let fresh = |text| read(&[("FRESH_FOR", text)]).unwrap().bounds.fresh_for;
    assert_eq!(
        [fresh("1"), fresh("1.5"), fresh("2.25"), fresh(" 30 ")],
        [1000, 1500, 2250, 30_000]
    );
    let json = format!(r#"{{"issuer":"iss_x","secrets":[{{"kid":7,"secret":"{ROOT}"}}]}}"#);
    let secrets = read(&[("HMAC_KEYS", &json)]).unwrap().secrets.unwrap();
    assert_eq!(secrets.keys().map(|(kid, _)| kid).collect::<Vec<_>>(), [7]);
    assert!(!secrets.belong_to(IssuerId([0; 16])));
    assert_eq!(format!("{secrets:?}"), r#"Secrets { issuer: "iss_x", .. }"#);
}

#[test]
fn sources_are_what_is_set_and_bound() {
    let names = |changes: &[(&str, &str)]| {
        let sources = read(changes).unwrap().sources;
        sources.iter().map(|one| (one.name(), one.has_private())).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), [("http", false)]);
    let all = [
        ("GATE_KEY", "sk_live_x"),
        ("MIRROR_URLS", " https://a.example\nhttps://b.example/x "),
        ("LIST_KV", "{}"),
        ("LIST_R2", "{}"),
        ("LIST_R2_PREFIX", "lists/acme"),
    ];
    let expected =
        [("issuer", true), ("http", false), ("http", false), ("kv", true), ("r2", false)];
    assert_eq!(names(&all), expected);
    assert_eq!(names(&[("ISSUER_URL", ""), ("LIST_KV", "{}")]), [("kv", true)]);
    let error = read(&[("REPORT_USAGE", "true")]).unwrap_err();
    assert_eq!(error, SettingsError::new("GATE_KEY", Fault::Missing));
    let queue = read(&[("REPORT_USAGE", "true"), ("USAGE_QUEUE", "{}")]).unwrap();
    assert!(queue.usage_queue && queue.report_usage && !queue.analytics);
    let settings = read(&all).unwrap();
    let Some(SourceSetting::R2 { prefix }) = settings.sources.last() else { panic!() };
    assert_eq!(prefix, "lists/acme/");
    assert!(!format!("{settings:?}").contains("sk_live_x"));
}

#[test]
fn each_wrong_field_of_a_route_is_named() {
    for (route, expected) in [
        ("5", "ROUTES[1] must be an object"),
        ("{}", "ROUTES[1].path is not set"),
        (r#"{"path": "store"}"#, "ROUTES[1].path must be a path or a pattern"),
        (r#"{"path": "/a/../b"}"#, "ROUTES[1].path must be a path or a pattern"),
        (r#"{"path": "/", "methods": ["get"]}"#, "ROUTES[1].methods must be a list of methods"),
        (r#"{"path": "/", "methods": "GET"}"#, "ROUTES[1].methods must be a list of methods"),
        (r#"{"path": "/", "kinds": []}"#, "ROUTES[1].kinds must be a list of `secret`"),
        (r#"{"path": "/", "kinds": ["sk"]}"#, "ROUTES[1].kinds must be a list of `secret`"),
        (r#"{"path": "/", "environment": "prod"}"#, "ROUTES[1].environment must be `live`"),
        (r#"{"path": "/", "scopes": ["orders:*"]}"#, "ROUTES[1].scopes must be a list of scopes"),
        (r#"{"path": "/", "strict": "yes"}"#, "ROUTES[1].strict must be `true` or `false`"),
        (r#"{"path": "/", "keys_in": ["cookie"]}"#, "ROUTES[1].keys_in must be a list of `bearer`"),
        (r#"{"path": "/", "keys_in": ["query:"]}"#, "ROUTES[1].keys_in must be a list of `bearer`"),
        (r#"{"path": "/", "keys_in": []}"#, "ROUTES[1].keys_in must be a list of `bearer`"),
        (
            r#"{"path": "/", "max_connection_age": 0}"#,
            "ROUTES[1].max_connection_age must be a number of seconds",
        ),
        (r#"{"path": "/", "scope": ["a"]}"#, "ROUTES[1].scope is no field that there is"),
    ] {
        let routes = format!(r#"[{{"path": "/**"}}, {route}]"#);
        let error = read(&[("ROUTES", &routes)]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    for text in ["", "{}", "[]", "[", "null"] {
        let read = read(&[("ROUTES", text)]);
        assert_eq!(read.is_ok(), text.is_empty(), "{text}");
    }
}

#[test]
fn the_first_route_that_fits_counts_and_an_odd_path_fits_none() {
    let text = r#"[
        {"path": "/health", "open": true},
        {"path": "/store/**", "kinds": ["publishable"], "methods": ["GET", "POST"]},
        {"path": "/admin/**", "scopes": ["admin:read"], "methods": ["GET"]},
        {"path": "/admin/**", "scopes": ["admin:write"], "strict": true, "environment": "test",
         "keys_in": ["bearer", "query:api_key"], "keep_credential": true,
         "sales_channel_parameter": "sales_channel_id", "max_connection_age": 60}
    ]"#;
    let settings = read(&[("ROUTES", text)]).unwrap();
    let find = |method, path| settings.routes.find(method, path);
    let scopes = |method, path| find(method, path).unwrap().scopes.clone();
    assert!(find("GET", "/health").unwrap().open);
    assert!(find("POST", "/store").unwrap().preflight, "browsers ask before they send");
    assert_eq!(find("DELETE", "/store"), Err(NoRoute::Unknown));
    assert_eq!(scopes("HEAD", "/admin/orders"), ["admin:read"], "who lists GET has listed HEAD");
    assert_eq!(scopes("GET", "/admin/orders"), ["admin:read"]);
    assert_eq!(scopes("PUT", "/admin/orders"), ["admin:write"]);
    let last = find("PUT", "/admin").unwrap();
    assert!(last.strict && last.keep_credential && !last.preflight && last.places.bearer);
    assert!(!last.places.basic && last.places.query.as_deref() == Some("api_key"));
    assert_eq!((last.environment, last.max_connection_age), (Environment::Test, Some(60)));
    assert_eq!(find("GET", "/"), Err(NoRoute::Unknown));
    for path in ["/ADMIN/orders", "/store/../admin/orders", "/store//x", "/store/%2e%2e/x"] {
        assert_eq!(find("GET", path), Err(NoRoute::Ambiguous), "{path}");
    }
}

#[test]
fn a_path_that_an_origin_may_fold_into_another_route_is_on_none() {
    let routes = r#"[{"path": "/admin/**", "scopes": ["admin:read"]}, {"path": "/reports", "strict": true},
                     {"path": "/**", "open": true}]"#;
    let of =
        |origin_paths| read(&[("ROUTES", routes), ("ORIGIN_PATHS", origin_paths)]).unwrap().routes;
    let (loose, exact) = (of(""), of("exact"));
    let is_open = |routes: &Routes, path| routes.find("GET", path).map(|route| route.open);
    for path in ["/ADMIN/users", "/admin.json", "/reports/", "/Reports", "/reports.csv"] {
        assert_eq!(is_open(&loose, path), Err(NoRoute::Ambiguous), "{path}");
        assert_eq!(is_open(&exact, path), Ok(true), "{path}");
    }
    for path in ["/%61dmin/users", "/report%73"] {
        assert_eq!(is_open(&loose, path), Err(NoRoute::Ambiguous), "{path}");
        assert_eq!(is_open(&exact, path), Err(NoRoute::Ambiguous), "{path}");
    }
    for path in ["/", "/A7", "/orders/", "/administrators", "/%C3%89t%C3%A9", "/x.json"] {
        assert_eq!(is_open(&loose, path), Ok(true), "{path}");
    }
    let error = read(&[("ORIGIN_PATHS", "strict")]).unwrap_err().to_string();
    assert_eq!(error, "ORIGIN_PATHS must be `loose` or `exact`");
}

#[test]
fn where_addresses_come_from_is_said_or_not_known() {
    let client = |more: &[(&str, &str)]| read(more).map(|settings| settings.client);
    assert_eq!(client(&[]), Ok(ClientAddress::Unknown));
    assert_eq!(client(&[("CLIENT_ADDRESS", "cloudflare")]), Ok(ClientAddress::Cloudflare));
    let forwarded =
        |proxies| client(&[("CLIENT_ADDRESS", "forwarded"), ("TRUSTED_PROXIES", proxies)]);
    let networks = ["10.0.0.0/8", "192.0.2.1/32", "::1/128"].map(|text| text.parse().unwrap());
    let listed = "10.0.0.0/8 192.0.2.1\n ::1";
    assert_eq!(forwarded(listed), Ok(ClientAddress::Forwarded(networks.to_vec())));
    for wrong in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/+8", "localhost", "10.0.0.0/8,::1"] {
        let error = forwarded(wrong).unwrap_err().to_string();
        assert!(error.starts_with("TRUSTED_PROXIES must be networks"), "{error}");
    }
    let error = client(&[("TRUSTED_PROXIES", "10.0.0.0/8")]).unwrap_err().to_string();
    assert!(error.starts_with("TRUSTED_PROXIES is set, and CLIENT_ADDRESS"), "{error}");
    let error = client(&[("CLIENT_ADDRESS", "x-real-ip")]).unwrap_err().to_string();
    assert_eq!(error, "CLIENT_ADDRESS must be `cloudflare`, `peer` or `forwarded`");
}

#[test]
fn rate_classes_are_checked_by_name() {
    let class = |text: &str| read(&[("RATE_CLASSES", text), ("RATE_GOLD", "{}")]);
    let text = r#"{"gold": {"limit": 100, "period": 10, "binding": "RATE_GOLD"},
                   "*": {"limit": 5, "period": 60}}"#;
    let classes = class(text).unwrap().rates;
    let named = |label| {
        let found = classes.find(label).unwrap();
        found.map(|(_, class)| (class.name.as_str(), class.limit))
    };
    assert_eq!(named(Some("gold")), Some(("gold", 100)));
    assert_eq!(named(Some("lead")), Some(("*", 5)));
    assert_eq!(named(None), Some(("*", 5)));
    let alone = class(r#"{"gold": {"limit": 1, "period": 1}}"#).unwrap().rates;
    assert_eq!(alone.find(Some("lead")), Err(UnknownClass), "it would limit nothing");
    assert_eq!(alone.find(None), Ok(None));
    for (text, expected) in [
        ("[]", "RATE_CLASSES must be a JSON object"),
        (r#"{"Gold": {}}"#, "RATE_CLASSES.Gold must be named"),
        (r#"{"gold": 1}"#, "RATE_CLASSES.gold must be an object"),
        (r#"{"gold": {"period": 10}}"#, "RATE_CLASSES.gold.limit is not set"),
        (r#"{"gold": {"limit": 1}}"#, "RATE_CLASSES.gold.period is not set"),
        (r#"{"gold": {"limit": 0, "period": 1}}"#, "RATE_CLASSES.gold.limit must be a number"),
        (r#"{"gold": {"limit": 1, "period": 1, "x": 1}}"#, "RATE_CLASSES.gold.x is no field"),
        (
            r#"{"gold": {"limit": 1, "period": 1, "binding": "RATE_LEAD"}}"#,
            "RATE_CLASSES.gold.binding names a binding that is not there",
        ),
    ] {
        let error = class(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
