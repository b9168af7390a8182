//! The server's own counters, from its /metrics page.

use std::net::SocketAddr;

use hyper::Uri;

use crate::client::Connection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LedgerCounters {
    pub(crate) commits: u64,
    pub(crate) events: u64,
}

/// A counter of the server's, over all its label sets; `None` where it has none of that name.
pub(crate) async fn counter(server: SocketAddr, name: &str) -> Option<u64> {
    total(&page(server).await?, name)
}

/// A figure of the server's, summed over all its label sets; `None` where it has none of that name.
pub(crate) async fn figure(server: SocketAddr, name: &str) -> Option<f64> {
    let page = page(server).await?;
    let values = page.lines().filter_map(|line| sample(line, name)?.parse::<f64>().ok());
    values.reduce(|sum, value| sum + value)
}

async fn page(server: SocketAddr) -> Option<String> {
    let page = Connection::new(server).get(&Uri::from_static("/metrics")).await.ok()?;
    if page.status == 200 { String::from_utf8(page.body.to_vec()).ok() } else { None }
}

impl LedgerCounters {
    /// `None` where the server has no such page or no such counters.
    pub(crate) async fn read(server: SocketAddr) -> Option<Self> {
        Self::parse(&page(server).await?)
    }

    fn parse(page: &str) -> Option<Self> {
        Some(Self {
            commits: total(page, "daybook_ledger_commits_total")?,
            events: total(page, "daybook_ledger_events_total")?,
        })
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            commits: self.commits.saturating_add(other.commits),
            events: self.events.saturating_add(other.events),
        }
    }

    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            commits: self.commits.saturating_sub(before.commits),
            events: self.events.saturating_sub(before.events),
        }
    }
}

/// The sum of a counter over all its label sets.
fn total(page: &str, name: &str) -> Option<u64> {
    let values = page.lines().filter_map(|line| sample(line, name)?.parse().ok());
    values.reduce(u64::saturating_add)
}

fn sample<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    let value = match rest.strip_prefix('{') {
        Some(labelled) => labelled.rsplit_once('}')?.1,
        None => rest.strip_prefix(' ')?,
    };
    value.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let page = "# TYPE daybook_ledger_commits counter\n\
                    daybook_ledger_commits_total 12\n\
                    daybook_ledger_events_total{type=\"a b\"} 40\n\
                    daybook_ledger_events_total{type=\"c\"} 2\n\
                    daybook_ledger_events_total_other 7\n";
        let counters = LedgerCounters { commits: 12, events: 42 };
        assert_eq!(LedgerCounters::parse(page), Some(counters));
        assert_eq!(LedgerCounters::parse("daybook_ledger_commits_total 12\n"), None);
    }
}
