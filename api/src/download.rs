//! An answer that is made page by page while its client reads: no more of it is held than one page.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use crate::error::ApiError;

/// A part of the answer.
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    /// What makes the next; `None` at the end.
    pub(crate) rest: Option<Making>,
}

/// The next part, on its way.
pub(crate) type Making = Pin<Box<dyn Future<Output = Result<Part, ApiError>> + Send>>;

/// The body. An error cuts the connection before the last chunk, so that no client takes a part for the whole.
pub(crate) struct Download {
    making: Option<Making>,
}

/// The rest can't be made; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer ends early")]
pub(crate) struct Cut;

impl Download {
    /// A part that is made already, and what makes the others.
    pub(crate) fn beginning_with(first: Bytes, rest: Making) -> Self {
        Self { making: Some(Box::pin(async move { Ok(Part { bytes: first, rest: Some(rest) }) })) }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Some(making) = &mut self.making else { return Poll::Ready(None) };
        match making.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(Part { bytes, rest })) => {
                self.making = rest;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Poll::Ready(Err(error)) => {
                self.making = None;
                error.log();
                tracing::warn!("a download is cut short");
                Poll::Ready(Some(Err(Cut)))
            }
        }
    }
}
