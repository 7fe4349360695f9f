//! One answer to `POST …/get`.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::import::{Metadata, Record, Value};

/// Each list has one element a record.
#[derive(Deserialize)]
struct Page<'b> {
    ids: Vec<String>,
    #[serde(borrow)]
    embeddings: Vec<Option<&'b RawValue>>,
    documents: Vec<Option<String>>,
    metadatas: Vec<Option<Map<String, Json>>>,
    uris: Vec<Option<String>>,
}

/// The records in the server's order.
///
/// # Errors
/// What is wrong with the answer, in words that repeat no record.
pub(super) fn read(body: &[u8]) -> Result<Vec<Record>, String> {
    let page: Page<'_> = serde_json::from_slice(body)
        .map_err(|error| format!("it is no page of records (column {})", error.column()))?;
    let lengths = [
        page.embeddings.len(),
        page.documents.len(),
        page.metadatas.len(),
        page.uris.len(),
    ];
    if lengths.iter().any(|length| *length != page.ids.len()) {
        return Err(format!(
            "it has {} ids, and {lengths:?} of what belongs to them",
            page.ids.len()
        ));
    }
    let mut rest = page
        .embeddings
        .into_iter()
        .zip(page.documents)
        .zip(page.metadatas.into_iter().zip(page.uris));
    let records = page.ids.into_iter().map_while(|id| {
        let ((embedding, document), (fields, uri)) = rest.next()?;
        Some(record(id, embedding, document, fields, uri))
    });
    records.collect()
}

fn record(
    id: String,
    embedding: Option<&RawValue>,
    document: Option<String>,
    fields: Option<Map<String, Json>>,
    uri: Option<String>,
) -> Result<Record, String> {
    Ok(Record {
        id,
        embedding: embedding.map(|text| components(text.get())).transpose()?,
        document,
        uri,
        metadata: metadata(fields.unwrap_or_default())?,
    })
}

/// Each component from its decimal text, not through `f64`: of all `f32` in their shortest decimal, 7.038531e-26 becomes another
/// one that way (tried with every `f32`).
fn components(list: &str) -> Result<Vec<f32>, String> {
    let unreadable = || "a vector is no list of numbers".to_owned();
    let inner = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.ok_or_else(unreadable)?.trim();
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    let component = |text: &str| match text.trim() {
        // What JSON has in place of NaN and the infinities.
        "null" => Ok(f32::NAN),
        number if number.ends_with(|last: char| last.is_ascii_digit()) => {
            number.parse().map_err(|_| unreadable())
        }
        _ => Err(unreadable()),
    };
    inner.split(',').map(component).collect()
}

fn metadata(fields: Map<String, Json>) -> Result<Metadata, String> {
    let own = fields.into_iter().filter(|(key, _)| !key.starts_with("chroma:"));
    own.map(|(key, json)| Ok((key, value(json)?))).collect()
}

fn value(json: Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(is_true) => Value::Boolean(is_true),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(values) => Value::List(values.into_iter().map(value).collect::<Result<_, _>>()?),
        // The cloud's sparse vectors.
        Json::Object(_) => {
            return Err("a record has an object in its metadata, which no local Chroma has".to_owned());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_each_record_all_that_belongs_to_it() {
        let body = br##"{"ids":["a","b"],"embeddings":[[0.1,-0.0],null],"documents":["text",null],"uris":[null,"file:///b"],
            "metadatas":[{"int":1,"float":1.0,"big":9223372036854775807,"small":5e-324,"yes":true,"none":null,"list":["x"],"chroma:document":"hidden"},null],
            "include":["embeddings"]}"##;
        let records = read(body).unwrap();
        let metadata: Vec<(&str, Value)> = vec![
            ("int", Value::Integer(1)),
            ("float", Value::Float(1.0)),
            ("big", Value::Integer(i64::MAX)),
            ("small", Value::Float(5e-324)),
            ("yes", Value::Boolean(true)),
            ("none", Value::Null),
            ("list", Value::List(vec![Value::Text("x".to_owned())])),
        ];
        let first = Record {
            id: "a".to_owned(),
            embedding: Some(vec![0.1, -0.0]),
            document: Some("text".to_owned()),
            uri: None,
            metadata: metadata
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        };
        let second = Record {
            id: "b".to_owned(),
            uri: Some("file:///b".to_owned()),
            ..Record::default()
        };
        assert!(records[0].embedding.as_ref().unwrap()[1].is_sign_negative());
        assert_eq!(records, [first, second]);
    }

    #[test]
    fn components_are_the_nearest_f32_of_their_text() {
        let table = [
            ("7.038531e-26", 0x15ae_43fd),
            ("9.99994610111476e-41", 71362),
            ("3.4028235e+38", f32::MAX.to_bits()),
            ("3.4028234663852886e38", f32::MAX.to_bits()),
            ("1e-45", 1),
            ("1", 1.0_f32.to_bits()),
        ];
        for (text, bits) in table {
            assert_eq!(
                components(&format!("[{text}]")).unwrap()[0].to_bits(),
                bits,
                "{text}"
            );
        }
        assert!(components("[1, null]").unwrap()[1].is_nan());
        assert!(components("[]").unwrap().is_empty());
    }

    #[test]
    fn a_page_that_is_not_whole_is_refused_in_words_that_repeat_nothing() {
        let whole =
            r#"{"ids":["canary"],"embeddings":[[1]],"documents":[null],"metadatas":[null],"uris":[null]}"#;
        assert!(read(whole.as_bytes()).is_ok());
        let table = [
            (whole.replace("[null],\"uris", "[],\"uris"), "1 ids"),
            (whole.replace("[[1]]", "null"), "no page"),
            (whole.replace("[[1]]", "[\"x\"]"), "no list"),
            (whole.replace("[[1]]", "[[[1]]]"), "no list"),
            (whole.replace("[[1]]", "[[true]]"), "no list"),
            (
                whole.replace("\"metadatas\":[null]", "\"metadatas\":[{\"s\":{\"canary\":1}}]"),
                "object",
            ),
            (whole[..whole.len() - 1].to_owned(), "no page"),
        ];
        for (body, part) in table {
            let problem = read(body.as_bytes()).unwrap_err();
            assert!(
                problem.contains(part) && !problem.contains("canary"),
                "{body}: {problem}"
            );
        }
    }
}
