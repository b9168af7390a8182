//! Migrations: numbered scripts, each applied once, in order. Every store has the same numbers and
//! names; `migrations/README.md` has the rules they follow.

/// One numbered script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    pub number: u32,
    pub name: &'static str,
    pub sql: &'static str,
}

impl std::fmt::Display for Migration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}_{}", self.number, self.name)
    }
}
