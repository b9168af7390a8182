//! The rule for ids that people choose: short printable ASCII.

use std::sync::Arc;

/// Why a text can't be an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPrintable {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {max} characters long, but has {len}")]
    TooLong { max: usize, len: usize },
    #[error("must be printable ASCII (space to ~), but character {at} is not")]
    Unprintable { at: usize },
}

/// # Errors
/// When the text is empty, longer than `max` characters or not printable ASCII.
pub fn printable(text: &str, max: usize) -> Result<Arc<str>, NotPrintable> {
    if text.is_empty() {
        return Err(NotPrintable::Empty);
    }
    if let Some(at) = text.chars().position(|c| !matches!(c, ' '..='~')) {
        return Err(NotPrintable::Unprintable { at: at.saturating_add(1) });
    }
    if text.len() > max {
        return Err(NotPrintable::TooLong { max, len: text.len() });
    }
    Ok(Arc::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_printable_ascii_is_an_id() {
        assert_eq!(&*printable("shop 1~", 32).unwrap(), "shop 1~");
        assert_eq!(printable("", 32), Err(NotPrintable::Empty));
        assert_eq!(printable("abc", 2), Err(NotPrintable::TooLong { max: 2, len: 3 }));
        for bad in ["a\u{7f}", "a\n", "a\u{0}", "aé"] {
            assert_eq!(printable(bad, 32), Err(NotPrintable::Unprintable { at: 2 }), "{bad:?}");
        }
    }
}
