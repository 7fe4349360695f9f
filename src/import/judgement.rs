//! Whether a record can be a row, and what is done where it cannot. Pure.

use half::f16;

use super::policy::{Action, Kind, Policies};
use super::{Metadata, Record, Value};
use crate::lanes;
use crate::settings::ColumnType;

/// What a row takes of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// Id, document, metadata and embedding: a row of its own.
    #[default]
    Whole,
    /// Id and embedding: for a row that is there.
    Embedding,
}

/// What fits into the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub dimensions: u16,
    pub column_type: ColumnType,
    pub parts: Parts,
}

/// What was wrong with a record, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub kind: Kind,
    pub action: Action,
    /// A clause: `component 3 of the vector is NaN`.
    pub reason: String,
}

/// What the policies make of a record; the remark that decided comes first. A record without remarks is a row as it is.
pub fn judge(record: &Record, shape: Shape, policies: &Policies) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = problems(record, shape)
        .into_iter()
        .map(|(kind, reason)| Remark {
            kind,
            action: policies.of(kind),
            reason,
        })
        .collect();
    remarks.sort_by_key(|remark| match remark.action {
        Action::Fail => 0,
        Action::Skip => 1,
        Action::Replace => 2,
    });
    if remarks
        .first()
        .is_some_and(|remark| remark.action == Action::Replace)
        && let Some(key) = key_that_would_be_lost(&record.metadata)
    {
        // Which of the two values is meant cannot be told.
        let reason = format!("without NUL, two keys of its metadata would both be {key:?}");
        let (kind, action) = (Kind::Nul, Action::Skip);
        remarks.insert(0, Remark { kind, action, reason });
    }
    remarks
}

/// The record as `replace` has it, for what [`judge`] remarked.
pub fn replaced(record: &mut Record, shape: Shape, remarks: &[Remark]) {
    for remark in remarks {
        match remark.kind {
            Kind::Nul => remove_nul(record),
            Kind::NotFinite => {
                if unfit_component(record, shape.column_type).is_some() {
                    record.embedding = None;
                }
                record.metadata.values_mut().for_each(replace_not_finite);
            }
            Kind::MissingVector | Kind::Dimension | Kind::Existing | Kind::NoRow => {}
        }
    }
}

fn problems(record: &Record, shape: Shape) -> Vec<(Kind, String)> {
    let mut problems = Vec::new();
    match &record.embedding {
        None => problems.push((Kind::MissingVector, "the source has no vector for it".to_owned())),
        Some(vector) if vector.len() != usize::from(shape.dimensions) => problems.push((
            Kind::Dimension,
            format!(
                "its vector has {} dimensions, not {}",
                vector.len(),
                shape.dimensions
            ),
        )),
        Some(_) => problems
            .extend(unfit_component(record, shape.column_type).map(|reason| (Kind::NotFinite, reason))),
    }
    let whole = shape.parts == Parts::Whole;
    problems.extend(place_of_nul(record, whole).map(|place| (Kind::Nul, format!("{place} has a NUL"))));
    if whole && let Some((key, _)) = record.metadata.iter().find(|(_, value)| !is_finite(value)) {
        problems.push((Kind::NotFinite, format!("metadata {key:?} is not finite")));
    }
    problems
}

fn unfit_component(record: &Record, column_type: ColumnType) -> Option<String> {
    let vector = record.embedding.as_ref()?;
    let is_fit = |component: f32| match column_type {
        ColumnType::Vector => component.is_finite(),
        ColumnType::Halfvec => f16::from_f32(component).is_finite(),
    };
    if column_type == ColumnType::Vector && lanes::are_finite(vector) {
        return None;
    }
    let position = vector.iter().position(|component| !is_fit(*component))?;
    let component = vector[position];
    Some(if component.is_finite() {
        format!(
            "component {} of the vector is {component}, too large for halfvec",
            position + 1
        )
    } else {
        format!("component {} of the vector is {component}", position + 1)
    })
}

fn place_of_nul(record: &Record, whole: bool) -> Option<String> {
    let has_nul = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\0'));
    if record.id.contains('\0') {
        return Some("its id".to_owned());
    }
    if !whole {
        return None;
    }
    if has_nul(&record.document) {
        return Some("its document".to_owned());
    }
    if has_nul(&record.uri) {
        return Some("its uri".to_owned());
    }
    let (key, _) = record
        .metadata
        .iter()
        .find(|(key, value)| key.contains('\0') || value_has_nul(value))?;
    Some(format!("metadata {key:?}"))
}

fn value_has_nul(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.contains('\0'),
        Value::List(values) => values.iter().any(value_has_nul),
        _ => false,
    }
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(float) => float.is_finite(),
        Value::List(values) => values.iter().all(is_finite),
        _ => true,
    }
}

fn replace_not_finite(value: &mut Value) {
    match value {
        Value::Float(float) if !float.is_finite() => *value = Value::Null,
        Value::List(values) => values.iter_mut().for_each(replace_not_finite),
        _ => {}
    }
}

fn remove_nul(record: &mut Record) {
    record.id.retain(|character| character != '\0');
    for text in record.document.iter_mut().chain(&mut record.uri) {
        text.retain(|character| character != '\0');
    }
    let metadata = std::mem::take(&mut record.metadata);
    record.metadata = metadata
        .into_iter()
        .map(|(key, mut value)| {
            remove_nul_of_value(&mut value);
            (key.replace('\0', ""), value)
        })
        .collect();
}

fn remove_nul_of_value(value: &mut Value) {
    match value {
        Value::Text(text) => text.retain(|character| character != '\0'),
        Value::List(values) => values.iter_mut().for_each(remove_nul_of_value),
        _ => {}
    }
}

fn key_that_would_be_lost(metadata: &Metadata) -> Option<String> {
    metadata
        .keys()
        .filter(|key| key.contains('\0'))
        .map(|key| key.replace('\0', ""))
        .find(|without| {
            metadata.contains_key(without)
                || metadata
                    .keys()
                    .filter(|key| key.replace('\0', "") == *without)
                    .count()
                    > 1
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        dimensions: 2,
        column_type: ColumnType::Vector,
        parts: Parts::Whole,
    };

    fn record(vector: &[f32]) -> Record {
        Record {
            id: "a".into(),
            embedding: Some(vector.to_vec()),
            ..Record::default()
        }
    }

    fn reasons(record: &Record, shape: Shape) -> Vec<(Kind, String)> {
        let remarks = judge(record, shape, &Policies::default());
        remarks
            .into_iter()
            .map(|remark| (remark.kind, remark.reason))
            .collect()
    }

    #[test]
    fn each_kind_is_told_with_its_place() {
        assert_eq!(reasons(&record(&[1.0, -0.0]), SHAPE), []);
        let half = Shape {
            column_type: ColumnType::Halfvec,
            ..SHAPE
        };
        let mut texts = record(&[1.0, 2.0]);
        texts.metadata = [("k".to_owned(), Value::List(vec![Value::Text("\0".into())]))].into();
        let mut floats = record(&[1.0, 2.0]);
        floats.metadata = [("k".to_owned(), Value::Float(f64::INFINITY))].into();
        let none = Record {
            embedding: None,
            ..record(&[])
        };
        let cases = [
            (
                record(&[1.0]),
                SHAPE,
                Kind::Dimension,
                "its vector has 1 dimensions, not 2",
            ),
            (
                record(&[1.0, f32::NAN]),
                SHAPE,
                Kind::NotFinite,
                "component 2 of the vector is NaN",
            ),
            (
                record(&[70000.0, 0.0]),
                half,
                Kind::NotFinite,
                "component 1 of the vector is 70000, too large for halfvec",
            ),
            (
                none,
                SHAPE,
                Kind::MissingVector,
                "the source has no vector for it",
            ),
            (texts, SHAPE, Kind::Nul, "metadata \"k\" has a NUL"),
            (floats, SHAPE, Kind::NotFinite, "metadata \"k\" is not finite"),
        ];
        for (record, shape, kind, reason) in cases {
            assert_eq!(reasons(&record, shape), [(kind, reason.to_owned())]);
        }
    }

    #[test]
    fn the_strictest_action_decides_and_replacing_loses_no_key() {
        let policies: Policies = ["nul=replace", "not-finite=skip"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        let mut both = record(&[f32::NAN, 0.0]);
        both.id = "a\0".into();
        assert_eq!(judge(&both, SHAPE, &policies)[0].action, Action::Skip);
        both.embedding = Some(vec![0.0, 0.0]);
        let remarks = judge(&both, SHAPE, &policies);
        replaced(&mut both, SHAPE, &remarks);
        assert_eq!(both.id, "a");
        both.metadata = ["k", "k\0"].map(|key| (key.to_owned(), Value::Null)).into();
        assert_eq!(
            judge(&both, SHAPE, &policies)[0].reason,
            "without NUL, two keys of its metadata would both be \"k\""
        );
    }

    #[test]
    fn what_is_not_finite_is_replaced_by_nothing_not_by_a_number() {
        let policies: Policies = ["not-finite=replace"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        let mut record = record(&[f32::NAN, 1.0]);
        record.metadata = [("k".to_owned(), Value::Float(f64::NAN))].into();
        let remarks = judge(&record, SHAPE, &policies);
        replaced(&mut record, SHAPE, &remarks);
        assert_eq!((record.embedding, &record.metadata["k"]), (None, &Value::Null));
    }
}
