//! The one place where SQL text is put together from parts.
//!
//! Names go through [`Identifier::quoted`](crate::settings::Identifier::quoted), values through bind parameters or
//! [`literal`]; `sqlx` accepts no other text than what passes [`composed`].

use sqlx::AssertSqlSafe;

/// SQL that was composed of fixed text, quoted identifiers and [`literal`]s.
pub fn composed(sql: impl Into<String>) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.into())
}

/// A string constant as SQL text, for statements that take no parameters.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
    }
}
