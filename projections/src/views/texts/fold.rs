//! The fold: an event's texts as rows, metadata as one for each name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::event_text::{EventText, TextName};
use daybook_engine::ids::{Partition, PaymentId};

use super::PaymentTexts;
use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::{DecodedEvent, View};

pub const PAYMENT_TEXT: Table = Table {
    view: View::Texts,
    name: "payment_text",
    key: Key::Id,
    identity: 3,
    payment: Some(1),
    columns: &["partition", "payment_id", "version", "name", "value", "created_at"],
    kinds: &[Kind::Integer, Kind::Id, Kind::Integer, Kind::Text, Kind::Text, Kind::Time],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRow {
    pub partition: Partition,
    pub payment_id: PaymentId,
    /// Of the event that it was written with.
    pub version: u32,
    /// `reference`, `reason`, or `metadata.NAME`; `metadata` for what is no object of texts.
    pub name: String,
    pub value: String,
    /// The event's; so of a reference or metadata, when the payment was created.
    pub created_at: Timestamp,
}

impl TextRow {
    /// The name of the text that it is, or is a part of.
    #[must_use]
    pub fn text_name(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(text, _)| text)
    }
}

impl Row for TextRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::Id(self.payment_id.uuid()),
            Cell::Integer(self.version.into()),
            Cell::text(&self.name),
            Cell::text(&self.value),
            Cell::time(self.created_at),
        ]
    }
}

/// Erased texts come to no row.
#[derive(Debug)]
pub struct TextsFold<'t> {
    pub texts: &'t PaymentTexts,
    pub rows: Vec<TextRow>,
}

impl<'t> TextsFold<'t> {
    #[must_use]
    pub const fn new(texts: &'t PaymentTexts) -> Self {
        Self { texts, rows: Vec::new() }
    }
}

impl Fold for TextsFold<'_> {
    fn step(&mut self, (recorded, event): &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let Some(texts) = self.texts.get(&recorded.payment_id) else { return Ok(()) };
        let of_event = texts.iter().filter(|text| text.version == recorded.version);
        for (name, value) in of_event.flat_map(parts) {
            self.rows.push(TextRow {
                partition: recorded.partition,
                payment_id: recorded.payment_id,
                version: recorded.version,
                name,
                value,
                created_at: event.header.at,
            });
        }
        Ok(())
    }
}

fn parts(text: &EventText) -> Vec<(String, String)> {
    let (name, Some(value)) = (text.name.as_str(), &text.text) else { return Vec::new() };
    let pairs = match text.name {
        TextName::Metadata => serde_json::from_str::<BTreeMap<String, String>>(value).ok(),
        TextName::Reference | TextName::Reason => None,
    };
    match pairs {
        Some(pairs) => {
            pairs.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)).collect()
        }
        None => vec![(name.to_owned(), value.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: TextName, text: Option<&str>) -> EventText {
        EventText { version: 1, name, salt: None, text: text.map(Into::into) }
    }

    #[test]
    fn metadata_is_a_row_for_each_name_and_what_was_erased_is_none() {
        let rows = |name, value| {
            let parts = parts(&text(name, value));
            parts.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let pairs = rows(TextName::Metadata, Some(r#"{"a.b":"1","colour":"red"}"#));
        assert_eq!(pairs, ["metadata.a.b=1", "metadata.colour=red"]);
        assert_eq!(rows(TextName::Metadata, Some("[1]")), ["metadata=[1]"]);
        assert_eq!(rows(TextName::Reference, Some(r#"{"a":"b"}"#)), [r#"reference={"a":"b"}"#]);
        assert_eq!(rows(TextName::Reason, None), Vec::<String>::new());
    }
}
