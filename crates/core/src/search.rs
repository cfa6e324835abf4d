//! Search in a sorted sequence that begins near the place where it will end.

/// The first place at or below `len` whose element isn't below what is looked for. `below` says that
/// of the element at a place, and is true of none behind one of which it isn't.
///
/// From `near` the steps double, so that a good guess costs a few comparisons, and the worst one
/// twice as many as a binary search.
pub(crate) fn lower_bound(len: usize, near: usize, below: impl Fn(usize) -> bool) -> usize {
    let mut low = near.min(len);
    let mut high = low;
    let mut step = 2;
    // Every place before `low` is below, and no place from `high` on.
    if high < len && below(high) {
        while high < len && below(high) {
            low = high + 1;
            high = len.min(high + step);
            step *= 2;
        }
    } else {
        while let Some(before) = low.checked_sub(1).filter(|before| !below(*before)) {
            high = before;
            low = before.saturating_sub(step);
            step *= 2;
        }
    }
    while low < high {
        let middle = low.midpoint(high);
        if below(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn whatever_the_guess_the_place_is_that_of_a_binary_search() {
        for len in 0..40_usize {
            for steps in [1, 3] {
                let numbers: Vec<usize> = (0..len).map(|at| at / steps * 2).collect();
                for wanted in 0..len * 2 + 3 {
                    let expected = numbers.partition_point(|number| *number < wanted);
                    for near in 0..len + 3 {
                        let found = lower_bound(len, near, |at| numbers[at] < wanted);
                        assert_eq!(found, expected, "{wanted} near {near} of {len}");
                    }
                }
            }
        }
    }
}
