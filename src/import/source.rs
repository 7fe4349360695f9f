//! Where records come from. Both traits block: a thread of its own reads, and hands batches on through a channel that holds few.

use super::{Collection, ImportError, Inventory, Record};

/// A store that is read and never written.
pub trait Source: Send {
    /// # Errors
    /// Where the source cannot be read or is of no version that is known.
    fn inventory(&mut self) -> Result<Inventory, ImportError>;

    /// The records of a collection of this source's inventory, after the first `passed` of them.
    ///
    /// # Errors
    /// As [`Source::inventory`].
    fn records<'s>(
        &'s mut self,
        collection: &Collection,
        passed: u64,
    ) -> Result<Box<dyn Records + Send + 's>, ImportError>;
}

/// Records in an order that is the same each time while the source does not change.
pub trait Records {
    /// The next records, at most `most` of them; none at the end.
    ///
    /// # Errors
    /// Where the source cannot be read any further; which record was the last is known by counting.
    fn next_batch(&mut self, most: usize) -> Result<Vec<Record>, ImportError>;
}
