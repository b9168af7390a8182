//! An operation of a payment, as its events tell it.

use super::entry::Entry;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    Unknown,
    Succeeded,
    Failed,
}

impl Progress {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Unknown => "UNKNOWN",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) verb: &'static str,
    /// As it was asked for.
    pub(super) amount: i64,
    pub(super) progress: Progress,
    /// What was moved; 0 until it succeeded.
    pub(super) settled: i64,
    pub(super) is_final: bool,
    pub(super) key: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) requested_at: String,
    pub(super) completed_at: Option<String>,
    pub(super) transaction: Option<String>,
    pub(super) response: Option<String>,
    /// What a late outcome said.
    pub(super) late: Option<String>,
    /// All that was heard of it, its outcome first: whether it was executed, and with which amount.
    pub(super) words: Vec<(bool, i64)>,
    /// `sendBefore` of an authorization.
    pub(super) send_before: Option<String>,
}

impl Operation {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Pending | Progress::Unknown)
    }

    /// As its request event tells it.
    pub(super) fn begin(entry: &Entry, verb: &'static str) -> Self {
        Self {
            id: entry.operation().to_owned(),
            key: entry.key(),
            trace: entry.trace.clone(),
            requested_at: entry.at().to_owned(),
            send_before: entry.data["sendBefore"].as_str().map(str::to_owned),
            ..Self::would_be(verb, entry.number_of("amount"), entry.data["final"] == true)
        }
    }

    /// As a request that is tried out would begin it.
    pub(super) fn would_be(verb: &'static str, amount: i64, is_final: bool) -> Self {
        Self {
            id: String::new(),
            verb,
            amount,
            progress: Progress::Pending,
            settled: 0,
            is_final,
            key: None,
            trace: None,
            requested_at: String::new(),
            completed_at: None,
            transaction: None,
            response: None,
            late: None,
            words: Vec::new(),
            send_before: None,
        }
    }

    /// As an outcome event tells it.
    pub(super) fn succeed_or_fail(&mut self, entry: &Entry, is_success: bool, amount: i64) {
        self.progress = if is_success { Progress::Succeeded } else { Progress::Failed };
        self.settled = if is_success { amount } else { 0 };
        self.completed_at = Some(entry.at().to_owned());
        self.transaction = entry.acquirer("transactionId");
        self.response = entry.acquirer("responseCode");
    }
}
