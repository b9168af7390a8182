//! Where settings come from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::settings::SETTINGS;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment,
    File(String),
    Default,
}

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettingError {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) cause: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, origin, cause } = self;
        match origin {
            Origin::Flag => write!(f, "--{name}: {cause}"),
            Origin::Environment => write!(f, "{} (environment): {cause}", variable(name)),
            Origin::File(path) => write!(f, "{name} in {path}: {cause}"),
            Origin::Default => write!(f, "--{name} (its default): {cause}"),
        }
    }
}

/// Values by setting, from flags, environment and file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    flags: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    file_path: String,
}

/// The environment variable of a setting.
pub(crate) fn variable(name: &str) -> String {
    format!("DAYBOOK_{}", name.to_uppercase().replace('-', "_"))
}

impl Sources {
    /// Flags as given, the process's environment, and the file of `--config` or `DAYBOOK_CONFIG`.
    ///
    /// # Errors
    /// When the file can't be read, or holds what is no setting.
    pub(crate) fn gather(flags: BTreeMap<String, String>) -> Result<Self, Vec<SettingError>> {
        let from_environment = |name: &str| std::env::var(variable(name)).ok();
        let environment = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting.name.to_owned(), from_environment(setting.name)?)))
            .collect();
        let config = flags.get("config").cloned().map(|path| (path, Origin::Flag));
        let config =
            config.or_else(|| from_environment("config").map(|path| (path, Origin::Environment)));
        let mut sources = Self { flags, environment, ..Self::default() };
        if let Some((path, origin)) = config {
            let text = std::fs::read_to_string(Path::new(&path)).map_err(|error| {
                let cause = format!("{path} can't be read: {error}");
                vec![SettingError { name: "config".to_owned(), origin, cause }]
            })?;
            sources.file = parse_file(&path, &text)?;
            sources.file_path = path;
        }
        Ok(sources)
    }

    /// The value that counts, and where it came from.
    pub(crate) fn find(&self, name: &str) -> Option<(&str, Origin)> {
        let flag = self.flags.get(name).map(|value| (value.as_str(), Origin::Flag));
        let environment =
            || self.environment.get(name).map(|value| (value.as_str(), Origin::Environment));
        let file = || {
            let value = self.file.get(name)?;
            Some((value.as_str(), Origin::File(self.file_path.clone())))
        };
        let default = || {
            let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
            Some((setting.default?, Origin::Default))
        };
        flag.or_else(environment).or_else(file).or_else(default)
    }

    #[cfg(test)]
    pub(crate) fn of(
        flags: &[(&str, &str)],
        environment: &[(&str, &str)],
        file: &str,
    ) -> Result<Self, Vec<SettingError>> {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Ok(Self {
            flags: owned(flags),
            environment: owned(environment),
            file: parse_file("daybook.toml", file)?,
            file_path: "daybook.toml".to_owned(),
        })
    }
}

fn parse_file(path: &str, text: &str) -> Result<BTreeMap<String, String>, Vec<SettingError>> {
    let origin = || Origin::File(path.to_owned());
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        vec![SettingError {
            name: "config".to_owned(),
            origin: origin(),
            cause: error.to_string().trim().to_owned(),
        }]
    })?;
    let (mut values, mut errors) = (BTreeMap::new(), Vec::new());
    for (key, value) in &table {
        let name = key.replace('_', "-");
        let is_known = SETTINGS.iter().any(|setting| setting.name == name);
        let text = if is_known { text_of(value) } else { None };
        match text {
            Some(text) => {
                values.insert(name, text);
            }
            None if is_known => errors.push(SettingError {
                name,
                origin: origin(),
                cause: "must be a text, a number, or a list of them".to_owned(),
            }),
            None => errors.push(SettingError {
                name: key.clone(),
                origin: origin(),
                cause: "is no setting; `daybook serve --help` lists them all".to_owned(),
            }),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// A value as a flag would give it: lists by commas.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(values) => {
            let texts: Option<Vec<_>> = values.iter().map(text_of).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
