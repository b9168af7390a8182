//! Seeded simulation: a whole Daybook, several processes of it, in one thread and on one paused clock.
//!
//! The engine, its writer, the workers, the relay and the projector are those of production; the
//! ports beneath them are simulated: databases, broker and acquirer in memory, behind a
//! [door](door) at which everything that can go wrong does. One seed is one run: every choice is
//! drawn from it, so that what went wrong once goes wrong again. An [oracle] that knows nothing of the
//! engine says what must hold, and [defects](Defect) planted on purpose show that it would notice.

mod bank;
mod batch;
mod chaos;
mod clients;
mod clock;
mod defect;
mod dice;
mod door;
mod faults;
pub mod oracle;
mod plan;
mod ports;
mod process;
mod run;
mod trace;
mod views;
mod wish;
mod world;

pub use batch::{Coverage, run_many};
pub use defect::Defect;
pub use faults::Fault;
pub use run::{Report, run};
pub use trace::Keep;
