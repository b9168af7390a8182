//! The topic against the ledger.

use std::collections::BTreeMap;

use super::Oracle;
use super::breach::Invariant::TopicInOrder;

/// A record of the topic, in the order in which it stands there.
#[derive(Clone, Debug)]
pub struct Published {
    pub partition: u16,
    pub incarnation: u32,
    pub position: u64,
    pub id: String,
    pub text: String,
}

impl Oracle {
    /// Everything that the topic holds, each partition in its order.
    pub fn topic(&mut self, records: &[Published]) {
        // Up to where first occurrences have come, by partition and incarnation.
        let mut seen: BTreeMap<(u16, u32), u64> = BTreeMap::new();
        for record in records {
            let Published { partition, incarnation, position, .. } = *record;
            let last = self.reached(&seen, partition, incarnation);
            let (is_first, next) = (position > last, last + 1);
            seen.insert((partition, incarnation), position.max(last));
            let name =
                format!("the topic's record {partition}:{position} of incarnation {incarnation}");
            self.must(!is_first || position == next, TopicInOrder, || {
                format!("{name} came first where {next} was to come")
            });
            let own = self.held(incarnation, partition, position);
            let is_own =
                own.as_ref().is_some_and(|own| *own == (record.id.as_str(), record.text.as_str()));
            self.must(is_own, TopicInOrder, || format!("{name} is not what the ledger held"));
        }
        for (partition, events) in self.ledger.iter().enumerate() {
            let number = u16::try_from(partition).unwrap_or(u16::MAX);
            let (last, head) = (self.reached(&seen, number, self.incarnation), events.len() as u64);
            if last != head {
                let what = format!("the topic's partition {partition} ends with {last} of {head}");
                self.breaches.push(super::Breach { invariant: TopicInOrder, what });
            }
        }
    }

    /// Up to where an incarnation's first occurrences have come. It goes on behind what the one before
    /// had published of the copy that it began with.
    fn reached(&self, seen: &BTreeMap<(u16, u32), u64>, partition: u16, incarnation: u32) -> u64 {
        if let Some(last) = seen.get(&(partition, incarnation)) {
            return *last;
        }
        let start =
            self.starts.get(&incarnation).and_then(|starts| starts.get(usize::from(partition)));
        start.map_or(0, |start| (*start).min(self.reached(seen, partition, incarnation - 1)))
    }

    fn held(&self, incarnation: u32, partition: u16, position: u64) -> Option<(&str, &str)> {
        let ledger = self.fallen.get(&incarnation).unwrap_or(&self.ledger);
        let index = usize::try_from(position.checked_sub(1)?).ok()?;
        let entry = ledger.get(usize::from(partition))?.get(index)?;
        Some((&entry.id, &entry.text))
    }
}
