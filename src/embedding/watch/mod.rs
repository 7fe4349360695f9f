//! Keeps new and changed rows embedded, until it is stopped: any number of workers, each row by one of them.

mod queue;
mod status;
mod worker;

pub use status::{ParkedRow, QueueStatus, status};
pub use worker::{Remark, WatchOptions, Watched, Worker};
