//! The vector index: sizing, building, watching and repairing it.
