//! Refusing a connection: the answer first, then time to read it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// A socket closed with unread input resets the connection, and the answer may be lost.
const LINGER: Duration = Duration::from_secs(1);

pub(super) async fn refuse(mut stream: TcpStream, retry_after: u32, permit: OwnedSemaphorePermit) {
    let said = timeout(LINGER, async {
        stream.write_all(answer(retry_after).as_bytes()).await?;
        stream.shutdown().await?;
        let mut dropped = [0; 4096];
        while stream.read(&mut dropped).await? > 0 {}
        std::io::Result::Ok(())
    });
    if let Ok(Err(error)) = said.await {
        tracing::debug!(%error, "a refused connection ended early");
    }
    drop(permit);
}

fn answer(retry_after: u32) -> String {
    let problem = crate::problem::OVERLOADED;
    let detail = "too many connections: try again in a moment";
    let body = format!(
        r#"{{"type":"urn:daybook:problem:{code}","title":"{title}","status":503,"detail":"{detail}","code":"{code}","message":"{detail}"}}"#,
        code = problem.code,
        title = problem.title,
    );
    format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         content-type: application/problem+json\r\n\
         content-length: {len}\r\n\
         retry-after: {retry_after}\r\n\
         connection: close\r\n\r\n{body}",
        len = body.len(),
    )
}
