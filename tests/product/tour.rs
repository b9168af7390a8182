//! The README's tour, word for word: what it sends, and what it says comes back.

use hyper::Method;
use tokio::time::{Instant, sleep};

use crate::harness::{Daybook, PATIENCE};
use crate::store::Store;

/// A request of the tour.
#[derive(Debug)]
struct Step {
    path: String,
    body: Option<String>,
    wants_csv: bool,
    /// Parts of the answer: `"status":"CAPTURED"` and the like.
    says: Vec<String>,
}

/// Each `curl` with what stands behind its `#` or in the next block of JSON.
fn steps() -> Vec<Step> {
    let readme = include_str!("../../README.md");
    let (_, tour) = readme.split_once("## A tour").unwrap();
    let (tour, _) = tour.split_once("And for people").unwrap();
    let commands = tour.replace("\\\n", "").replace("```json", "#");
    let commands = commands.split("curl -s ").skip(1).map(|command| {
        let (sent, said) = command.split_once('#').unwrap_or((command, ""));
        let (_, from_path) = sent.split_once("localhost:8080").unwrap();
        let end = from_path.find(['\'', ' ', '\n']).unwrap();
        let body = sent.split_once("-d '").map(|(_, rest)| rest.split('\'').next().unwrap());
        // What depends on the ledger and the day is not compared.
        let is_fixed = |part: &&str| {
            part.contains("\":")
                && !part.trim_start_matches('"').starts_with(|first: char| first.is_ascii_digit())
                && !["paymentId", "date", "asOf", "positions"]
                    .iter()
                    .any(|name| part.contains(name))
        };
        let says =
            said.split("```").next().unwrap().split([',', '{', '}', '…', '\n']).map(str::trim);
        Step {
            path: from_path[..end].to_owned(),
            body: body.map(str::to_owned),
            wants_csv: sent.contains("accept: text/csv"),
            says: says
                .filter(is_fixed)
                .map(|part| part.trim_matches(['[', ']']).to_owned())
                .collect(),
        }
    });
    commands.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_says_what_happens() {
    let steps = steps();
    assert!(steps.len() >= 7, "{steps:?}");
    assert!(steps.iter().filter(|step| step.says.is_empty()).count() <= 2, "{steps:?}");
    let daybook = Daybook::start(Store::Embedded, &[]).await;
    let mut id = String::new();
    let table = steps.iter().find(|step| step.wants_csv).unwrap().path.clone();
    for step in steps {
        let path = step.path.replace("$ID", &id);
        let method = if step.body.is_some() { Method::POST } else { Method::GET };
        let give_up = Instant::now() + PATIENCE;
        // The lists follow the ledger in their own time.
        loop {
            let accept = if step.wants_csv { "text/csv" } else { "*/*" };
            let json = [("content-type", "application/json"), ("accept", accept)];
            let answer =
                daybook.send(method.clone(), &path, &json, step.body.clone()).await.unwrap();
            if id.is_empty() {
                id = answer.text_field("paymentId");
            }
            let is_csv = answer.headers["content-type"].as_bytes().starts_with(b"text/csv");
            assert_eq!(is_csv, step.wants_csv, "{path}: {answer:?}");
            let missing: Vec<_> =
                step.says.iter().filter(|part| !answer.text.contains(*part)).collect();
            if missing.is_empty() {
                break;
            }
            let may_follow = method == Method::GET && Instant::now() < give_up;
            assert!(may_follow, "{path} doesn't say {missing:?} but {}", answer.text);
            sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    let shown = daybook.command("show", &[&id]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let figure = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name)).expect(&shown);
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    let figures = [figure("captured"), figure("refunded")];
    assert_eq!(figures, ["EUR 5.00", "EUR 2.00"], "{shown}");
    let give_up = Instant::now() + PATIENCE;
    loop {
        let csv = [("accept", "text/csv")];
        let downloaded = daybook.send(Method::GET, &table, &csv, None).await.unwrap().text;
        if ["capture", "refund"].map(|kind| sum(&downloaded, kind)) == figures {
            break;
        }
        assert!(Instant::now() < give_up, "{figures:?} in show, and:\n{downloaded}");
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What a spreadsheet makes of the settlement's lines of this kind, in the form of `daybook show`.
fn sum(csv: &str, kind: &str) -> String {
    let mut lines = csv.lines();
    let columns: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name| columns.iter().position(|column| *column == name).expect(csv);
    let (kinds, amounts) = (column("kind"), column("amount"));
    let cells = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let minor: i64 = cells
        .filter(|cells| cells[kinds] == kind)
        .map(|cells| cells[amounts].parse::<i64>().unwrap())
        .sum();
    format!("EUR {}.{:02}", minor / 100, minor % 100)
}
