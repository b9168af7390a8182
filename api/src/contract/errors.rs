//! `docs/errors.md`: what every code means and what to do.

use crate::problem::{self, Problem};

const HEAD: &str = "\
# Errors

Every answer that is no success is an RFC 9457 problem (`application/problem+json`): `code` says what kind it is and
never changes its meaning, `detail` (and `message`, the same) what is wrong with this request, `field` which field,
parameter or header is at fault, `paymentId` which payment it concerns.

`/readyz` answers with its own JSON, and a request whose head is no HTTP, or over 32 KiB, with 400 or 431 and no body.

A repeat is safe with the same idempotency key. Where the table says to repeat, the answer has `Retry-After`, in seconds.

This page is made from the code (`api/src/problem.rs`); `cargo test --workspace --test http write_the_contract --
--ignored` writes it anew.
";

/// The page, as `docs/errors.md` has it.
#[must_use]
pub fn errors_page() -> String {
    let mut page = HEAD.to_owned();
    let mut statuses: Vec<_> = problem::ALL.iter().map(|problem| problem.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        page.push_str(&section(status));
    }
    page
}

fn section(status: u16) -> String {
    let name = hyper::StatusCode::from_u16(status).ok().and_then(|known| known.canonical_reason());
    let mut text = format!("\n## {status} {}\n\n", name.unwrap_or_default());
    text.push_str("| code | meaning | repeat? | what to do |\n|---|---|---|---|\n");
    for problem in problem::ALL.iter().filter(|problem| problem.status == status) {
        text.push_str(&line(problem));
    }
    text
}

fn line(problem: &Problem) -> String {
    let Problem { code, title, retry, remedy, .. } = problem;
    format!("| `{code}` | {title} | {} | {remedy} |\n", retry.advice())
}
