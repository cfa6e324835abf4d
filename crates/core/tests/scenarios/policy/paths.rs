//! Valid patterns, the paths that they match, and the paths that no pattern matches.

use super::shape::PolicyVector;
use super::{PATHS, one_list, refused, saying};

pub(super) fn all() -> Vec<PolicyVector> {
    [patterns_refused(), matches(), lengths(), not_plain(), plain()].into_iter().flatten().collect()
}

fn patterns_refused() -> Vec<PolicyVector> {
    [
        ("empty", "A pattern of no byte.", ""),
        ("no-slash", "No slash in front.", "store"),
        ("wildcard-no-slash", "Nor in front of a wildcard.", "**"),
        ("url", "A whole URL.", "https://shop.example/store"),
        ("segment-empty", "An empty segment that is not the last.", "/store//carts"),
        ("first-empty", "Two slashes in front.", "//store"),
        ("slashes", "Two slashes.", "//"),
        ("dot", "A segment `.`.", "/store/./carts"),
        ("dot-last", "A last segment `.`.", "/store/."),
        ("dots", "A segment `..`.", "/store/../carts"),
        ("dots-last", "A last segment `..`.", "/store/.."),
        ("semicolon", "A semicolon.", "/store;v=1"),
        ("query", "A query.", "/store?a"),
        ("fragment", "A fragment.", "/store#a"),
        ("space", "A space.", "/store carts"),
        ("backslash", "A backslash.", "/store\\carts"),
        ("not-ascii", "A letter that is not ASCII.", "/caf\u{e9}"),
        ("bracket", "A character that no path has.", "/store[1]"),
        ("escape-lowercase", "An escape in lower case.", "/caf%c3%A9"),
        ("escape-lowercase-digit", "Its second digit alone.", "/caf%C3%a9"),
        ("escape-cut", "An escape of one digit.", "/caf%C"),
        ("escape-bare", "A percent sign alone.", "/caf%"),
        ("escape-no-digits", "An escape of other letters.", "/caf%XY"),
        ("escape-slash", "A slash as an escape.", "/store%2Fcarts"),
        ("escape-percent", "A percent sign as an escape.", "/store%25"),
        ("wildcard-behind-text", "A wildcard for the end of a segment.", "/store*"),
        ("wildcard-before-text", "A wildcard for its beginning.", "/*store"),
        ("wildcards-inside", "`**` that is not last.", "/**/carts"),
        ("wildcards-before-slash", "`**` in front of an empty segment.", "/store/**/"),
        ("wildcards-three", "Three wildcards in a segment.", "/store/***"),
        ("wildcards-twice", "`**` twice.", "/**/**"),
    ]
    .into_iter()
    .map(|(name, about, item)| {
        refused(&format!("pattern-refused-{name}"), about, &one_list(PATHS, &[item]))
    })
    .collect()
}

fn of_pattern(name: &str, pattern: &str, path: &str, matched: bool) -> PolicyVector {
    let about = format!("`{pattern}` and `{path}`.");
    let scenario = saying(name, &about, &one_list(PATHS, &[pattern])).path(path);
    if matched { scenario.accepted() } else { scenario.denied("path_denied") }
}

fn matches() -> Vec<PolicyVector> {
    let mut vectors: Vec<PolicyVector> = [
        ("same", "/store", "/store", true),
        ("other", "/store", "/carts", false),
        ("case", "/store", "/Store", false),
        ("longer", "/store", "/storefront", false),
        ("shorter", "/store", "/stor", false),
        ("deeper", "/store", "/store/carts", false),
        ("slash-behind", "/store", "/store/", false),
        ("slash-behind-both", "/store/", "/store/", true),
        ("slash-behind-pattern", "/store/", "/store", false),
        ("root", "/", "/", true),
        ("root-deeper", "/", "/store", false),
        ("star", "/store/*", "/store/carts", true),
        ("star-empty", "/store/*", "/store/", false),
        ("star-none", "/store/*", "/store", false),
        ("star-two", "/store/*", "/store/carts/1", false),
        ("star-slash-behind", "/store/*", "/store/carts/", false),
        ("star-then-slash", "/store/*/", "/store/carts/", true),
        ("star-root", "/*", "/", false),
        ("star-itself", "/store/*", "/store/*", true),
        ("star-inside", "/store/*/items", "/store/1/items", true),
        ("star-inside-two", "/store/*/items", "/store/1/2/items", false),
        ("star-inside-other", "/store/*/items", "/store/1/item", false),
        ("stars-none", "/store/**", "/store", true),
        ("stars-empty", "/store/**", "/store/", true),
        ("stars-one", "/store/**", "/store/a", true),
        ("stars-two", "/store/**", "/store/a/b", true),
        ("stars-longer", "/store/**", "/storefront", false),
        ("stars-shorter", "/store/**", "/", false),
        ("stars-root", "/**", "/", true),
        ("stars-all", "/**", "/a/b/c", true),
        ("star-and-stars", "/*/**", "/a", true),
        ("star-and-stars-root", "/*/**", "/", false),
        ("literal-star", "/store/carts", "/store/*", false),
        ("escape", "/caf%C3%A9", "/caf%C3%A9", true),
        ("escape-lowercase", "/caf%C3%A9", "/caf%c3%a9", false),
        ("escape-of-a-letter", "/store", "/%73tore", false),
        ("escape-in-star", "/*", "/caf%c3%a9", true),
        ("escape-star", "/%2A", "/%2A", true),
        ("escape-star-is-none", "/%2A", "/store", false),
    ]
    .into_iter()
    .map(|(name, pattern, path, matched)| {
        of_pattern(&format!("path-{name}"), pattern, path, matched)
    })
    .collect();
    let two = one_list(PATHS, &["/carts/*", "/store/**"]);
    let two = |name: &str, about: &str| saying(&format!("path-of-two-{name}"), about, &two);
    vectors.extend([
        two("first", "The first of two patterns.").path("/carts/1").accepted(),
        two("second", "The second of two patterns.").path("/store/1").accepted(),
        two("neither", "Neither of two patterns.").path("/admin").denied("path_denied"),
        two("unknown", "A path that is not known.").denied("path_denied"),
    ]);
    vectors
}

/// Segments are counted, and neither the longest pattern nor a longer path breaks the count.
fn lengths() -> Vec<PolicyVector> {
    let stars = "/*".repeat(127);
    let (slash, deep) = (format!("{stars}/"), format!("{}/**", "/*".repeat(126)));
    let path = |segments| "/a".repeat(segments);
    let literal = format!("/{}", "a".repeat(254));
    let longer = format!("/{}", "a".repeat(20_000));
    vec![
        of_pattern("path-longest-pattern", &slash, &(path(127) + "/"), true),
        of_pattern("path-longest-pattern-less", &slash, &path(127), false),
        of_pattern("path-longest-pattern-more", &slash, &path(128), false),
        of_pattern("path-127-stars", &stars, &path(127), true),
        of_pattern("path-127-stars-less", &stars, &path(126), false),
        of_pattern("path-127-stars-more", &stars, &path(128), false),
        of_pattern("path-126-stars-and-rest-less", &deep, &path(125), false),
        of_pattern("path-126-stars-and-rest", &deep, &path(300), true),
        of_pattern("path-longest-literal", &literal, &literal, true),
        of_pattern("path-longer-than-any-pattern", "/*", &longer, true),
        of_pattern("path-longer-than-a-pattern", &literal, &longer, false),
    ]
}

/// Paths that `/**` doesn't match.
fn not_plain() -> Vec<PolicyVector> {
    [
        ("empty", "A path of no byte.", ""),
        ("no-slash", "No slash in front.", "store"),
        ("asterisk", "The target of OPTIONS for a whole server.", "*"),
        ("url", "A whole URL.", "http://shop.example/store"),
        ("double-slash", "Two slashes, which some servers merge.", "/store//carts"),
        ("double-slash-first", "Two slashes in front.", "//store"),
        ("double-slash-last", "Two slashes at the end.", "/store//"),
        ("dot", "A segment `.`.", "/store/./carts"),
        ("dot-last", "A last segment `.`.", "/store/."),
        ("dot-alone", "A segment `.` alone.", "/."),
        ("dots", "A segment `..`.", "/store/../admin"),
        ("dots-last", "A last segment `..`.", "/store/.."),
        ("semicolon", "A semicolon, at which some servers cut.", "/store;v=1/carts"),
        ("dots-semicolon", "`..` in front of one.", "/store/..;/admin"),
        ("query", "A query.", "/store?a"),
        ("fragment", "A fragment.", "/store#a"),
        ("space", "A space.", "/store carts"),
        ("backslash", "A backslash.", "/store\\carts"),
        ("quote", "A character that no path has.", "/store\"carts"),
        ("bar", "Another.", "/store|carts"),
        ("circumflex", "Another.", "/store^carts"),
        ("bracket", "Another.", "/store[1]"),
        ("control", "A control character.", "/store\n"),
        ("delete", "The last of them.", "/store\u{7f}"),
        ("not-ascii", "A letter that is not ASCII.", "/caf\u{e9}"),
        ("escape-bare", "A percent sign alone.", "/store%"),
        ("escape-cut", "An escape of one digit.", "/store%4"),
        ("escape-no-digits", "An escape of other letters.", "/store%zz"),
        ("escape-sign", "A number with a sign.", "/store%+1"),
        ("escape-slash", "An escaped slash.", "/store%2Fcarts"),
        ("escape-slash-lowercase", "The same in lower case.", "/store%2fcarts"),
        ("escape-dot", "An escaped dot.", "/store/%2E%2E/admin"),
        ("escape-dot-lowercase", "The same in lower case.", "/store/%2e./admin"),
        ("escape-dot-in-name", "An escaped dot in a name.", "/store%2Ehtml"),
        ("escape-percent", "An escaped escape.", "/store%252Fcarts"),
        ("escape-semicolon", "An escaped semicolon.", "/store%3Bv"),
        ("escape-backslash", "An escaped backslash.", "/store%5Ccarts"),
        ("escape-zero", "An escaped end of a text.", "/store%00"),
        ("escape-control", "The last control below the space.", "/store%1F"),
        ("escape-delete", "The last control of ASCII.", "/store%7F"),
        ("escape-c0", "A byte that begins overlong UTF-8.", "/store%C0%AE"),
        ("escape-c1", "The other one.", "/store%c1%9c"),
        ("escape-overlong-3", "A dot in three bytes.", "/store/%e0%80%ae%e0%80%ae/admin"),
        ("escape-overlong-3-last", "The last overlong form of three bytes.", "/store%E0%9F%BF"),
        ("escape-overlong-4", "A slash in four bytes.", "/store%F0%80%80%AFcarts"),
        ("escape-overlong-4-last", "The last overlong form of four bytes.", "/store%F0%8F%BF%BF"),
        ("escape-surrogate", "A surrogate.", "/store%ED%A0%80"),
        ("escape-beyond-unicode", "The first number beyond Unicode.", "/store%F4%90%80%80"),
        ("escape-f5", "A byte that begins nothing in UTF-8.", "/store%F5%80%80%80"),
        ("escape-ff", "A byte that UTF-8 has not.", "/%FF"),
        ("escape-continuation", "A byte that follows no other.", "/%80"),
        ("escape-bf", "The last such byte.", "/%BF"),
        ("escape-latin-1", "A letter in Latin-1.", "/caf%E9"),
        ("escape-utf-8-cut", "A character that is cut off.", "/caf%C3"),
        ("escape-utf-8-parted", "A character with a slash inside.", "/caf%C3/%A9"),
        ("escape-utf-8-half", "A character of which half is escaped.", "/caf%E4%B8x"),
    ]
    .into_iter()
    .map(|(name, about, path)| {
        saying(&format!("path-not-plain-{name}"), about, &one_list(PATHS, &["/**"]))
            .path(path)
            .denied("path_denied")
    })
    .collect()
}

/// Paths that `/**` matches.
fn plain() -> Vec<PolicyVector> {
    [
        ("characters", "Every character of a path.", "/azAZ09-._~!$&'()*+,=:@"),
        ("slash-last", "An empty last segment.", "/store/"),
        ("three-dots", "A segment of three dots.", "/..."),
        ("dots-in-names", "Dots in names.", "/a.b/..c/d../.e"),
        ("escape-space", "The first character above the controls.", "/store%20carts"),
        ("escape-two-bytes-first", "The first character of two bytes.", "/%C2%80"),
        ("escape-c2", "Its first byte with another.", "/%c2%a9"),
        ("escape-two-bytes-last", "The last character of two bytes.", "/%DF%BF"),
        ("escape-three-bytes-first", "The first character of three bytes.", "/%E0%A0%80"),
        ("escape-below-surrogates", "The last character below the surrogates.", "/%ED%9F%BF"),
        ("escape-above-surrogates", "The first character above them.", "/%EE%80%80"),
        ("escape-three-bytes-last", "The last character of three bytes.", "/%EF%BF%BF"),
        ("escape-four-bytes-first", "The first character of four bytes.", "/%F0%90%80%80"),
        ("escape-four-bytes-last", "The last character of Unicode.", "/%F4%8F%BF%BF"),
        ("escape-letter", "A letter.", "/%61"),
        ("escape-dash", "The character before the dot.", "/%2D"),
        ("escape-colon", "The character before the semicolon.", "/%3A"),
        ("escape-bracket", "The character before the backslash.", "/%5B"),
        ("escape-dollar", "The character before the percent sign.", "/%24"),
        ("escape-zero-digit", "The character behind the slash.", "/%30"),
        ("escape-tilde", "The character before the last control.", "/%7E"),
    ]
    .into_iter()
    .map(|(name, about, path)| {
        saying(&format!("path-plain-{name}"), about, &one_list(PATHS, &["/**"]))
            .path(path)
            .accepted()
    })
    .collect()
}
