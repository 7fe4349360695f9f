use serde::Serialize;

use crate::settings::{ColumnType, Index, Metric};

/// What `verify` measured. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Version of this JSON document's layout.
    pub schema: u32,
    /// Every measurement was made and is good.
    pub passed: bool,
    pub seed: u64,
    pub rows: u32,
    pub dimensions: u16,
    pub column_type: ColumnType,
    pub metric: Metric,
    /// The kind of index that was measured; [`Index::None`] where every search is exact.
    pub index: Index,
    /// Whether the planner answered a search from the index; `None` without index.
    pub index_used: Option<bool>,
    /// Share of the true ten nearest that the index returned, 0 to 1; `None` without index.
    pub recall_at_10: Option<f64>,
    pub queries: u32,
    /// Whether a vector came back bit by bit after a write, and was gone after a delete.
    pub round_trip: bool,
    /// Whether the store's search for a row's own vector gave that row first, where the metric has it so.
    pub search: bool,
    /// Whether the store gave other rows that are similar to a row.
    pub similar: bool,
    pub load_milliseconds: f64,
    pub build_milliseconds: f64,
    /// All approximate searches together.
    pub search_milliseconds: f64,
    /// All exact searches together.
    pub exact_milliseconds: f64,
    /// How the figures came about: the plan, the settings.
    pub evidence: Vec<String>,
    /// Why it did not pass.
    pub problems: Vec<String>,
}
