//! Wrapping the page's prose.

const WIDTH: usize = 100;

/// Wraps prose at 100 columns. Tables, headings, lists and code blocks stay as they are.
pub(super) fn wrapped(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut in_code = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        let is_prose = !in_code && line.starts_with(|first: char| first.is_alphanumeric());
        let width = if is_prose { WIDTH } else { usize::MAX };
        let mut column = 0;
        for word in line.split(' ') {
            let len = word.chars().count();
            if column > 0 {
                let fits = column + 1 + len <= width;
                text.push(if fits { ' ' } else { '\n' });
                column = if fits { column + 1 } else { 0 };
            }
            text.push_str(word);
            column += len;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_prose_is_wrapped() {
        let words = ["word"; 30].join(" ");
        let page = wrapped(&format!("{words}\n\n| {words} |\n```text\n{words}\n```\n"));
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines[..2], [["word"; 20].join(" "), ["word"; 10].join(" ")]);
        assert_eq!(lines[3..], [&format!("| {words} |"), "```text", &words, "```"]);
        assert_eq!(wrapped(&page), page);
        assert_eq!(wrapped("a    bar  of  code\n"), "a    bar  of  code\n");
    }
}
