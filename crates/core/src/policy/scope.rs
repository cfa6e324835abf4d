//! Scopes: `orders:read`, and grants that cover many of them by segment.

/// The longest scope, granted or needed.
const MAX_LEN: usize = 255;

/// Whether `text` is segments of `[a-z0-9_.-]+` joined by colons. In a grant a segment may be `*`.
pub(crate) fn is_scope(text: &[u8], is_grant: bool) -> bool {
    text.len() <= MAX_LEN
        && text.split(|b| *b == b':').all(|segment| {
            (is_grant && segment == b"*")
                || (!segment.is_empty()
                    && segment
                        .iter()
                        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-')))
        })
}

/// Whether `grant` covers the scope `required`, segment by segment. `*` matches any one segment,
/// and at the end any one or more.
pub(crate) fn covers(mut grant: &[u8], mut required: &[u8]) -> bool {
    loop {
        (grant, required) = match (grant, required) {
            (b"", b"") | (b"*", [_, ..]) => return true,
            ([b'*', rest @ ..], [_, ..]) => {
                let end = required.iter().position(|b| *b == b':').unwrap_or(required.len());
                (rest, required.get(end..).unwrap_or_default())
            }
            ([a, grant @ ..], [b, required @ ..]) if a == b => (grant, required),
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_cover_by_segment() {
        let cases = [
            ("orders:read", "orders:read", true),
            ("orders:read", "orders:write", false),
            ("orders", "orders:read", false),
            ("orders:read", "orders", false),
            ("orders:read", "orders:read:own", false),
            ("orders:*", "orders:read", true),
            ("orders:*", "orders:read:own", true),
            ("orders:*", "orders", false),
            ("orders:*", "orders2:read", false),
            ("orders:*:own", "orders:read:own", true),
            ("orders:*:own", "orders:own", false),
            ("orders:*:own", "orders:read:all:own", false),
            ("*:read", "orders:read", true),
            ("*:read", "orders:items:read", false),
            ("*:*", "orders", false),
            ("*:*", "orders:items:read", true),
            ("*", "orders", true),
            ("*", "orders:items:read", true),
        ];
        for (grant, required, covered) in cases {
            assert!(is_scope(grant.as_bytes(), true));
            assert_eq!(
                covers(grant.as_bytes(), required.as_bytes()),
                covered,
                "{grant} {required}"
            );
        }
    }

    #[test]
    fn a_scope_has_no_wildcards_and_a_grant_only_whole_ones() {
        for text in
            ["", ":", "orders:", ":read", "a::b", "Orders", "orders read", "a*", "a:*b", "**"]
        {
            assert!(!is_scope(text.as_bytes(), true), "{text}");
        }
        assert!(is_scope(b"orders-2.x:read_all", false));
        assert!(!is_scope(b"*", false));
        assert!(!is_scope(b"orders:*", false));
        assert!(is_scope(&[b'a'; 255], false) && !is_scope(&[b'a'; 256], false));
    }
}
