//! Options for librdkafka that the operator sets: TLS, SASL, and what else a cluster needs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rdkafka::ClientConfig;

/// Names and values; written `NAME=VALUE,NAME=VALUE`, where `\,` is a comma in a value and `\\` a
/// backslash. What it shows of itself leaves the secrets out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaOptions(BTreeMap<String, String>);

/// What order and safety rest on, and what has a setting of its own.
const OWN: &[&str] = &[
    "acks",
    "api.version.request",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "log.queue",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "queuing.strategy",
    "request.required.acks",
    "retries",
    "transactional.id",
];

impl KafkaOptions {
    pub(super) fn apply(&self, config: &mut ClientConfig) {
        for (name, value) in &self.0 {
            config.set(name, value);
        }
        // librdkafka is built with its own OpenSSL, which looks where no system has its certificates.
        let is_encrypted = self.0.get("security.protocol").is_some_and(|protocol| {
            protocol.eq_ignore_ascii_case("ssl") || protocol.eq_ignore_ascii_case("sasl_ssl")
        });
        let has_authority = self.0.keys().any(|name| name.starts_with("ssl.ca."));
        if is_encrypted && !has_authority {
            config.set("ssl.ca.location", "probe");
        }
    }
}

impl FromStr for KafkaOptions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut options = BTreeMap::new();
        for option in split(text)? {
            let (name, value) = option
                .split_once('=')
                .ok_or("must be NAME=VALUE pairs by commas (a comma in a value is \\,)")?;
            let name = name.trim().to_owned();
            if OWN.contains(&name.as_str()) {
                return Err(format!("may not have {name}: daybook sets it itself"));
            }
            if options.insert(name.clone(), value.to_owned()).is_some() {
                return Err(format!("has {name} twice"));
            }
        }
        Ok(Self(options))
    }
}

/// Splits at commas that have no backslash before them, and takes the backslashes away.
fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut options, mut option) = (Vec::new(), String::new());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            ',' => options.push(std::mem::take(&mut option)),
            '\\' => option.push(rest.next().ok_or("ends with a backslash")?),
            other => option.push(other),
        }
    }
    options.push(option);
    options.retain(|option| !option.trim().is_empty());
    Ok(options)
}

fn is_secret(name: &str) -> bool {
    ["password", "secret", "key.pem", "jaas", "token"].iter().any(|part| name.contains(part))
        || name == "sasl.oauthbearer.config"
}

impl fmt::Display for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let value = if is_secret(name) { "…" } else { value };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> KafkaOptions {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn options_are_pairs_by_commas() {
        let options = parsed(" linger.ms=20, compression.type=zstd ,");
        let expected = [("compression.type", "zstd "), ("linger.ms", "20")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options.0, BTreeMap::from(expected));
        assert_eq!(parsed(""), KafkaOptions::default());
    }

    #[test]
    fn a_value_may_hold_commas_equal_signs_and_backslashes() {
        let options = parsed(r"sasl.password=a\,b=c\\d,linger.ms=1");
        assert_eq!(options.0["sasl.password"], r"a,b=c\d");
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for text in ["linger.ms", "a=1,b", "a=1\\", "a=1,a=2"] {
            assert!(text.parse::<KafkaOptions>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_order_rests_on_can_not_be_set() {
        for name in ["acks", "enable.idempotence", "message.timeout.ms", "bootstrap.servers"] {
            let error = format!("{name}=1").parse::<KafkaOptions>().unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = parsed("sasl.username=daybook,sasl.password=hunter2,ssl.key.pem=xyz");
        assert_eq!(options.to_string(), "sasl.password=…,sasl.username=daybook,ssl.key.pem=…");
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn an_encrypted_client_looks_for_the_systems_certificates() {
        for (text, expected) in [
            ("security.protocol=SASL_SSL", Some("probe")),
            ("security.protocol=ssl,ssl.ca.location=/ca.crt", Some("/ca.crt")),
            ("security.protocol=ssl,ssl.ca.pem=x", None),
            ("security.protocol=plaintext", None),
        ] {
            let mut config = ClientConfig::new();
            parsed(text).apply(&mut config);
            assert_eq!(config.get("ssl.ca.location"), expected, "{text}");
        }
    }
}
