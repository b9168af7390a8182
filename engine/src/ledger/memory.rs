//! The ledger in memory, for simulation and tests: the same promises but the one about the disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::numbering::{Numbering, Placement, check, last_position};
use super::{
    Adoption, Append, Appended, Erasure, Head, IncarnationStart, Incarnations, Ledger,
    LedgerIdentity, Recorded, StoreError, Stretch,
};
use crate::clock::Timestamp;
use crate::event_text::{EventText, TextName};
use crate::ids::{Partition, PaymentId};
use crate::seal::{Seal, SealStore, Sealed};

/// A ledger that ends with its process.
#[derive(Debug)]
pub struct MemoryLedger {
    /// As whoever has it open knows it.
    identity: LedgerIdentity,
    incarnations: Incarnations,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Each partition's events by position, which is one more than the index.
    partitions: Vec<Vec<Recorded>>,
    /// Each payment's positions by version.
    payments: BTreeMap<(Partition, PaymentId), Vec<u64>>,
    texts: HashMap<PaymentId, Vec<EventText>>,
    seals: BTreeMap<Partition, Vec<Seal>>,
    /// What it is since it was adopted.
    adopted: Option<(u32, Incarnations)>,
}

impl MemoryLedger {
    #[must_use]
    pub fn new(identity: LedgerIdentity) -> Self {
        Self::with(identity, Incarnations::default())
    }

    /// An empty one that was adopted before, to be filled with a copy.
    #[must_use]
    pub fn with(identity: LedgerIdentity, incarnations: Incarnations) -> Self {
        let partitions = Partition::all(identity.partitions).map(|_| Vec::new()).collect();
        let state = State { partitions, ..State::default() };
        Self { identity, incarnations, state: Arc::new(Mutex::new(state)) }
    }

    /// The same ledger as it is found by who opens it now.
    #[must_use]
    pub fn reopened(&self) -> Self {
        let known = (self.identity.incarnation, self.incarnations.clone());
        let (incarnation, incarnations) = self.state().adopted.clone().unwrap_or(known);
        let identity = LedgerIdentity { incarnation, ..self.identity };
        Self { identity, incarnations, state: self.state.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, state: &State, batch: &[Append]) -> Vec<Placement> {
        let partitions = self.identity.partitions;
        let mut numbering = Numbering::new(partitions, state.heads().collect());
        for append in batch {
            let partition = append.payment_id.partition(partitions);
            for event in state.events(partition, append.payment_id) {
                let Recorded { payment_id, version, event_id, position, .. } = *event;
                numbering.recall(payment_id, version, event_id, position);
            }
        }
        batch.iter().map(|append| numbering.place(append)).collect()
    }

    fn settle(
        &self,
        state: &mut State,
        batch: &[Append],
        placements: &[Placement],
    ) -> Vec<Appended> {
        let appends = batch.iter().zip(placements);
        appends
            .map(|(append, placement)| match placement {
                Placement::Next(first) => self.write(state, append, *first),
                Placement::There(position) => Appended::At(*position),
                Placement::Conflict => Appended::Conflict,
            })
            .collect()
    }

    fn write(&self, state: &mut State, append: &Append, first: u64) -> Appended {
        let partition = append.payment_id.partition(self.identity.partitions);
        for (position, (version, event)) in (first..).zip(append.versions()) {
            state.partitions[partition.index()].push(Recorded {
                partition,
                position,
                payment_id: append.payment_id,
                version,
                event_id: event.event_id,
                event_type: event.event_type.into(),
                data: event.data.as_str().into(),
                traceparent: append.traceparent.clone(),
                recorded_at: append.recorded_at,
            });
            state.payments.entry((partition, append.payment_id)).or_default().push(position);
        }
        let texts = state.texts.entry(append.payment_id).or_default();
        texts.extend(append.texts.iter().map(|text| EventText {
            version: append.first_version,
            name: text.name,
            salt: Some(text.salt),
            text: Some(text.text.clone()),
        }));
        texts.sort_by_key(|text| (text.version, text.name.as_str()));
        Appended::At(last_position(append, first))
    }
}

impl State {
    fn heads(&self) -> impl Iterator<Item = (Partition, u64)> {
        (0..).map(Partition::new).zip(self.partitions.iter().map(|events| events.len() as u64))
    }

    fn at(&self, partition: Partition, position: u64) -> Option<&Recorded> {
        let index = usize::try_from(position.checked_sub(1)?).ok()?;
        self.partitions.get(partition.index())?.get(index)
    }

    fn events(
        &self,
        partition: Partition,
        payment_id: PaymentId,
    ) -> impl Iterator<Item = &Recorded> {
        let positions = self.payments.get(&(partition, payment_id)).into_iter().flatten();
        positions.filter_map(move |position| self.at(partition, *position))
    }
}

#[async_trait]
impl Adoption for MemoryLedger {
    async fn adopt(
        &self,
        begun_after: &[(Partition, u64)],
        _at: Timestamp,
    ) -> Result<u32, StoreError> {
        let mut state = self.state();
        let known = (self.identity.incarnation, self.incarnations.clone());
        let (incarnation, incarnations) = state.adopted.take().unwrap_or(known);
        let incarnation = incarnation.saturating_add(1);
        let starts = begun_after.iter().fold(incarnations, |starts, (partition, position)| {
            let (partition, begun_after) = (*partition, *position);
            starts.and(IncarnationStart { incarnation, partition, begun_after })
        });
        state.adopted = Some((incarnation, starts));
        Ok(incarnation)
    }
}

#[async_trait]
impl Erasure for MemoryLedger {
    async fn erase(&self, payment_id: PaymentId, names: &[TextName]) -> Result<u64, StoreError> {
        let mut count = 0_u64;
        let mut state = self.state();
        let texts = state.texts.get_mut(&payment_id).into_iter().flatten();
        let named = texts.filter(|text| names.contains(&text.name) && text.salt.is_some());
        for text in named {
            (text.salt, text.text) = (None, None);
            count = count.saturating_add(1);
        }
        Ok(count)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    fn identity(&self) -> LedgerIdentity {
        self.identity
    }

    fn incarnations(&self) -> &Incarnations {
        &self.incarnations
    }

    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        check(batch)?;
        let mut state = self.state();
        let placements = self.place(&state, batch);
        if placements.iter().any(|placement| !matches!(placement, Placement::Next(_))) {
            return Ok(None);
        }
        Ok(Some(self.settle(&mut state, batch, &placements)))
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        check(batch)?;
        let mut state = self.state();
        let placements = self.place(&state, batch);
        Ok(self.settle(&mut state, batch, &placements))
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        let partition = payment_id.partition(self.identity.partitions);
        Ok(self.state().events(partition, payment_id).cloned().collect())
    }

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        Ok(self.state().texts.get(&payment_id).cloned().unwrap_or_default())
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        let state = self.state();
        let mut events = Vec::new();
        for stretch in stretches {
            let positions = stretch.from..=stretch.last();
            let found = positions.map_while(|position| state.at(stretch.partition, position));
            events.extend(found.cloned());
        }
        events.sort_by_key(|event| (event.partition, event.position));
        events.dedup_by_key(|event| (event.partition, event.position));
        Ok(events)
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let state = self.state();
        let events = state.payments.keys().filter(|(of, _)| *of == partition);
        let events = events.flat_map(|(_, payment_id)| state.events(partition, *payment_id));
        let wanted = events.filter(|event| Some((event.payment_id, event.version)) > after);
        Ok(wanted.take(limit as usize).cloned().collect())
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let state = self.state();
        Ok(state.heads().map(|(partition, position)| Head { partition, position }).collect())
    }
}

#[async_trait]
impl SealStore for MemoryLedger {
    async fn last_seals(&self, partitions: &[Partition]) -> Result<Vec<Option<Seal>>, StoreError> {
        let state = self.state();
        let last = |partition| state.seals.get(partition).and_then(|seals| seals.last()).copied();
        Ok(partitions.iter().map(last).collect())
    }

    async fn seals(
        &self,
        partition: Partition,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Seal>, StoreError> {
        let state = self.state();
        let seals = state.seals.get(&partition).into_iter().flatten();
        Ok(seals.filter(|seal| seal.number > after).take(limit as usize).copied().collect())
    }

    async fn add_seal(&self, seal: &Seal) -> Result<Sealed, StoreError> {
        let mut state = self.state();
        let seals = state.seals.entry(seal.partition).or_default();
        if seals.last().map_or(0, |last| last.number).saturating_add(1) != seal.number {
            return Ok(Sealed::Superseded);
        }
        seals.push(*seal);
        Ok(Sealed::Added)
    }
}
