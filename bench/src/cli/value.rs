//! What stands behind a flag.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// `15s`, `500ms`, `2m`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write a number and ms, s, m or h, as in 15s");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    match number.checked_mul(millis) {
        Some(0) => Err(format!("`{text}`: must be longer than nothing")),
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(format!("`{text}`: too long")),
    }
}

/// `http://127.0.0.1:PORT`. Load is for one's own machine only.
pub(super) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("`{text}` is no loopback server: write http://127.0.0.1:PORT");
    let authority = text.strip_prefix("http://").ok_or_else(wrong)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let address = match authority.strip_prefix("localhost:") {
        Some(port) => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().map_err(|_| wrong())?)
        }
        None => authority.parse().map_err(|_| wrong())?,
    };
    address.ip().is_loopback().then_some(address).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        let cases = [("15s", 15_000), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)];
        for (text, millis) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "s", "1.5s", "-1s", "0s", "15 s", "15d", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("18446744073709551615h").is_err());
    }

    #[test]
    fn only_loopback_servers_are_targets() {
        for (text, address) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
            ("http://localhost:80", "127.0.0.1:80"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(loopback(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in [
            "http://10.0.0.1:8080",
            "http://0.0.0.0:8080",
            "https://127.0.0.1:8080",
            "127.0.0.1:8080",
            "http://127.0.0.1",
            "http://127.0.0.1:8080@example.com:80",
            "http://localhost.example.com:80",
        ] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }
}
