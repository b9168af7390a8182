//! Admission: room in the writer's queue is taken before anything is decided, for the intent and
//! for its outcome, so that the outcome of a call already made is never refused.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for so many appends.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

impl Room {
    /// Room for one append out of this; `None` where none is left.
    pub(super) fn take_one(&mut self) -> Option<Self> {
        self.0.split(1).map(Self)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Admission {
    rooms: Arc<Semaphore>,
    capacity: usize,
}

impl Admission {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.min(Semaphore::MAX_PERMITS);
        Self { rooms: Arc::new(Semaphore::new(capacity)), capacity }
    }

    /// How many rooms are taken.
    pub(super) fn taken(&self) -> usize {
        self.capacity.saturating_sub(self.rooms.available_permits())
    }

    /// Room for `appends`, at once or not at all.
    pub(super) fn try_admit(&self, appends: u32) -> Option<Room> {
        Arc::clone(&self.rooms).try_acquire_many_owned(appends).ok().map(Room)
    }

    /// Room for one append, as soon as there is any: for work that is on disk already.
    pub(super) async fn admit_one(&self) -> Option<Room> {
        Arc::clone(&self.rooms).acquire_owned().await.ok().map(Room)
    }
}
