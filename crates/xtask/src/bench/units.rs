//! Figures with their units, as a page and a terminal show them.

/// Formats nanoseconds in a unit that leaves about three digits.
pub(crate) fn time(nanos: f64) -> String {
    let scaled = [(1e9, "s"), (1e6, "ms"), (1e3, "us")];
    match scaled.into_iter().find(|(unit, _)| nanos.abs() >= *unit) {
        Some((unit, name)) => format!("{:.2} {name}", nanos / unit),
        None => format!("{nanos:.0} ns"),
    }
}

pub(crate) fn bytes(count: f64) -> String {
    format!("{} B", grouped(count))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a file")]
pub(crate) fn grouped(count: f64) -> String {
    let digits = (count.round() as u64).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{bytes, time};

    #[test]
    fn figures_read_well() {
        assert_eq!(time(84.6), "85 ns");
        assert_eq!(time(1_437.0), "1.44 us");
        assert_eq!(time(2_266_295.0), "2.27 ms");
        assert_eq!(bytes(1_009_913.4), "1,009,913 B");
        assert_eq!(bytes(154.0), "154 B");
    }
}
