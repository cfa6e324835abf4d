use super::*;
use crate::request::handshake::Handshake;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

const SECRET: Kinds = Kinds { secret: true, publishable: false };
const PUBLISHABLE: Kinds = Kinds { secret: false, publishable: true };
const BOTH: Kinds = Kinds { secret: true, publishable: true };
/// A shopper's token, as a Medusa storefront sends it.
const JWT: &str = "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x";

fn request<'a>(authorization: &'a str, x_api_key: &'a str, publishable: &'a str) -> Request<'a> {
    // `-` means that the header is absent.
    let header = |value: &'a str| Some(value).filter(|value| *value != "-");
    Request::with(|request| {
        request.authorization = header(authorization);
        request.x_api_key = header(x_api_key);
        request.publishable_key = header(publishable);
    })
}

fn read(
    request: &Request<'_>,
    kinds: Kinds,
) -> Result<(String, Vec<&'static str>), CredentialError> {
    let locations = Places::HEADERS;
    let credential = Credential::read(request, &locations, kinds)?;
    Ok((credential.token().to_owned(), credential.removed_keys(false, request).headers().collect()))
}

#[test]
fn each_way_of_carrying_a_secret_key() {
    use CredentialError::{BearerForm, Conflict, Empty, Missing};
    const A: &[&str] = &["authorization"];
    const X: &[&str] = &["x-api-key"];
    const AX: &[&str] = &["authorization", "x-api-key"];
    let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let (with_colon, without) = (encoded("sk_live_1:"), encoded("sk_live_1"));
    let (password, user) = (encoded("sk_live_1:x"), encoded("shopper:pw"));
    type Row<'a> = (&'a str, &'a str, Result<(&'a str, &'a [&'a str]), CredentialError>);
    let table: &[Row<'_>] = &[
        ("-", "-", Err(Missing)),
        ("Bearer sk_live_1", "-", Ok(("sk_live_1", A))),
        ("bEARER \t sk_live_1 ", "-", Ok(("sk_live_1", A))),
        ("-", "sk_live_1", Ok(("sk_live_1", X))),
        ("-", " sk_live_1 ", Ok(("sk_live_1", X))),
        ("Bearer sk_live_1", "sk_live_1", Ok(("sk_live_1", AX))),
        ("Bearer sk_live_1", "sk_live_2", Err(Conflict)),
        ("Bearer sk_live_1, Bearer sk_live_1", "-", Ok(("sk_live_1", A))),
        ("Bearer sk_live_1, Bearer sk_live_2", "-", Err(Conflict)),
        ("-", "sk_live_1, sk_live_1", Ok(("sk_live_1", X))),
        ("-", "sk_live_1, sk_live_2", Err(Conflict)),
        ("Bearer", "-", Err(BearerForm)),
        ("Bearer  ", "-", Err(BearerForm)),
        ("Bearer", "sk_live_1", Err(BearerForm)),
        ("Bearer a b", "-", Err(BearerForm)),
        ("Bearer a, b", "-", Err(BearerForm)),
        ("Basic YTpi, Bearer a", "-", Err(BearerForm)),
        (&with_colon, "-", Ok(("sk_live_1", A))),
        (&without, "-", Ok(("sk_live_1", A))),
        ("Basic sk_live_1", "-", Ok(("sk_live_1", A))),
        ("bASIC  acme_sk_test_1 ", "-", Ok(("acme_sk_test_1", A))),
        (&with_colon, "sk_live_1", Ok(("sk_live_1", AX))),
        (&with_colon, "sk_live_2", Err(Conflict)),
        (&password, "-", Err(Missing)),
        (&user, "-", Err(Missing)),
        (&user, "sk_live_1", Ok(("sk_live_1", X))),
        ("Basic !!", "-", Err(Missing)),
        ("Basic", "-", Err(Missing)),
        ("Bearerish sk_live_1", "-", Err(Missing)),
        ("Digest username=\"bearer\", nonce=\"x\"", "-", Err(Missing)),
        ("", "-", Err(Missing)),
        ("-", "", Err(Empty)),
        ("-", "sk_live_1,", Err(Empty)),
        // Not a key, but verified as one: 401, not 400.
        (JWT, "-", Ok((JWT.trim_start_matches("Bearer "), A))),
        (JWT, "sk_live_1", Ok(("sk_live_1", X))),
        ("-", "nonsense", Ok(("nonsense", X))),
        ("Bearer sk_live_1", "nonsense", Err(Conflict)),
    ];
    for (authorization, x_api_key, expected) in table {
        let found = read(&request(authorization, x_api_key, "-"), SECRET);
        let expected =
            expected.map(|(token, removed_keys)| (token.to_owned(), removed_keys.to_vec()));
        assert_eq!(found, expected, "{authorization:?} {x_api_key:?}");
    }
}

#[test]
fn a_key_of_each_kind_may_stand_side_by_side() {
    const AP: &[&str] = &["authorization", "x-publishable-api-key"];
    let table = [
        ("Bearer sk_live_1", "pk_live_1", SECRET, Ok(("sk_live_1", AP))),
        ("Bearer sk_live_1", "pk_live_1", PUBLISHABLE, Ok(("pk_live_1", AP))),
        ("Bearer sk_live_1", "pk_live_1", BOTH, Ok(("sk_live_1", AP))),
        ("Bearer pk_live_1", "pk_live_2", BOTH, Err(CredentialError::Conflict)),
        ("Bearer pk_live_1", "pk_live_1", PUBLISHABLE, Ok(("pk_live_1", AP))),
        // A shopper with a session.
        (JWT, "pk_live_1", PUBLISHABLE, Ok(("pk_live_1", &AP[1..]))),
        // Only the wrong kind: refused as the wrong kind, not as missing.
        ("-", "pk_live_1", SECRET, Ok(("pk_live_1", &AP[1..]))),
    ];
    for (authorization, publishable, kinds, expected) in table {
        let found = read(&request(authorization, "-", publishable), kinds);
        let expected =
            expected.map(|(token, removed_keys)| (token.to_owned(), removed_keys.to_vec()));
        assert_eq!(found, expected, "{authorization:?} {publishable:?}");
    }
}

#[test]
fn only_the_places_of_the_route_are_read() {
    let mut everywhere = request("Bearer sk_live_1", "sk_live_2", "-");
    everywhere.query = "a=1&key=sk_live_3".into();
    let read = |change: fn(&mut Places)| {
        let mut locations = Places::NONE;
        change(&mut locations);
        let credential = Credential::read(&everywhere, &locations, SECRET);
        credential.map(|credential| credential.token().to_owned())
    };
    assert_eq!(read(|locations| locations.bearer = true), Ok("sk_live_1".into()));
    assert_eq!(read(|locations| locations.x_api_key = true), Ok("sk_live_2".into()));
    assert_eq!(read(|locations| locations.query = Some("key".into())), Ok("sk_live_3".into()));
    assert_eq!(read(|locations| locations.basic = true), Err(CredentialError::Missing));
    assert_eq!(
        read(|locations| locations.query = Some("none".into())),
        Err(CredentialError::Missing)
    );
}

#[test]
fn a_key_that_the_origin_asks_for_stays_and_others_go() {
    let request = request("Bearer sk_live_1", "-", "pk_live_1");
    let locations = Places::HEADERS;
    let credential = Credential::read(&request, &locations, SECRET).unwrap();
    let kept = credential.removed_keys(true, &request);
    assert_eq!(kept.headers().collect::<Vec<_>>(), ["x-publishable-api-key"]);
}

#[test]
fn a_field_is_not_kept_for_one_key_with_another_in_it() {
    let key = KEY.trim();
    let (alone, both) = ("Bearer sk_live_1".to_owned(), format!("Bearer sk_live_1, Token {key}"));
    let locations = Places::HEADERS;
    let kept = |value: &str| {
        let request = request(value, "-", "-");
        let credential = Credential::read(&request, &locations, SECRET);
        credential.map(|credential| !credential.removed_keys(true, &request).authorization)
    };
    assert_eq!(kept(&alone), Ok(true));
    assert_ne!(kept(&both), Ok(true));
    let twice = format!("Bearer {key}, Bearer {key}");
    assert_eq!(kept(&twice), Ok(true));
    let basic = format!("Bearer {key}, Basic {}", STANDARD.encode("pk_live_1:"));
    assert_ne!(kept(&basic), Ok(true));
}

#[test]
fn a_browsers_websocket_carries_its_key_as_a_subprotocol() {
    let upgrade = ("websocket", Some("upgrade"));
    let of = |protocols| {
        Request::with(|it| it.handshake = Handshake::read("GET", upgrade, Some(protocols)))
    };
    let read = |request: &Request<'_>, locations: &Places| {
        let credential = Credential::read(request, locations, BOTH);
        credential.map(|credential| credential.token().to_owned())
    };
    let one = of("portcullis, portcullis-key.pk_live_1");
    assert_eq!(read(&one, &Places::HEADERS), Ok("pk_live_1".into()));
    let two = of("portcullis-key.pk_live_1, portcullis-key.pk_live_2");
    assert_eq!(read(&two, &Places::HEADERS), Err(CredentialError::Conflict));
    assert_eq!(read(&of("portcullis-key."), &Places::HEADERS), Err(CredentialError::Empty));
    assert_eq!(read(&of("portcullis"), &Places::HEADERS), Err(CredentialError::Missing));
    let elsewhere = Places { websocket_protocol: false, ..Places::HEADERS };
    assert_eq!(read(&one, &elsewhere), Err(CredentialError::Missing));
}

/// A key with valid form and checksum, of an unknown issuer.
const KEY: &str = include_str!("../../../tests/key.txt");

#[test]
fn keys_are_taken_out_wherever_no_route_looks_for_them() {
    let key = KEY.trim();
    let encoded = |text: String| format!("Basic {}", STANDARD.encode(text));
    let found = |request: &Request<'_>, presented| {
        RemovedKeys::found_in(request, presented).headers().collect::<Vec<_>>()
    };
    let nowhere = RemovedKeys::default();
    for value in [
        format!("Bearer {key}"),
        format!("bearer\t{key} "),
        format!("Token token=\"{key}\""),
        key.to_owned(),
        format!("Bearer \"{key}\""),
        format!("Bearer {key}\u{ff}"),
        format!("Bearer x.{key}.y"),
        STANDARD.encode(key),
        format!("Basic {}", URL_SAFE_NO_PAD.encode(format!("\u{ff}\u{ff}:{key}"))),
        format!("x={},y", STANDARD.encode(format!("user:{key}"))),
        format!("Basic Zm9vOmJhcg==, Bearer {key}"),
        encoded(format!("{key}:")),
        encoded(format!("shop:{key}")),
        encoded(key.to_owned()),
    ] {
        let request = Request::with(|request| request.authorization = Some(&value));
        assert_eq!(found(&request, nowhere), ["authorization"], "{value}");
    }
    // A key of a version that this gate can't verify is somebody's credential all the same.
    let later: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/vectors/text-version.json"))
            .unwrap();
    let later = later["token"].as_str().unwrap();
    let several = request("-", later, later);
    assert_eq!(found(&several, nowhere), ["x-api-key", "x-publishable-api-key"]);
    let list = format!("other, {key}");
    let several = request("-", &list, key);
    assert_eq!(found(&several, nowhere), ["x-api-key", "x-publishable-api-key"]);
    let presented = RemovedKeys { x_api_key: true, publishable_key: true, ..nowhere };
    assert!(found(&several, presented).is_empty(), "the credential says what is taken there");
    // Another system's key, and one of this system with a changed character and so a wrong
    // checksum.
    let changed = key.replacen("_live_", "_test_", 1);
    for foreign in ["sk_live_4eC39HqLyjWDarjtT1zdp7dc", &changed, JWT] {
        let request = request(foreign, foreign, "-");
        assert!(found(&request, nowhere).is_empty(), "{foreign}");
    }
}

#[test]
fn a_header_of_a_megabyte_is_read_and_never_shown() {
    let huge = format!("Bearer {}", "a".repeat(1 << 20));
    let request = request(&huge, "-", "-");
    let locations = Places::HEADERS;
    let read = Credential::read(&request, &locations, SECRET).unwrap();
    assert_eq!(read.token().len(), 1 << 20);
    assert!(format!("{read:?}{request:?}").len() < 300);
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(
        a in any::<Option<String>>(), x in any::<Option<String>>(), p in any::<Option<String>>(),
        query in any::<String>(), raw in any::<Vec<u8>>(),
    ) {
        let locations = Places { query: Some("key".into()), ..Places::HEADERS };
        let basic = format!("Basic {}", STANDARD.encode(&raw));
        for authorization in [a.as_deref(), Some(basic.as_str())] {
            let request = Request::with(|request| {
                request.authorization = authorization;
                request.x_api_key = x.as_deref();
                request.publishable_key = p.as_deref();
                request.query = query.as_str().into();
            });
            if let Ok(read) = Credential::read(&request, &locations, BOTH) {
                prop_assert!(!read.token().is_empty());
            }
        }
    }
}
