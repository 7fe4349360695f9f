//! Where a run is cut.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// At the Nth boundary of a step.
    Boundary(u32),
    /// Before the Nth system call of this name in a thread.
    Call { name: String, number: u32 },
    /// So many milliseconds after the start, wherever that is: in the middle of a child's work too.
    Moment { milliseconds: u32 },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boundary(number) => write!(formatter, "boundary:{number}"),
            Self::Call { name, number } => write!(formatter, "{name}:{number}"),
            Self::Moment { milliseconds } => write!(formatter, "moment:{milliseconds}"),
        }
    }
}

/// At most `count` of these, the first and the last among them, evenly spread.
pub fn evenly<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    if all.len() <= count || count < 2 {
        return all[..all.len().min(count)].to_vec();
    }
    let position = |index: usize| index * (all.len() - 1) / (count - 1);
    (0..count).map(|index| all[position(index)].clone()).collect()
}
