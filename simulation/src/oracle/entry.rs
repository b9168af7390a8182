//! An event as it stands in the ledger, read as the JSON text that it is.

use serde_json::Value;

/// One event. Ids and times are texts: two are the same where their texts are.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub partition: u16,
    pub position: u64,
    pub payment: String,
    pub version: u32,
    pub id: String,
    /// Its type without `payment.`.
    pub kind: String,
    /// The data, byte for byte.
    pub text: String,
    /// The same, parsed; null where it is no JSON.
    pub data: Value,
    /// The trace context of the request that recorded it.
    pub trace: Option<String>,
}

impl Entry {
    /// A field's text; empty where there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.data[name].as_str().unwrap_or_default()
    }

    /// A field's whole number; 0 where there is none.
    pub(super) fn number_of(&self, name: &str) -> i64 {
        self.data[name].as_i64().unwrap_or_default()
    }

    pub(super) fn operation(&self) -> &str {
        self.text_of("operationId")
    }

    pub(super) fn at(&self) -> &str {
        self.text_of("at")
    }

    /// A text of the acquirer's answer.
    pub(super) fn acquirer(&self, name: &str) -> Option<String> {
        self.data["acquirer"][name].as_str().map(str::to_owned)
    }

    /// The key of the request that it records.
    pub(super) fn key(&self) -> Option<String> {
        self.data["request"]["key"].as_str().map(str::to_owned)
    }

    /// The lines of its journal entry: account, whether it is a debit, amount.
    pub(super) fn postings(&self) -> Vec<(String, bool, i64)> {
        let lines = self.data["journal"].as_array().cloned().unwrap_or_default();
        let line = |line: &Value| {
            let account = line["account"].as_str().unwrap_or_default().to_owned();
            let is_debit = line["side"] == "debit";
            (account, is_debit, line["amount"].as_i64().unwrap_or_default())
        };
        lines.iter().map(line).collect()
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{} {} of payment {}", self.partition, self.position, self.kind, self.payment)
    }
}
