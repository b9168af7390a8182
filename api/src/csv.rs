//! CSV as RFC 4180 has it: a header, lines that end with CR LF, quotes where a cell needs them.

mod records;

use std::borrow::Cow;

/// What is a line of CSV.
pub(crate) trait Record {
    const COLUMNS: &'static [&'static str];

    /// One for each column.
    fn cells(&self) -> Vec<Cell<'_>>;
}

/// What stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// Null.
    Empty,
    Number(i64),
    /// Of Daybook's own making: an id, a time, a name of a closed list.
    Name(Cow<'a, str>),
    /// Of others' making.
    Text(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    pub(crate) const fn name(name: &'static str) -> Self {
        Self::Name(Cow::Borrowed(name))
    }

    pub(crate) fn shown(value: &impl ToString) -> Self {
        Self::Name(Cow::Owned(value.to_string()))
    }

    pub(crate) fn optional<T: ToString>(value: Option<&T>) -> Self {
        value.map_or(Self::Empty, Self::shown)
    }

    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(Cow::Borrowed(text)))
    }

    fn write(&self, line: &mut String) {
        match self {
            Self::Empty => {}
            Self::Number(number) => line.push_str(&number.to_string()),
            Self::Name(name) => write_quoted(name, line),
            Self::Text(text) if begins_a_formula(text) => write_quoted(&format!("'{text}"), line),
            Self::Text(text) => write_quoted(text, line),
        }
    }
}

/// Spreadsheets calculate such a cell; with an apostrophe before it they show it.
fn begins_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn write_quoted(text: &str, line: &mut String) {
    if !text.contains(['"', ',', '\r', '\n']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

pub(crate) fn header<R: Record>() -> String {
    format!("{}\r\n", R::COLUMNS.join(","))
}

pub(crate) fn lines<'a, R: Record + 'a>(records: impl IntoIterator<Item = &'a R>) -> String {
    let mut text = String::new();
    for record in records {
        for (index, cell) in record.cells().iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            cell.write(&mut text);
        }
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Line(&'static str, i64);

    impl Record for Line {
        const COLUMNS: &'static [&'static str] = &["text", "number", "name", "nothing"];

        fn cells(&self) -> Vec<Cell<'_>> {
            vec![Cell::text(Some(self.0)), Cell::Number(self.1), Cell::name("-1"), Cell::text(None)]
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
        ] {
            assert_eq!(lines(&[Line(text, 7)]), format!("{written},7,-1,\r\n"));
        }
        assert_eq!(header::<Line>(), "text,number,name,nothing\r\n");
    }

    #[test]
    fn what_others_wrote_is_no_formula_and_numbers_stay_numbers() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"] {
            assert_eq!(lines(&[Line(text, -5)]), format!("'{text},-5,-1,\r\n"));
        }
        assert_eq!(lines(&[Line("=a,b", 0)]), "\"'=a,b\",0,-1,\r\n");
    }
}
