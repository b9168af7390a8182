//! `daybook migrate`: the schema in Postgres, brought up to date by its owner.

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// Applies what is missing and says what that was.
///
/// # Errors
/// When a database can't be reached, or the role may not change it.
pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    let Some(databases) = &config.databases else {
        println!("nothing to do: without --database-url, `serve` migrates SQLite itself");
        return Ok(());
    };
    let applied = wiring::migrate_postgres(config, databases).await?;
    for (migration, url) in &applied {
        println!("applied {migration} to {url}");
    }
    if applied.is_empty() {
        println!("nothing to do: the schema is up to date");
    }
    Ok(())
}
