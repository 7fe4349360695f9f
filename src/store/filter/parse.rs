//! JSON into conditions.

use serde_json::{Map, Value};

use super::{Condition, Order, Test, refused};
use crate::store::StoreError;

/// Longest text, in bytes.
const TEXT_LIMIT: usize = 1 << 20;
/// How deep `$and` and `$or` may be inside each other.
const DEPTH_LIMIT: usize = 16;
/// Most conditions and values of lists together.
const SIZE_LIMIT: usize = 10_000;

pub fn text(text: &str) -> Result<Condition, StoreError> {
    if text.len() > TEXT_LIMIT {
        return Err(refused("", format!("it is longer than {TEXT_LIMIT} bytes")));
    }
    let value = serde_json::from_str(text).map_err(|error| refused("", format!("it is no JSON: {error}")))?;
    whole(&value)
}

pub fn whole(value: &Value) -> Result<Condition, StoreError> {
    Parser { size: 0 }.condition(value, "", 0)
}

struct Parser {
    /// Conditions and values so far.
    size: usize,
}

impl Parser {
    fn condition(&mut self, value: &Value, place: &str, depth: usize) -> Result<Condition, StoreError> {
        if depth > DEPTH_LIMIT {
            return Err(refused(place, format!("it is nested deeper than {DEPTH_LIMIT}")));
        }
        let object = object(value, place, r#"a condition is an object as {"year": 2020}"#)?;
        let mut conditions = Vec::new();
        for (name, value) in object {
            let place = joined(place, name);
            self.count(&place)?;
            conditions.push(match name.as_str() {
                "$and" => Condition::All(self.conditions(value, &place, depth)?),
                "$or" => Condition::Any(self.conditions(value, &place, depth)?),
                "$contains" | "$not_contains" => Condition::Document {
                    part: part(value, &place)?,
                    place,
                    is_wanted: name == "$contains",
                },
                name if name.starts_with('$') => return Err(unknown(name, &place)),
                name => self.field(name, value, place)?,
            });
        }
        Ok(joined_by_and(conditions))
    }

    fn conditions(&mut self, value: &Value, place: &str, depth: usize) -> Result<Vec<Condition>, StoreError> {
        let conditions = list(value, place)?.iter().enumerate();
        conditions
            .map(|(number, value)| self.condition(value, &format!("{place}[{number}]"), depth + 1))
            .collect()
    }

    fn field(&mut self, name: &str, value: &Value, place: String) -> Result<Condition, StoreError> {
        without_nul(name, &place)?;
        let field = |place, test| Condition::Field {
            place,
            name: name.to_owned(),
            test,
        };
        let Value::Object(operators) = value else {
            let values = vec![scalar(value, &place)?];
            return Ok(field(
                place,
                Test::Among {
                    values,
                    is_wanted: true,
                },
            ));
        };
        if operators.is_empty() {
            return Err(refused(
                &place,
                "an object here has an operator, as {\"$gte\": 2020}",
            ));
        }
        let mut conditions = Vec::new();
        for (operator, value) in operators {
            let place = joined(&place, operator);
            self.count(&place)?;
            let test = self.test(operator, value, &place)?;
            conditions.push(field(place, test));
        }
        Ok(joined_by_and(conditions))
    }

    fn test(&mut self, operator: &str, value: &Value, place: &str) -> Result<Test, StoreError> {
        let compare = |order| Ok(Test::Compare(order, scalar(value, place)?));
        match operator {
            "$eq" | "$ne" => Ok(Test::Among {
                values: vec![scalar(value, place)?],
                is_wanted: operator == "$eq",
            }),
            "$in" | "$nin" => Ok(Test::Among {
                values: self.values(value, place)?,
                is_wanted: operator == "$in",
            }),
            "$contains" | "$not_contains" => Ok(Test::Member {
                value: scalar(value, place)?,
                is_wanted: operator == "$contains",
            }),
            "$gt" => compare(Order::Greater),
            "$gte" => compare(Order::GreaterOrEqual),
            "$lt" => compare(Order::Less),
            "$lte" => compare(Order::LessOrEqual),
            _ => Err(unknown(operator, place)),
        }
    }

    fn values(&mut self, value: &Value, place: &str) -> Result<Vec<Value>, StoreError> {
        let mut values = Vec::new();
        for (number, value) in list(value, place)?.iter().enumerate() {
            let place = format!("{place}[{number}]");
            self.count(&place)?;
            values.push(scalar(value, &place)?);
        }
        Ok(values)
    }

    fn count(&mut self, place: &str) -> Result<(), StoreError> {
        self.size += 1;
        if self.size > SIZE_LIMIT {
            return Err(refused(
                place,
                format!("there are more than {SIZE_LIMIT} conditions and values"),
            ));
        }
        Ok(())
    }
}

fn joined_by_and(mut conditions: Vec<Condition>) -> Condition {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => Condition::All(conditions),
    }
}

fn object<'a>(value: &'a Value, place: &str, expected: &str) -> Result<&'a Map<String, Value>, StoreError> {
    value
        .as_object()
        .filter(|object| !object.is_empty())
        .ok_or_else(|| refused(place, expected))
}

fn list<'a>(value: &'a Value, place: &str) -> Result<&'a [Value], StoreError> {
    let list = value.as_array().filter(|list| !list.is_empty());
    list.map(Vec::as_slice)
        .ok_or_else(|| refused(place, "here is a list that is not empty"))
}

fn scalar(value: &Value, place: &str) -> Result<Value, StoreError> {
    match value {
        Value::String(text) => without_nul(text, place)?,
        Value::Number(_) | Value::Bool(_) => {}
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(refused(place, "here is a text, a number, true or false"));
        }
    }
    Ok(value.clone())
}

fn part(value: &Value, place: &str) -> Result<String, StoreError> {
    let text = value.as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| refused(place, "here is a text that is not empty"))?;
    without_nul(text, place)?;
    Ok(text.to_owned())
}

fn without_nul(text: &str, place: &str) -> Result<(), StoreError> {
    if text.contains('\0') {
        return Err(refused(place, "it holds NUL, which no text in PostgreSQL does"));
    }
    Ok(())
}

fn unknown(operator: &str, place: &str) -> StoreError {
    refused(place, format!("there is no operator {operator} here"))
}

fn joined(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_condition_is_refused_with_its_place() {
        for (condition, place) in [
            ("", "its beginning"),
            ("[]", "its beginning"),
            ("{}", "its beginning"),
            ("{\"year\": 2020", "its beginning"),
            (r#"{"year": null}"#, "year"),
            (r#"{"year": [2020]}"#, "year"),
            (r#"{"year": {}}"#, "year"),
            (r#"{"year": {"$near": 1}}"#, "year.$near"),
            (r#"{"$where": "1=1"}"#, "$where"),
            (r#"{"year": {"$in": []}}"#, "year.$in"),
            (r#"{"year": {"$in": [1, {}]}}"#, "year.$in[1]"),
            (
                r#"{"$and": [{"a": 1}, {"$or": [{"b": {"$gt": []}}]}]}"#,
                "$and[1].$or[0].b.$gt",
            ),
            (r#"{"$and": {"a": 1}}"#, "$and"),
            (r#"{"$contains": ""}"#, "$contains"),
            (r#"{"a": "\u0000"}"#, "a"),
            ("{\"\\u0000\": 1}", "\0"),
        ] {
            match text(condition) {
                Err(StoreError::Filter { place: found, .. }) => assert_eq!(found, place, "{condition}"),
                other => panic!("{condition}: {other:?}"),
            }
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested =
            |depth: usize| format!("{}{{\"a\":1}}{}", "{\"$and\":[".repeat(depth), "]}".repeat(depth));
        assert!(text(&nested(DEPTH_LIMIT)).is_ok());
        assert!(text(&nested(DEPTH_LIMIT + 1)).is_err());
        assert!(text(&nested(100_000)).is_err());
        let listed = |count: usize| format!("{{\"a\":{{\"$in\":[{}]}}}}", vec!["1"; count].join(","));
        assert!(text(&listed(SIZE_LIMIT - 2)).is_ok());
        assert!(text(&listed(SIZE_LIMIT)).is_err());
    }
}
