//! The figures of a run: one list, shown as text and written as JSON.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::tally::Tally;

#[derive(Debug)]
pub(crate) struct Report {
    title: String,
    sections: Vec<Section>,
}

#[derive(Debug)]
pub(crate) struct Section {
    name: &'static str,
    figures: Vec<Figure>,
}

#[derive(Debug)]
struct Figure {
    /// Its key in the JSON: camel case, unit last.
    name: String,
    value: Value,
    shown: String,
}

impl Report {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), sections: Vec::new() }
    }

    pub(crate) fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    pub(crate) fn print(&self) -> Result<(), Failure> {
        let printed = write!(std::io::stdout(), "{}", self.text());
        printed.map_err(|error| Failure::Io { doing: "printing the report".into(), error })
    }

    /// Prints what another program said, under a heading like the sections'.
    pub(crate) fn say(&self, heading: &str, said: &str) -> Result<(), Failure> {
        let lines: String = said.lines().map(|line| format!("  {line}\n")).collect();
        let printed = write!(std::io::stdout(), "\n{heading}\n{lines}");
        printed.map_err(|error| Failure::Io { doing: "printing the report".into(), error })
    }

    pub(crate) fn write_json(&self, path: &Path) -> Result<(), Failure> {
        let written = std::fs::write(path, format!("{:#}\n", self.json()));
        written.map_err(|error| Failure::Io { doing: format!("writing {}", path.display()), error })
    }

    fn text(&self) -> String {
        let figures = self.sections.iter().flat_map(|section| &section.figures);
        let name_len = figures.clone().map(|figure| figure.name.len()).max().unwrap_or(0);
        let shown_len = figures.map(|figure| figure.shown.len()).max().unwrap_or(0);
        let mut text = format!("{}\n", self.title);
        for section in self.sections.iter().filter(|section| !section.figures.is_empty()) {
            text.push_str(&format!("\n{}\n", section.name));
            for figure in &section.figures {
                let Figure { name, shown, .. } = figure;
                text.push_str(&format!("  {name:<name_len$}  {shown:>shown_len$}\n"));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let mut root = Map::new();
        root.insert("run".into(), json!(self.title));
        for section in &self.sections {
            let figures = section.figures.iter();
            let figures = figures.map(|figure| (figure.name.clone(), figure.value.clone()));
            root.insert(section.name.into(), Value::Object(figures.collect()));
        }
        Value::Object(root)
    }
}

impl Section {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, figures: Vec::new() }
    }

    /// All figures of these, under one name.
    pub(crate) fn joined(name: &'static str, sections: Vec<Self>) -> Self {
        Self { name, figures: sections.into_iter().flat_map(|section| section.figures).collect() }
    }

    fn add(&mut self, name: impl Into<String>, value: Value, shown: String) {
        self.figures.push(Figure { name: name.into(), value, shown });
    }

    pub(crate) fn count(&mut self, name: impl Into<String>, count: u64) {
        self.add(name, json!(count), grouped(count));
    }

    /// With one digit after the point below 100, and none from there on.
    pub(crate) fn number(&mut self, name: &str, number: f64) {
        self.add(name, json!(rounded(number)), shown(number));
    }

    /// `n/a` without something to divide by.
    pub(crate) fn ratio(&mut self, name: &str, number: f64, by: f64) {
        if by > 0.0 {
            self.add(name, json!(rounded(number / by)), format!("{:.3}", number / by));
        } else {
            self.missing(name);
        }
    }

    pub(crate) fn seconds(&mut self, name: &str, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.add(name, json!(rounded(seconds)), format!("{seconds:.2}"));
    }

    pub(crate) fn missing(&mut self, name: &str) {
        self.add(name, Value::Null, "n/a".into());
    }

    pub(crate) fn all_missing(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.missing(name));
    }

    /// Percentiles of latencies in microseconds, as milliseconds.
    pub(crate) fn latencies(&mut self, latencies: &Histogram<u64>) {
        let percentiles =
            [("p50Ms", 0.5), ("p90Ms", 0.9), ("p99Ms", 0.99), ("p999Ms", 0.999), ("maxMs", 1.0)];
        for (name, quantile) in percentiles {
            if latencies.is_empty() {
                self.missing(name);
                continue;
            }
            let millis = latencies.value_at_quantile(quantile) as f64 / 1000.0;
            self.add(name, json!(rounded(millis)), format!("{millis:.3}"));
        }
    }

    /// Answers by step, status and label, and what was never answered.
    pub(crate) fn answers(&mut self, tally: &Tally) {
        for counted in tally.answers() {
            let name = format!("{} {} {}", counted.step, counted.status, counted.label);
            self.count(name, counted.count);
        }
        for (error, count) in &tally.errors {
            self.count(error.to_string(), *count);
        }
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn shown(number: f64) -> String {
    if number.abs() < 100.0 {
        format!("{number:.1}")
    } else {
        // Far below 2^53, and no figure is negative.
        grouped(number.round() as u64)
    }
}

/// `1234567` as `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::SendError;

    #[test]
    fn counts_are_grouped_by_thousands() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (count, text) in cases {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn text_and_json_show_the_same_figures() {
        let mut tally = Tally::new();
        for millis in 1..=100 {
            tally.answered("authorize", Duration::from_millis(millis), 201, "AUTHORIZED");
        }
        tally.failed(SendError::Broke);
        let mut section = Section::new("load");
        section.number("requestsPerSecond", 5123.4567);
        section.ratio("share", 1.0, 3.0);
        section.ratio("shareOfNothing", 1.0, 0.0);
        section.latencies(&tally.latencies);
        section.answers(&tally);
        let mut report = Report::new("run authorize");
        report.add(section);

        let load = &report.json()["load"];
        assert_eq!(load["requestsPerSecond"], json!(5123.457));
        assert_eq!(load["share"], json!(0.333));
        assert_eq!(load["shareOfNothing"], Value::Null);
        assert_eq!(load["authorize 201 AUTHORIZED"], json!(100));
        assert_eq!(load["connection broke"], json!(1));
        let p50 = load["p50Ms"].as_f64().unwrap();
        assert!((50.0..50.1).contains(&p50), "{p50}");
        let text = report.text();
        for line in ["requestsPerSecond", "5,123", "n/a", "authorize 201 AUTHORIZED"] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }
}
