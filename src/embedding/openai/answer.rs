//! The answer to a request for embeddings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Embedding,
}

/// Some services answer with base64 whatever is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Embedding {
    /// A null is what JSON has in place of NaN.
    Numbers(Vec<Option<f32>>),
    /// Little-endian `f32`.
    Base64(String),
}

#[derive(Deserialize)]
struct Tokens {
    total_tokens: Option<u64>,
    prompt_tokens: Option<u64>,
}

/// The vectors in the order of the texts, and how many tokens were counted, where it says so. Components may
/// be no numbers.
///
/// # Errors
/// What is wrong with the answer, in words that repeat nothing of it.
pub(super) fn read(body: &[u8], texts: usize) -> Result<(Vec<Vec<f32>>, Option<u64>), String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("it is no list of embeddings (column {})", error.column()))?;
    if answer.data.len() != texts {
        return Err(format!("it has {} vectors for {texts} texts", answer.data.len()));
    }
    let mut vectors = vec![Vec::new(); texts];
    for item in answer.data {
        let place = vectors.get_mut(item.index).filter(|place| place.is_empty());
        let place =
            place.ok_or_else(|| format!("its index {} is there twice or beyond the texts", item.index))?;
        *place = components(item.embedding)?;
    }
    let tokens = answer
        .usage
        .and_then(|usage| usage.total_tokens.or(usage.prompt_tokens));
    Ok((vectors, tokens))
}

fn components(embedding: Embedding) -> Result<Vec<f32>, String> {
    let components = match embedding {
        Embedding::Numbers(numbers) => numbers
            .into_iter()
            .map(|number| number.unwrap_or(f32::NAN))
            .collect(),
        Embedding::Base64(text) => decoded(&text)?,
    };
    if components.is_empty() {
        return Err("a vector has no components".to_owned());
    }
    Ok(components)
}

fn decoded(text: &str) -> Result<Vec<f32>, String> {
    let unreadable = || "a vector is neither a list of numbers nor base64 of them".to_owned();
    let bytes = STANDARD.decode(text).map_err(|_| unreadable())?;
    let (components, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(unreadable());
    }
    Ok(components.iter().copied().map(f32::from_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_their_texts_as_numbers_or_as_base64() {
        let body =
            br#"{"object": "list", "model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 7}, "data": [
            {"object": "embedding", "index": 1, "embedding": "AACAPwAAAMA="},
            {"object": "embedding", "index": 0, "embedding": [0.5, -1]}]}"#;
        let read = read(body, 2).unwrap();
        assert_eq!(read, (vec![vec![0.5, -1.0], vec![1.0, -2.0]], Some(7)));
    }

    #[test]
    fn an_answer_that_is_not_whole_is_refused_in_words_that_repeat_nothing() {
        let table = [
            (r"<html>canary</html>", "no list"),
            (r#"{"error": "canary"}"#, "no list"),
            (r#"{"data": []}"#, "0 vectors for 1"),
            (r#"{"data": [{"index": 1, "embedding": [1]}]}"#, "index 1"),
            (r#"{"data": [{"index": 0, "embedding": []}]}"#, "no components"),
            (r#"{"data": [{"index": 0, "embedding": [NaN]}]}"#, "no list"),
            (r#"{"data": [{"index": 0, "embedding": "AACA"}]}"#, "base64"),
            (r#"{"data": [{"index": 0, "embedding": "canary"}]}"#, "base64"),
        ];
        for (body, part) in table {
            let problem = read(body.as_bytes(), 1).unwrap_err();
            assert!(
                problem.contains(part) && !problem.contains("canary"),
                "{body}: {problem}"
            );
        }
    }

    #[test]
    fn a_component_that_is_no_number_stays_so() {
        for embedding in ["[1, null]", "[1, 1e39]", r#""AACAPwAAwH8=""#] {
            let body = format!(r#"{{"data": [{{"index": 0, "embedding": {embedding}}}]}}"#);
            let (vectors, _) = read(body.as_bytes(), 1).unwrap();
            assert!(vectors[0][0] == 1.0 && !vectors[0][1].is_finite(), "{vectors:?}");
        }
    }

    #[test]
    fn an_index_that_is_there_twice_is_refused() {
        let body = br#"{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}"#;
        assert!(read(body, 2).unwrap_err().contains("index 0"));
    }
}
