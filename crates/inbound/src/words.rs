//! Numbers and ages as people read them.

/// A number with thousands separated: `1,204`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun: `1 server`, `1,204 servers`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A span of seconds in its largest fitting unit: `40 s`, `6 min`, `3 h`, `2 d`.
#[must_use]
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", thousands(seconds / 86_400)),
    }
}

/// A part of a whole, in percent with two digits: `33.33%`. Rounded down, so that parts never exceed it.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let share = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}%", share / 100, share % 100)
}

/// Things one after the other: `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list<T: AsRef<str>>(things: &[T]) -> String {
    let things: Vec<_> = things.iter().map(AsRef::as_ref).collect();
    match things.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        assert_eq!([0, 999, 1_204, 1_000_000].map(thousands), ["0", "999", "1,204", "1,000,000"]);
        assert_eq!(
            [0, 59, 60, 3_599, 3_600, 86_399, 86_400].map(age),
            ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d"]
        );
        let shares = [(1, 3), (3, 3), (0, 0), (1, 100_000)].map(|(part, whole)| percent(part, whole));
        assert_eq!(shares, ["33.33%", "100.00%", "0.00%", "0.00%"]);
        assert_eq!([&[][..], &["a"], &["a", "b"], &["a", "b", "c"]].map(list), ["", "a", "a and b", "a, b and c"]);
        assert_eq!(count(1, "key", "keys"), "1 key");
        assert_eq!(count(0, "key", "keys"), "0 keys");
    }

    proptest! {
        #[test]
        fn parts_are_never_more_than_their_whole(parts in proptest::collection::vec(0_u64..u64::MAX / 8, 0..6)) {
            let whole = parts.iter().sum();
            let hundredths = |text: String| text.trim_end_matches('%').replace('.', "").parse::<u64>().unwrap();
            prop_assert!(parts.iter().map(|part| hundredths(percent(*part, whole))).sum::<u64>() <= 10_000);
        }

        #[test]
        fn separators_change_no_digit(number: u64) {
            let text = thousands(number);
            prop_assert_eq!(text.replace(',', ""), number.to_string());
            prop_assert!(text.rsplit(',').skip(1).all(|group| !group.is_empty() && group.len() <= 3));
        }
    }
}
