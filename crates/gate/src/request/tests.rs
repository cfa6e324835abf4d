use super::*;
use proptest::prelude::*;

fn settings(more: &[(&str, &str)]) -> Settings {
    let root = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";
    let defaults = [
        ("ISSUER_URL", "https://keys.example"),
        ("ORIGIN_URL", "https://origin.example"),
        ("ROOT", root),
        ("ENVIRONMENT", "live"),
    ];
    let read = Settings::read(|name| {
        let found = more.iter().chain(&defaults).find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    read.unwrap()
}

fn get<'a>(target: &'a str) -> Received<'a> {
    Received { method: "GET", target, scheme: "https", host: "api.example", ..Received::default() }
}

fn outcome(received: &Received<'_>) -> Result<(), MalformedRequest> {
    Request::read(received, &settings(&[])).map(drop)
}

#[test]
fn a_method_is_in_capitals_and_one_that_is_passed_on() {
    for method in ["GET", "PROPFIND", "M-SEARCH", "X"] {
        assert_eq!(outcome(&Received { method, ..get("/") }), Ok(()), "{method}");
    }
    let long = "A".repeat(33);
    for method in ["", "get", "Post", "GE T", "TRACE", "TRACK", "CONNECT", "G\u{c9}T", &long] {
        assert_eq!(
            outcome(&Received { method, ..get("/") }),
            Err(MalformedRequest::Method),
            "{method}"
        );
    }
}

#[test]
fn no_other_method_is_asked_for_than_the_requests_own() {
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let with = |value| {
            let fields = [(name, value)];
            outcome(&Received { method: "POST", fields: &fields, ..get("/") })
        };
        assert_eq!(with("POST"), Ok(()));
        assert_eq!(with("post"), Ok(()));
        assert_eq!(with("  POST "), Ok(()));
        for value in ["DELETE", "", "POST, DELETE"] {
            assert_eq!(with(value), Err(MalformedRequest::MethodOverride), "{name}: {value}");
        }
    }
    let post = |target| outcome(&Received { method: "POST", ..get(target) });
    assert_eq!(post("/a?_method=DELETE"), Err(MalformedRequest::MethodOverride));
    assert_eq!(outcome(&get("/a?_method=DELETE")), Ok(()), "frameworks look for it on POST alone");
}

#[test]
fn a_body_belongs_to_a_method_that_has_one() {
    let with = |method| outcome(&Received { method, has_body: true, ..get("/") });
    assert_eq!(
        (with("GET"), with("HEAD")),
        (Err(MalformedRequest::UnexpectedBody), Err(MalformedRequest::UnexpectedBody))
    );
    assert_eq!((with("DELETE"), with("OPTIONS")), (Ok(()), Ok(())));
    // Some clients send a body length with every request.
    let fields = [("content-length", "0")];
    assert_eq!(outcome(&Received { has_body: true, fields: &fields, ..get("/") }), Ok(()));
    let fields = [("content-length", "0"), ("transfer-encoding", "chunked")];
    let chunked = outcome(&Received { has_body: true, fields: &fields, ..get("/") });
    assert_eq!(chunked, Err(MalformedRequest::UnexpectedBody));
}

#[test]
fn a_target_is_what_every_host_sends_as_it_stands() {
    for target in
        ["*", "", "http://a/b", "/a\\b", "/a b", "/\u{fffd}", "/a?b\u{fffd}", "/a#b", "/a?b#c"]
    {
        assert_eq!(outcome(&get(target)), Err(MalformedRequest::Target), "{target}");
    }
    for target in ["/a/../b", "/a/%2e%2E/b", "/.", "/%2e?x"] {
        assert_eq!(outcome(&get(target)), Err(MalformedRequest::AmbiguousPath), "{target}");
    }
    let request = |target| {
        let read = Request::read(&get(target), &settings(&[])).unwrap();
        read.target(None).into_owned()
    };
    for target in ["/", "/a?", "/a?b=%7E[]{}|^", "//a//b;c", "/%zz?%"] {
        assert_eq!(request(target), target);
    }
    assert_eq!(request("/a?q='<x>'\u{e9}"), "/a?q=%27%3Cx%3E%27%C3%A9");
}

#[test]
fn fields_that_fold_into_the_gates_are_refused() {
    let with = |name, value| {
        let fields = [(name, value)];
        outcome(&Received { fields: &fields, ..get("/") })
    };
    for name in
        ["portcullis.owner", "portcullis!scopes", "portcullis_", "x_api_key", "x-forwarded_for"]
    {
        assert_eq!(with(name, "1"), Err(MalformedRequest::AmbiguousHeader), "{name}");
    }
    for name in ["portcullis-owner", "x_custom", "x.y!z"] {
        assert_eq!(with(name, "1"), Ok(()), "{name}");
    }
    assert_eq!(with("connection", "origin"), Err(MalformedRequest::AmbiguousHeader));
    assert_eq!(with("connection", "keep-alive, x-hop"), Ok(()));
}

#[test]
fn the_parameters_of_keys_are_read_in_one_spelling_on_every_route() {
    let routes =
        r#"[{"path": "/query", "keys_in": ["query:api_key"]}, {"path": "/**", "open": true}]"#;
    let settings = settings(&[("ROUTES", routes)]);
    let read = |target| Request::read(&get(target), &settings).map(drop);
    assert_eq!(read("/elsewhere?api_key=1&x=2"), Ok(()));
    assert_eq!(read("/elsewhere?[api_key]=1"), Err(MalformedRequest::AmbiguousParameter));
    assert_eq!(read("/query?API.KEY=1"), Err(MalformedRequest::AmbiguousParameter));
}

#[test]
fn a_preflight_is_all_three_things() {
    let fields = [("origin", "https://shop.example"), ("access-control-request-method", "POST")];
    fn preflight(method: &str, fields: &[(&str, &str)]) -> Option<String> {
        let read = Request::read(&Received { method, fields, ..get("/") }, &settings(&[]));
        read.unwrap().preflight().map(str::to_owned)
    }
    assert_eq!(preflight("OPTIONS", &fields).as_deref(), Some("POST"));
    assert_eq!(preflight("GET", &fields), None);
    assert_eq!(preflight("OPTIONS", &fields[..1]), None);
    assert_eq!(preflight("OPTIONS", &fields[1..]), None);
    for (origin, method) in
        [("https://shop.example", ""), ("https://shop.example", " "), ("", "POST")]
    {
        let fields = [("origin", origin), ("access-control-request-method", method)];
        assert_eq!(preflight("OPTIONS", &fields), None, "{origin:?} {method:?}");
    }
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(
        method in "[A-Z]{0,5}|.*", target in "/[ -~]{0,40}|.*", name in "[ -~]{0,20}", value in ".*",
    ) {
        let name = name.to_ascii_lowercase();
        let fields = [(name.as_str(), value.as_str()), ("connection", value.as_str())];
        let received = Received { method: &method, target: &target, fields: &fields, ..get("/") };
        if let Ok(request) = Request::read(&received, &settings(&[])) {
            prop_assert_eq!(request.method, method.as_str());
            prop_assert!(request.target(None).starts_with('/'));
            let shown = format!("{request:?}{received:?}");
            let query = format!("?{}", request.query);
            prop_assert!(!shown.contains(&query));
        }
    }
}
