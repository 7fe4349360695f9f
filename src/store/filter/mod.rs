//! Conditions on rows in Chroma's `where` language, as SQL in which every value is a parameter.
//!
//! A name means the table's column of that name, else the metadata's key; `metadata.NAME` means the key in any case. What is
//! kept of Chroma: values are compared only with values of their kind (numbers with numbers whether whole or not, texts with
//! texts, booleans with booleans), so anything else is no match and no error; `$gt`, `$gte`, `$lt` and `$lte` take numbers; a row
//! without the key meets `$ne`, `$nin` and `$not_contains` and no other. `$contains` looks for a member of a list, and without a
//! name for a part of the document, where upper and lower case differ. Beyond Chroma: several names or operators in one object
//! must all hold, and on columns the order of texts, dates and times may be asked for too.

mod column;
mod compile;
mod metadata;
mod parse;

use serde_json::Value;

pub(super) use compile::Compiled;

use super::StoreError;

/// A condition that was read and is well formed. Whether a table can answer it shows with the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Condition);

impl Filter {
    /// # Errors
    /// [`StoreError::Filter`] with the place of what is no condition, or more than is taken at once.
    pub fn from_text(text: &str) -> Result<Self, StoreError> {
        parse::text(text).map(Self)
    }

    /// The same of JSON that was read already.
    ///
    /// # Errors
    /// As [`Filter::from_text`].
    pub fn from_json(value: &Value) -> Result<Self, StoreError> {
        parse::whole(value).map(Self)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    /// A name with what its value has to be.
    Field {
        place: String,
        name: String,
        test: Test,
    },
    /// A part that the document has, or has not.
    Document {
        place: String,
        part: String,
        is_wanted: bool,
    },
}

/// What is asked of one value. A scalar is a JSON string, number or boolean.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Compare(Order, Value),
    /// Equal to one of these, or to none.
    Among {
        values: Vec<Value>,
        is_wanted: bool,
    },
    /// A list that has this member, or has not.
    Member {
        value: Value,
        is_wanted: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Order {
    /// The operator as SQL, of the types that PostgreSQL has itself.
    fn operator(self) -> &'static str {
        match self {
            Self::Greater => "OPERATOR(pg_catalog.>)",
            Self::GreaterOrEqual => "OPERATOR(pg_catalog.>=)",
            Self::Less => "OPERATOR(pg_catalog.<)",
            Self::LessOrEqual => "OPERATOR(pg_catalog.<=)",
        }
    }
}

fn refused(place: &str, problem: impl Into<String>) -> StoreError {
    StoreError::Filter {
        place: if place.is_empty() {
            "its beginning".to_owned()
        } else {
            place.to_owned()
        },
        problem: problem.into(),
    }
}
