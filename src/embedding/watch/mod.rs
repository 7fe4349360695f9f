//! Keeps new and changed rows embedded, until it is stopped: any number of workers, each row by one of them.

mod enqueue;
mod forget;
mod queue;
mod status;
mod worker;

pub(super) use forget::forget;
pub use status::{ParkedRow, QueueStatus, status};
pub use worker::{Remark, WatchOptions, Watched, Worker};
