//! Metadata in the log: a flat JSON object. Chroma to 0.6 wrote Python's own kind, in which NaN and the infinities are words, and
//! floats must come back to the last bit: two things that `serde_json` does not do.

use crate::import::Value;

/// Where the text is no such object: an offset in bytes, and what was expected there.
pub(in crate::import::chroma) type Unexpected = (usize, &'static str);

/// The entries of an object, in their order; [`Value::Null`] for `null`.
pub(in crate::import::chroma) fn object(text: &str) -> Result<Vec<(String, Value)>, Unexpected> {
    let mut reader = Reader { text, at: 0 };
    let mut entries = Vec::new();
    reader.symbol("{")?;
    if !reader.is("}") {
        loop {
            let key = reader.string()?;
            reader.symbol(":")?;
            entries.push((key, reader.value()?));
            if !reader.is(",") {
                break;
            }
        }
        reader.symbol("}")?;
    }
    reader.space();
    match reader.rest() {
        "" => Ok(entries),
        _ => Err((reader.at, "nothing after the object")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    /// A value that is no object; a list holds no lists.
    fn value(&mut self) -> Result<Value, Unexpected> {
        if !self.is("[") {
            return self.scalar();
        }
        let mut elements = Vec::new();
        if self.is("]") {
            return Ok(Value::List(elements));
        }
        loop {
            elements.push(self.scalar()?);
            if !self.is(",") {
                break;
            }
        }
        self.symbol("]")?;
        Ok(Value::List(elements))
    }

    fn scalar(&mut self) -> Result<Value, Unexpected> {
        self.space();
        if self.rest().starts_with('"') {
            return self.string().map(Value::Text);
        }
        let end = self
            .rest()
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || "+-.".contains(letter)))
            .unwrap_or(self.rest().len());
        let word = &self.rest()[..end];
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            "NaN" => Value::Float(f64::NAN),
            "Infinity" => Value::Float(f64::INFINITY),
            "-Infinity" => Value::Float(f64::NEG_INFINITY),
            number => self.number(number)?,
        };
        self.at += end;
        Ok(value)
    }

    fn number(&self, word: &str) -> Result<Value, Unexpected> {
        let unexpected = (self.at, "a text, a number, a list, true, false or null");
        let digits = word.strip_prefix('-').unwrap_or(word);
        // Rust would also take "inf" and "+1".
        if !digits.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err(unexpected);
        }
        if let Ok(integer) = word.parse() {
            return Ok(Value::Integer(integer));
        }
        word.parse().map(Value::Float).map_err(|_| unexpected)
    }

    fn string(&mut self) -> Result<String, Unexpected> {
        self.space();
        let start = self.at;
        let mut bytes = self.rest().bytes();
        if bytes.next() != Some(b'"') {
            return Err((start, "a text in quotes"));
        }
        let mut length = 1;
        loop {
            length += 1;
            match bytes.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    length += 1;
                    bytes.next();
                }
                Some(_) => {}
                None => return Err((start, "a text with its closing quote")),
            }
        }
        self.at += length;
        serde_json::from_str(&self.text[start..start + length])
            .map_err(|_| (start, "a text with JSON's escapes"))
    }

    fn symbol(&mut self, symbol: &'static str) -> Result<(), Unexpected> {
        if self.is(symbol) {
            return Ok(());
        }
        Err((self.at, symbol))
    }

    /// Goes past the symbol, where it is next.
    fn is(&mut self, symbol: &str) -> bool {
        self.space();
        let is_next = self.rest().starts_with(symbol);
        if is_next {
            self.at += symbol.len();
        }
        is_next
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::object;
    use crate::import::Value;

    #[test]
    fn every_kind_of_value_is_read_exactly() {
        let text = r#" {"n": null, "t":true,"f" : false, "i":-9223372036854775808, "d":0.1, "z":-0.0, "tiny":5e-324,
            "s":"\ud83e\udd8a \"q\" \\ \u0000 値", "l":["x"], "m":[1.0, 2], "e":[], "":""} "#;
        let entries = object(text).expect("an object");
        let value = |key: &str| {
            entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(value("n"), Some(Value::Null));
        assert_eq!(value("t"), Some(Value::Boolean(true)));
        assert_eq!(value("f"), Some(Value::Boolean(false)));
        assert_eq!(value("i"), Some(Value::Integer(i64::MIN)));
        assert_eq!(value("d"), Some(Value::Float(0.1)));
        assert!(matches!(value("z"), Some(Value::Float(zero)) if zero.is_sign_negative()));
        assert_eq!(value("tiny"), Some(Value::Float(5e-324)));
        assert_eq!(value("s"), Some(Value::Text("🦊 \"q\" \\ \0 値".to_owned())));
        assert_eq!(value("l"), Some(Value::List(vec![Value::Text("x".to_owned())])));
        assert_eq!(
            value("m"),
            Some(Value::List(vec![Value::Float(1.0), Value::Integer(2)]))
        );
        assert_eq!(value("e"), Some(Value::List(Vec::new())));
        assert_eq!(value(""), Some(Value::Text(String::new())));
        assert_eq!(object("{}"), Ok(Vec::new()));
    }

    #[test]
    fn words_of_python_are_floats() {
        let entries = object(r#"{"a": NaN, "b": Infinity, "c": -Infinity}"#).expect("an object");
        let [(_, Value::Float(a)), (_, Value::Float(b)), (_, Value::Float(c))] = entries[..] else {
            panic!("{entries:?}");
        };
        assert!(a.is_nan() && b == f64::INFINITY && c == f64::NEG_INFINITY);
    }

    #[test]
    fn anything_else_is_refused_where_it_is() {
        for (text, at) in [
            ("", 0),
            ("[]", 0),
            ("{\"a\"}", 4),
            ("{\"a\":{}}", 5),
            ("{\"a\":[[1]]}", 6),
            ("{\"a\":1}x", 7),
            ("{\"a\":inf}", 5),
            ("{\"a\":+1}", 5),
            ("{\"a\":1,}", 7),
            ("{\"a\":\"x}", 5),
            ("{\"a\":\"\\", 5),
            ("{\"a\":\"\\ud800\"}", 5),
            ("{\"é\\é\":1}", 1),
        ] {
            let (found, expected) = object(text).expect_err(text);
            assert_eq!(found, at, "{text}: {expected}");
        }
    }
}
