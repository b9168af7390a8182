//! The party that is paid.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::printable::{NotPrintable, printable};

/// A merchant's id: 1 to 32 printable ASCII characters.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
#[schemars(extend("minLength" = 1, "maxLength" = Self::MAX_LEN, "pattern" = "^[ -~]+$"))]
pub struct MerchantId(Arc<str>);

impl MerchantId {
    pub const MAX_LEN: usize = 32;

    /// # Errors
    /// When the text is empty, longer than 32 characters or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, NotPrintable> {
        printable(text, Self::MAX_LEN).map(Self)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Arc<str>> for MerchantId {
    type Error = NotPrintable;

    fn try_from(text: Arc<str>) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<MerchantId> for Arc<str> {
    fn from(id: MerchantId) -> Self {
        id.0
    }
}
