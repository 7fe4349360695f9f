use super::OpenAiOptions;

/// OpenAI takes 300,000 tokens in one request, and a token is at least a byte.
const MOST_BYTES: usize = 300_000;

/// Parts of at most `most` texts and of at most [`MOST_BYTES`], but of one text at least.
pub(super) fn split(texts: &[String], most: usize) -> impl Iterator<Item = &[String]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(most.max(1)).take_while(|text| {
            bytes += text.len();
            bytes <= MOST_BYTES
        });
        let length = fitting.count().max(1);
        let (batch, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(batch)
    })
}

/// About how many tokens the service will count, for the pace: four bytes each, as in English.
pub(super) fn tokens(texts: &[String]) -> u64 {
    let bytes: usize = texts.iter().map(String::len).sum();
    bytes.div_ceil(4) as u64
}

/// The body of a request.
pub(super) fn request(options: &OpenAiOptions, texts: &[String]) -> Vec<u8> {
    let mut body = serde_json::json!({
        "model": options.model,
        "input": texts,
        "encoding_format": "float",
    });
    // Models that have one length alone refuse the key.
    if let Some(dimensions) = options.dimensions {
        body["dimensions"] = dimensions.into();
    }
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(sizes: &[usize], most: usize) -> Vec<usize> {
        let texts: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
        split(&texts, most).map(<[String]>::len).collect()
    }

    #[test]
    fn batches_are_bounded_by_count_and_by_bytes_and_hold_every_text() {
        let table: [(&[usize], usize, &[usize]); 7] = [
            (&[], 2, &[]),
            (&[1, 1, 1, 1, 1], 2, &[2, 2, 1]),
            (&[1, 1], 100, &[2]),
            (&[1, 1], 0, &[1, 1]),
            (&[200_000, 100_000, 1], 100, &[2, 1]),
            (&[1, 300_001, 1], 100, &[1, 1, 1]),
            (&[300_001], 100, &[1]),
        ];
        for (sizes, most, expected) in table {
            assert_eq!(lengths(sizes, most), expected, "{sizes:?}");
        }
    }
}
