//! Taking texts out of the texts view.

use async_trait::async_trait;
use daybook_engine::event_text::TextName;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::postgres::values::smallint;

use super::{PostgresViews, cursors, failed};
use crate::error::ViewError;
use crate::views::View;
use crate::views::texts::EraseViewTexts;

const VIEW: View = View::Texts;

#[async_trait]
impl EraseViewTexts for PostgresViews {
    async fn erase_texts(
        &self,
        partition: Partition,
        payment_id: PaymentId,
        names: &[TextName],
    ) -> Result<u64, ViewError> {
        // The cursors first, as every writer does: who comes after sees what is said here. And this commit alone
        // must outlast a power cut: nobody would erase again.
        let lock = format!("SET LOCAL synchronous_commit = on; {}", cursors::lock([partition]));
        let mut tx = self.database.begin(&lock).await?;
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let mark = sqlx::query(
            "INSERT INTO erased_text SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING",
        );
        let mark = mark.bind(smallint(partition)).bind(payment_id.uuid()).bind(&names);
        tx.execute(mark).await.map_err(failed(VIEW))?;
        let delete = sqlx::query(
            "DELETE FROM payment_text WHERE partition = $1 AND payment_id = $2
                 AND split_part(name, '.', 1) = ANY($3)",
        );
        let delete = delete.bind(smallint(partition)).bind(payment_id.uuid()).bind(&names);
        let count = tx.execute(delete).await.map_err(failed(VIEW))?;
        tx.commit().await?;
        Ok(count)
    }
}
