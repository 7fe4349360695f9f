//! Vectors on their way to the server: checked first, so that one bad number does not end a transaction, then in binary.

use pgvector::{HalfVector, Vector};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};

use super::{Shape, StoreError};
use crate::settings::{ColumnType, Metric};

/// A vector that its column can hold. The statement around it names the type with its schema: pgvector's own parameters are
/// looked up by the search path, which an application need not have the extension on.
#[derive(Debug, Clone)]
pub struct VectorArgument {
    pub components: Vec<f32>,
    column_type: ColumnType,
}

impl VectorArgument {
    /// `place` names the vector for a reader: `the vector`, `line 3`.
    ///
    /// # Errors
    /// [`StoreError::Dimensions`] for another number of components than the column's, [`StoreError::Vector`] where one is not
    /// finite (or not in half precision), or all are zero where the metric is the angle.
    pub fn new(components: Vec<f32>, shape: &Shape, place: &str) -> Result<Self, StoreError> {
        if components.len() != usize::from(shape.dimensions) {
            return Err(StoreError::Dimensions {
                place: place.to_owned(),
                found: components.len(),
                expected: shape.dimensions,
            });
        }
        let stored = match shape.column_type {
            ColumnType::Vector => components.clone(),
            ColumnType::Halfvec => components
                .iter()
                .map(|component| half::f16::from_f32(*component).to_f32())
                .collect(),
        };
        let position =
            |is_wanted: fn(f32) -> bool, of: &[f32]| of.iter().position(|component| is_wanted(*component));
        let problem = if let Some(place) = position(|component| !component.is_finite(), &components) {
            format!("is not finite in its component {}", place + 1)
        } else if let Some(place) = position(|component| !component.is_finite(), &stored) {
            format!("is too large for half precision in its component {}", place + 1)
        } else if shape.metric == Metric::Cosine && position(|component| component != 0.0, &stored).is_none()
        {
            "is zero, which has no angle to any other".to_owned()
        } else {
            return Ok(Self {
                components,
                column_type: shape.column_type,
            });
        };
        Err(StoreError::Vector {
            place: place.to_owned(),
            problem,
        })
    }
}

impl Type<Postgres> for VectorArgument {
    /// None: the server takes the type from the cast around the parameter.
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for VectorArgument {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self.column_type {
            ColumnType::Vector => Vector::from(self.components.clone()).encode_by_ref(buffer),
            ColumnType::Halfvec => HalfVector::from_f32_slice(&self.components).encode_by_ref(buffer),
        }
    }
}
