//! The statement of a page, but for what only one store says.

use super::list::{Domain, Filter, KeyColumn, Test};
use super::page::{Key, PageQuery, Select, TextCondition};
use super::row::Cell;

/// What the stores say differently.
pub(in crate::views) trait Dialect {
    /// A parameter, from 1 on.
    fn place(number: usize) -> String;

    /// A parameter as a column of this domain is compared with it.
    fn compared(place: String, domain: Domain) -> String;

    /// A column of the key, as it is read.
    fn shown(column: &KeyColumn, name: &str) -> String;

    /// A column that must not choose the index.
    fn passed_over(column: String) -> String;

    /// The rows of a table that are of one of few payments, which are found by this condition on `payment_text`:
    /// they are looked up, whatever the store takes their number for.
    fn among(table: &str, indexed: &str) -> String;
}

/// How rows are found by their payment's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::views) enum Search {
    /// Along the index of this text, which has payments in the order of their creation.
    Along(usize),
    /// Among the few payments that have this text.
    Among(usize),
    /// As if no text were asked for: each row is asked for its own.
    Beside,
}

/// From so many payments on, those that have a text are not looked up one by one and sorted: among a million, spread
/// evenly, a page of the list's own order is found sooner.
pub(in crate::views) const MANY: i64 = 5000;

/// How many payments have a text, counted as far as [`MANY`]: name, value and [`MANY`] are its parameters.
pub(in crate::views) fn count<D: Dialect>() -> String {
    format!(
        "SELECT count(*) FROM (SELECT 1 FROM payment_text
             WHERE name = {} AND value = {} AND {INDEXED} LIMIT {}) AS counted",
        D::place(1),
        D::place(2),
        D::place(3)
    )
}

impl Search {
    /// By the text that the fewest payments have; `counts` are those of [`count`], in the order of the texts.
    pub(in crate::views) fn of(query: &PageQuery, counts: &[i64]) -> Self {
        let Some((index, count)) = counts.iter().enumerate().min_by_key(|(_, count)| **count)
        else {
            return Self::Beside;
        };
        let is_by_creation = query.order().name == "createdAt";
        // Of one merchant's payments the order has an index too.
        let is_of_merchant =
            query.conditions().iter().any(|condition| condition.filter.domain == Domain::Merchant);
        match (is_by_creation, *count < MANY) {
            (true, is_rare) if is_rare || !is_of_merchant => Self::Along(index),
            (false, true) => Self::Among(index),
            _ => Self::Beside,
        }
    }
}

/// A text as its index has it: longer ones are in none.
const INDEXED: &str = "length(payment_text.value) <= 500";

/// The statement, and the values it takes before its limit.
pub(in crate::views) fn statement<D: Dialect>(
    query: &PageQuery,
    after: Option<Key>,
    select: &Select,
    search: Search,
) -> (String, Vec<Cell<'static>>) {
    let table = select.table;
    let of_key = if matches!(search, Search::Along(_)) { "payment_text" } else { table };
    let mut written = Written::default();
    for (index, text) in query.texts().iter().enumerate() {
        written.text::<D>(text, index, table, search);
    }
    let chosen = chosen(query, search);
    let lead = query.order().key[0].0;
    for condition in query.conditions() {
        let filter = condition.filter;
        let place = D::compared(written.place::<D>(condition.value.clone()), filter.domain);
        let test = filter.test.symbol();
        if let Some(sum) = select.sum(filter.column) {
            written.having.push(format!("{sum} {test} {place}"));
            continue;
        }
        let is_lead = filter.column == lead;
        let column = format!("{}.{}", if is_lead { of_key } else { table }, filter.column);
        // No index has the order of a sum, which is there after the grouping only.
        let may_choose = is_lead || chosen == Some(filter) || select.sum(lead).is_some();
        let column = if may_choose { column } else { D::passed_over(column) };
        written.conditions.push(format!("{column} {test} {place}"));
    }

    let name = |column: &KeyColumn| match select.sum(column.0) {
        Some(sum) => sum.to_owned(),
        None => format!("{of_key}.{}", column.0),
    };
    let key = query.order().key;
    let names: Vec<String> = key.iter().map(name).collect();
    let (comparison, direction) = if query.is_descending() { ("<", "DESC") } else { (">", "ASC") };
    if let Some(after) = after {
        let values = after.into_iter().zip(key);
        let places: Vec<String> = values
            .map(|(value, column)| D::compared(written.place::<D>(value), column.1))
            .collect();
        let is_summed = key.iter().any(|column| select.sum(column.0).is_some());
        let beyond = format!("({}) {comparison} ({})", names.join(", "), places.join(", "));
        if is_summed { &mut written.having } else { &mut written.conditions }.push(beyond);
    }

    let shown: Vec<String> =
        key.iter().zip(&names).map(|(column, name)| D::shown(column, name)).collect();
    let order: Vec<String> = names.iter().map(|name| format!("{name} {direction}")).collect();
    let from = match search {
        // The store that takes joins as they stand walks along the first.
        Search::Along(_) => format!("payment_text CROSS JOIN {table}"),
        Search::Among(_) | Search::Beside => match &written.few {
            Some(few) => format!("({few}) AS {table}"),
            None => table.to_owned(),
        },
    };
    let totals = select.totals.map_or_else(String::new, |totals| {
        format!("GROUP BY {} HAVING {}", totals.group_by, all(&written.having))
    });
    let limit = D::place(written.values.len().saturating_add(1));
    let sql = format!(
        "SELECT {}, {} FROM {from} WHERE {} {totals} ORDER BY {} LIMIT {limit}",
        select.columns,
        shown.join(", "),
        all(&written.conditions),
        order.join(", "),
    );
    (sql, written.values)
}

/// The one filter besides the order that may choose an index: the first of the list's that is given, where it
/// names a value. A text that few payments have leaves none to choose.
fn chosen(query: &PageQuery, search: Search) -> Option<&'static Filter> {
    let given = |filter: &&Filter| {
        query.conditions().iter().any(|condition| condition.filter.name == filter.name)
    };
    let first = query.list.filters.iter().find(given)?;
    (first.test == Test::Is && !matches!(search, Search::Among(_))).then_some(first)
}

fn all(conditions: &[String]) -> String {
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

/// What is written so far.
#[derive(Default)]
struct Written {
    conditions: Vec<String>,
    /// Of sums, which are there after the grouping only.
    having: Vec<String>,
    values: Vec<Cell<'static>>,
    /// Where few rows are taken from, in place of the table.
    few: Option<String>,
}

impl Written {
    fn place<D: Dialect>(&mut self, value: Cell<'static>) -> String {
        self.values.push(value);
        D::place(self.values.len())
    }

    fn text<D: Dialect>(
        &mut self,
        text: &TextCondition,
        index: usize,
        table: &str,
        search: Search,
    ) {
        let name = self.place::<D>(Cell::Text(text.name.clone().into()));
        let value = self.place::<D>(Cell::Text(text.value.clone().into()));
        let indexed =
            format!("payment_text.name = {name} AND payment_text.value = {value} AND {INDEXED}");
        self.conditions.push(match search {
            Search::Along(leading) if leading == index => format!(
                "{indexed} AND {table}.partition = payment_text.partition
                 AND {table}.payment_id = payment_text.payment_id"
            ),
            Search::Among(leading) if leading == index => {
                self.few = Some(D::among(table, &indexed));
                return;
            }
            // One row by its key: an EXISTS might be joined with all that have the text.
            _ => format!(
                "(SELECT other.value FROM payment_text AS other
                      WHERE other.partition = {table}.partition
                        AND other.payment_id = {table}.payment_id
                        AND other.version = 1 AND other.name = {name}) = {value}"
            ),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::{operations, payments};

    #[test]
    fn the_text_that_the_fewest_payments_have_leads() {
        let by_creation = PageQuery::of(&payments::LIST);
        assert_eq!(Search::of(&by_creation, &[MANY, 3, 7]), Search::Along(1));
        assert_eq!(Search::of(&by_creation, &[MANY, MANY]), Search::Along(0));
        let mut of_merchant = by_creation.clone();
        of_merchant.filter(&payments::LIST.filters[0], Cell::text("shop-1"));
        assert_eq!(Search::of(&of_merchant, &[MANY]), Search::Beside);
        assert_eq!(Search::of(&of_merchant, &[MANY - 1]), Search::Along(0));
        let by_request = PageQuery::of(&operations::LIST);
        assert_eq!(Search::of(&by_request, &[MANY, 3, 7]), Search::Among(1));
        assert_eq!(Search::of(&by_request, &[MANY - 1]), Search::Among(0));
        assert_eq!(Search::of(&by_request, &[MANY, MANY]), Search::Beside);
        assert_eq!(Search::of(&by_creation, &[]), Search::Beside);
    }
}
