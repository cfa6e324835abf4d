//! The known name that a misspelt one probably means.

/// The name that shares more than half of `given`'s pairs of letters, and the most of all.
pub(crate) fn nearest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let pairs = given.as_bytes().windows(2);
    // Every known name is ASCII, so bytes are letters.
    let has = |name: &str, pair: &[u8]| {
        name.as_bytes().windows(2).any(|known| known.eq_ignore_ascii_case(pair))
    };
    let shared = |name: &str| pairs.clone().filter(|pair| has(name, pair)).count();
    // Of equals, the first: `max_by_key` would take the last.
    let best = known
        .iter()
        .map(|name| (shared(name), *name))
        .reduce(|one, other| if other.0 > one.0 { other } else { one })?;
    (2 * best.0 > pairs.len()).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_name_that_was_meant_is_found_and_no_other() {
        let known = ["now", "kind", "environment", "freshFor", "request"];
        for (given, meant) in [
            ("env", Some("environment")),
            ("Kind", Some("kind")),
            ("enviroment", Some("environment")),
            ("freshfor", Some("freshFor")),
            ("z", None),
            ("", None),
            ("__proto__", None),
            ("\u{1f511}\u{1f511}", None),
        ] {
            assert_eq!(nearest(given, &known), meant, "{given}");
        }
        assert_eq!(nearest("kind", &[]), None);
    }
}
