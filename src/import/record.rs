//! What a source holds of one record.

use std::collections::BTreeMap;

/// The metadata of one record by key. Keys that begin with `chroma:` are Chroma's own and never here.
pub type Metadata = BTreeMap<String, Value>;

/// One live record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Any text, NUL bytes included; unique in its collection.
    pub id: String,
    /// As many components as the collection has dimensions; `None` where the source has no vector for it.
    pub embedding: Option<Vec<f32>>,
    pub document: Option<String>,
    /// Chroma's `chroma:uri`: where the record's data is.
    pub uri: Option<String>,
    pub metadata: Metadata,
}

/// One value of metadata. Integers and floats are different values even where they are equal.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A key without a value: what some versions keep of NaN.
    Null,
    Boolean(bool),
    Integer(i64),
    /// NaN and the infinities included, where the source kept them.
    Float(f64),
    Text(String),
    /// Of one type each; a list of one element stays a list.
    List(Vec<Self>),
}
