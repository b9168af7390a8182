//! A topic's record: lines of headers (`name: value`), one of them `key`, then an empty line and the value.

use crate::ids::{LedgerId, Partition};
use crate::ledger::{Incarnations, LedgerIdentity};
use crate::record::{Published, RecordWriter, TopicRecord, claimed_position};

/// # Panics
/// Where a record that is taken isn't the one that a relay would write of the event it makes.
pub fn record(input: &[u8]) {
    let record = parse(input);
    let claimed = claimed_position(&record);
    let Ok(published) = Published::read(&record) else { return };
    assert_eq!(claimed, Some(published.recorded.position), "the position that it claims");
    let ledger = LedgerIdentity {
        id: published.ledger_id,
        incarnation: published.incarnation,
        partitions: 16,
    };
    check_home(&published, &ledger);
    let mut writer = RecordWriter::new(&ledger, &Incarnations::default());
    let written = written(&mut writer, &published);
    let again = Published::read(&written).expect("what a relay writes is taken");
    assert_eq!(again, published, "written as {written:?}");
}

fn check_home(published: &Published, ledger: &LedgerIdentity) {
    let home = published.recorded.payment_id.partition(ledger.partitions);
    let is_home = home == published.recorded.partition;
    assert_eq!(published.check(ledger).is_ok(), is_home, "{published:?}");
    let other = LedgerIdentity { id: LedgerId::from_uuid(uuid::Uuid::nil()), ..*ledger };
    assert!(published.check(&other).is_err() || other.id == ledger.id, "of another ledger");
}

fn written(writer: &mut RecordWriter, published: &Published) -> TopicRecord {
    let record = writer.write(&published.recorded);
    let headers = record.headers();
    TopicRecord {
        partition: record.partition,
        offset: published.offset,
        key: Some(record.key.as_bytes().to_vec()),
        value: Some(record.value.as_bytes().to_vec()),
        headers: headers.map(|(name, value)| (name.to_owned(), Some(value.into()))).collect(),
    }
}

fn parse(input: &[u8]) -> TopicRecord {
    let mut record = TopicRecord {
        partition: Partition::new(3),
        offset: 7,
        key: None,
        value: None,
        headers: Vec::new(),
    };
    let mut rest = input;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = (&rest[..end], &rest[end.saturating_add(1)..]);
        rest = behind;
        if line.is_empty() {
            record.value = Some(rest.strip_suffix(b"\n").unwrap_or(rest).to_vec());
            break;
        }
        let colon = line.windows(2).position(|pair| pair == b": ");
        let (name, value) = match colon {
            Some(at) => (&line[..at], Some(line[at.saturating_add(2)..].to_vec())),
            None => (line, None),
        };
        match String::from_utf8_lossy(name).into_owned() {
            name if name == "key" => record.key = value,
            name => record.headers.push((name, value)),
        }
    }
    record
}
