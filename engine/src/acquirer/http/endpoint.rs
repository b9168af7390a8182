//! Where an acquirer is.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

/// `https://HOST:PORT/PREFIX`, or `http://` without TLS; the port is 443 or 80 where none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    is_tls: bool,
    /// A name or an address, this one without brackets.
    host: String,
    port: u16,
    /// Before every path: empty, or a path without a slash at its end.
    prefix: String,
}

impl Endpoint {
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "must be a URL such as https://acquirer.example:8443".to_owned();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (is_tls, default_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(wrong()),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.filter(|_| uri.query().is_none()).ok_or_else(wrong)?;
        let port = authority.port_u16().unwrap_or(default_port);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || port == 0 {
            return Err(wrong());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { is_tls, host, port, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_without_user_or_query() {
        for (text, shown) in [
            ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
            ("http://acquirer.example/", "http://acquirer.example:80"),
            ("https://acquirer.example", "https://acquirer.example:443"),
            ("https://[::1]:9/simulated/", "https://[::1]:9/simulated"),
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
