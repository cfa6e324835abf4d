//! Random sets of serials, the same in every run.

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        ((self.next() >> 32) * u64::from(bound) >> 32) as u32
    }
}

/// `count` of the numbers below `capacity`, every such set as likely as any other, ascending
/// (Knuth's algorithm S).
pub fn subset(capacity: u32, count: u32) -> Vec<u32> {
    let mut random = Random(u64::from(capacity) << 32 | u64::from(count));
    let mut members = Vec::with_capacity(count as usize);
    for number in 0..capacity {
        let missing = count - members.len() as u32;
        if random.below(capacity - number) < missing {
            members.push(number);
        }
    }
    members
}

/// `count` numbers below `capacity`, drawn at random, that are not in the ascending `excluded`.
pub fn others(capacity: u32, excluded: &[u32], count: usize) -> Vec<u32> {
    let mut random = Random(7);
    std::iter::repeat_with(|| random.below(capacity))
        .filter(|number| excluded.binary_search(number).is_err())
        .take(count)
        .collect()
}

/// `log2 C(capacity, count)` in bytes: no code for such sets can be shorter on average.
pub fn bound(capacity: u32, count: u32) -> f64 {
    let ln_factorial = |n: u32| libm::lgamma(f64::from(n) + 1.0);
    let nats = ln_factorial(capacity) - ln_factorial(count) - ln_factorial(capacity - count);
    nats / std::f64::consts::LN_2 / 8.0
}
