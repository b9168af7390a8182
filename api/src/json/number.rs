//! Numbers as they are written, digit by digit: a float would round them.

/// A number, never as a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Integer(i64),
    /// Beyond `i64`, with or without a fraction.
    TooLarge,
    TooSmall,
    Fraction,
}

impl Number {
    /// The number that JSON (RFC 8259, section 6) writes like this. `1000.0` and `1e3` are the integer 1000, as JSON
    /// Schema has it (draft 2020-12, section 6.1.1).
    pub(super) fn written(text: &str) -> Self {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Self::Integer(0);
        }
        // Of the last significant digit, as a power of ten. An exponent that no i64 holds is as good as the last one.
        let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let zeros = size(digits.len().saturating_sub(significant.len()));
        let power = exponent
            .parse()
            .unwrap_or(beyond)
            .saturating_sub(size(fraction.len()))
            .saturating_add(zeros);
        let too_far = if is_negative { Self::TooSmall } else { Self::TooLarge };
        let leading = significant.trim_start_matches('0');
        if size(leading.len()).saturating_add(power) > MOST_DIGITS {
            return too_far;
        }
        let Ok(zeros) = usize::try_from(power) else { return Self::Fraction };
        let sign = if is_negative { "-" } else { "" };
        [sign, leading, &"0".repeat(zeros)].concat().parse().map_or(too_far, Self::Integer)
    }
}

/// Of the largest `i64`.
const MOST_DIGITS: i64 = 19;

fn size(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The numbers of a JSON text, in their order.
pub(super) struct Written<'t> {
    rest: &'t str,
}

impl<'t> Written<'t> {
    pub(super) const fn of(text: &'t str) -> Self {
        Self { rest: text }
    }
}

impl<'t> Iterator for Written<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let is_of_number = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
        loop {
            let start = self.rest.find(|c: char| matches!(c, '"' | '-' | '0'..='9'))?;
            let (_, found) = self.rest.split_at(start);
            if let Some(string) = found.strip_prefix('"') {
                self.rest = behind_string(string);
                continue;
            }
            let end = found.find(|c| !is_of_number(c)).unwrap_or(found.len());
            let (number, rest) = found.split_at(end);
            self.rest = rest;
            return Some(number);
        }
    }
}

/// What follows the quote that ends it.
fn behind_string(mut string: &str) -> &str {
    loop {
        let Some(at) = string.find(['"', '\\']) else { return "" };
        let (_, found) = string.split_at(at);
        if let Some(rest) = found.strip_prefix('"') {
            return rest;
        }
        let mut escaped = found.chars();
        escaped.by_ref().take(2).for_each(drop);
        string = escaped.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_its_digits_say() {
        let table = [
            ("1000", Number::Integer(1000)),
            ("-1", Number::Integer(-1)),
            ("9223372036854775807", Number::Integer(i64::MAX)),
            ("-9223372036854775808", Number::Integer(i64::MIN)),
            ("9223372036854775808", Number::TooLarge),
            ("-9223372036854775809", Number::TooSmall),
            ("99999999999999999999999999", Number::TooLarge),
            ("-99999999999999999999", Number::TooSmall),
            ("1.0", Number::Integer(1)),
            ("1e3", Number::Integer(1000)),
            ("1E+3", Number::Integer(1000)),
            ("1.25e2", Number::Integer(125)),
            ("1200e-2", Number::Integer(12)),
            ("1200e-3", Number::Fraction),
            ("-0", Number::Integer(0)),
            ("-0.0e7", Number::Integer(0)),
            ("0e99999999999999999999", Number::Integer(0)),
            ("1e99999999999999999999", Number::TooLarge),
            ("-1e99999999999999999999", Number::TooSmall),
            ("1e-99999999999999999999", Number::Fraction),
            ("9007199254740993.0", Number::Integer(9_007_199_254_740_993)),
            ("9223372036854775807.0", Number::Integer(i64::MAX)),
            ("9223372036854775808.0", Number::TooLarge),
            ("0.99999999999999999999", Number::Fraction),
            ("1000.00000000000000000001", Number::Fraction),
            ("99999999999999999999.5", Number::TooLarge),
            ("0.1", Number::Fraction),
            ("0.001e3", Number::Integer(1)),
        ];
        for (text, number) in table {
            assert_eq!(Number::written(text), number, "{text}");
        }
    }

    #[test]
    fn numbers_in_strings_are_none() {
        let text = r#"{"1":"-2\"3","a\\":4,"b":[5e1,-6.5,"7\\"],"€":8}"#;
        assert_eq!(Written::of(text).collect::<Vec<_>>(), ["4", "5e1", "-6.5", "8"]);
    }
}
