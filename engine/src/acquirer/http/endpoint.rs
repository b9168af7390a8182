//! Where an acquirer is.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

/// `http://HOST:PORT/PREFIX`; the port is 80 where none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    /// Before every path: empty, or a path without a slash at its end.
    prefix: String,
}

impl Endpoint {
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.prefix)
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "must be a URL such as http://127.0.0.1:8090".to_owned();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let is_plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.filter(|_| is_plain).ok_or_else(wrong)?;
        let (host, port) = (authority.host(), authority.port_u16().unwrap_or(80));
        if host.is_empty() || port == 0 {
            return Err(wrong());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { host: host.to_owned(), port, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_url_without_user_or_query() {
        for (text, shown) in [
            ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
            ("http://acquirer.example/", "http://acquirer.example:80"),
            ("http://[::1]:9/simulated/", "http://[::1]:9/simulated"),
        ] {
            assert_eq!(text.parse::<Endpoint>().map(|known| known.to_string()), Ok(shown.into()));
        }
        for bad in [
            "",
            "acquirer.example",
            "/v1",
            "ftp://acquirer.example",
            "http://user:secret@acquirer.example",
            "http://acquirer.example/?a=b",
            "http://acquirer.example:0",
        ] {
            let error = bad.parse::<Endpoint>().unwrap_err();
            assert!(!error.contains("secret"), "{bad}: {error}");
        }
    }
}
