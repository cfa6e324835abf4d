//! The tokens of a Rust file, without comments, literals and code under `cfg(test)`.

/// A word, `::`, or one character of punctuation.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Reads the tokens of `source`. A literal is one token, `"`.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut found = Vec::new();
    let (mut index, mut line) = (0, 1);
    while index < chars.len() {
        let start = index;
        let mut text = None;
        match at(index) {
            '/' if at(index + 1) == '/' => {
                while index < chars.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            '/' if at(index + 1) == '*' => {
                let mut depth = 0_usize;
                loop {
                    match (at(index), at(index + 1)) {
                        ('/', '*') => (depth, index) = (depth + 1, index + 2),
                        ('*', '/') => (depth, index) = (depth - 1, index + 2),
                        _ => index += 1,
                    }
                    if depth == 0 || index >= chars.len() {
                        break;
                    }
                }
            }
            '"' => {
                index = quoted(&chars, index, '"');
                text = Some("\"".to_owned());
            }
            // `'a'` and `'\n'` are characters; `'a` is a lifetime.
            '\'' if at(index + 1) == '\\' || at(index + 2) == '\'' => {
                index = quoted(&chars, index, '\'');
                text = Some("\"".to_owned());
            }
            ':' if at(index + 1) == ':' => {
                index += 2;
                text = Some("::".to_owned());
            }
            c if c.is_alphanumeric() || c == '_' => {
                while at(index).is_alphanumeric() || at(index) == '_' {
                    index += 1;
                }
                let word: String = chars[start..index].iter().collect();
                let is_prefix = ["r", "b", "br", "c", "cr"].contains(&word.as_str());
                let raw = word.contains('r').then(|| raw_end(&chars, index)).flatten();
                let end = match at(index) {
                    '"' | '#' if is_prefix && raw.is_some() => raw,
                    '"' if is_prefix => Some(quoted(&chars, index, '"')),
                    '\'' if word == "b" => Some(quoted(&chars, index, '\'')),
                    _ => None,
                };
                text = Some(end.map_or(word, |_| "\"".to_owned()));
                index = end.unwrap_or(index);
            }
            c if c.is_whitespace() => index += 1,
            c => {
                index += 1;
                text = Some(c.to_string());
            }
        }
        found.extend(text.map(|text| Token { text, line }));
        line += chars[start..index.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    without_tests(found)
}

/// The index after the literal that opens at `index`.
fn quoted(chars: &[char], mut index: usize, quote: char) -> usize {
    index += 1;
    while index < chars.len() && chars[index] != quote {
        index += if chars[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

/// The index after the raw string with its hashes or quote at `index`.
fn raw_end(chars: &[char], index: usize) -> Option<usize> {
    let hashes = chars[index..].iter().take_while(|c| **c == '#').count();
    if chars.get(index + hashes) != Some(&'"') {
        return None;
    }
    let mut end = index + hashes + 1;
    while end < chars.len() {
        let closes = chars[end] == '"'
            && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        end += 1;
        if closes {
            return Some(end + hashes);
        }
    }
    Some(end)
}

/// Drops each item with `#[cfg(test)]` or `#[cfg(all(test, …))]`: a test may import anything.
fn without_tests(all: Vec<Token>) -> Vec<Token> {
    let texts: Vec<&str> = all.iter().map(|token| token.text.as_str()).collect();
    let mut dropped = vec![false; all.len()];
    let mut index = 0;
    while index < texts.len() {
        let rest = &texts[index..];
        if rest.starts_with(&["#", "[", "cfg", "(", "test", ")", "]"])
            || rest.starts_with(&["#", "[", "cfg", "(", "all", "(", "test"])
        {
            let end = item_end(&texts, index);
            dropped[index..end].fill(true);
            index = end;
        } else {
            index += 1;
        }
    }
    all.into_iter().zip(dropped).filter(|(_, dropped)| !dropped).map(|(token, _)| token).collect()
}

/// The index after the item with its attribute at `index`.
fn item_end(texts: &[&str], mut index: usize) -> usize {
    let mut depth = 0_usize;
    let mut is_attribute = false;
    while index < texts.len() {
        match texts[index] {
            "#" if depth == 0 => is_attribute = true,
            "(" | "[" | "{" => depth += 1,
            closing @ (")" | "]" | "}") => {
                depth -= 1;
                if depth == 0 && closing == "}" {
                    return index + 1;
                }
                if depth == 0 && closing == "]" && is_attribute {
                    is_attribute = false;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_hide_nothing_and_add_nothing() {
        let source = "a /* crate::x /* y */ */ b // crate::z\n\"crate::q \\\" r\" 'c' '\\'' 's r#\"k\"l\"# m r\"n\\\" o b\"p\" r#type";
        let expected = "a b \" \" \" ' s \" m \" o \" r # type";
        let expected: Vec<&str> = expected.split(' ').collect();
        assert_eq!(texts(source), expected);
    }

    #[test]
    fn code_for_tests_is_left_out() {
        let source =
            "use a::b; #[cfg(test)] #[path = \"x\"] mod tests; c #[cfg(test)] mod t { d { e } } f";
        assert_eq!(texts(source), ["use", "a", "::", "b", ";", "c", "f"]);
    }
}
