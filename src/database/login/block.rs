//! Our own lines in a `pg_hba.conf`: marked, before the first rule, and taken out again to the byte.

use crate::settings::Identifier;

/// The marked lines for one role in one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub lines: Vec<String>,
}

/// The file does not hold what would be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockError {
    /// The beginning of our lines is there, and other lines follow than ours.
    Changed,
}

impl Block {
    pub fn new(database: &Identifier, role: &Identifier) -> Self {
        // In double quotes a name is a name, not a keyword (hba documentation, "Database names and user names").
        let (database, role) = (database.quoted(), role.quoted());
        let rule = |address: &str| format!("host {database} {role} {address} scram-sha-256");
        Self {
            lines: vec![
                format!("# pgvector-setup: begin {database} {role}"),
                rule("127.0.0.1/32"),
                rule("::1/128"),
                format!("# pgvector-setup: end {database} {role}"),
            ],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let lines = self.lines.iter().map(|line| format!("{line}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// The file with these lines before its first rule; `None` when they are there already.
    pub fn put_into(&self, file: &[u8]) -> Option<Vec<u8>> {
        let block = self.bytes();
        if position(file, &block).is_some() {
            return None;
        }
        let start = first_rule(file);
        // A last line without an end would run into ours, so they go first there.
        let is_line_start = start == 0 || file[start - 1] == b'\n';
        let (before, after) = file.split_at(if is_line_start { start } else { 0 });
        Some([before, &block, after].concat())
    }
}

/// The file without the block; as it was where the block is gone already.
///
/// # Errors
/// [`BlockError::Changed`] when somebody changed our lines.
pub fn without_block(block: &Block, file: &[u8]) -> Result<Vec<u8>, BlockError> {
    let bytes = block.bytes();
    match position(file, &bytes) {
        Some(start) => Ok([&file[..start], &file[start + bytes.len()..]].concat()),
        None if position(file, block.lines[0].as_bytes()).is_some() => Err(BlockError::Changed),
        None => Ok(file.to_vec()),
    }
}

fn position(file: &[u8], part: &[u8]) -> Option<usize> {
    file.windows(part.len()).position(|window| window == part)
}

/// Where the first line begins that is neither empty nor a comment. A line that ends in a backslash goes on in the next
/// (PostgreSQL 14 and newer), also when it is a comment.
fn first_rule(file: &[u8]) -> usize {
    let (mut start, mut continues) = (0, false);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        if !continues && !text.is_empty() && !text.starts_with(b"#") {
            return start;
        }
        continues = text.ends_with(b"\\");
        start += line.len();
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    fn block() -> Block {
        Block::new(&name("shop"), &name("a \"b\""))
    }

    const LINES: &str = "# pgvector-setup: begin \"shop\" \"a \"\"b\"\"\"\n\
        host \"shop\" \"a \"\"b\"\"\" 127.0.0.1/32 scram-sha-256\n\
        host \"shop\" \"a \"\"b\"\"\" ::1/128 scram-sha-256\n\
        # pgvector-setup: end \"shop\" \"a \"\"b\"\"\"\n";

    #[test]
    fn the_lines_stand_before_the_first_rule_and_go_without_a_trace() {
        for (before, after) in [
            ("# a\n\n", "local all all peer\nhost all all all ident\n"),
            ("", "local all all peer"),
            ("# b \\\nstill a comment\n", "local all all peer\n"),
            ("# only comments\n", ""),
            ("", "# a comment without an end"),
            ("#\n", "\tinclude other\n"),
            ("", ""),
        ] {
            let file = format!("{before}{after}");
            let with = block().put_into(file.as_bytes()).unwrap();
            assert_eq!(
                String::from_utf8(with.clone()).unwrap(),
                format!("{before}{LINES}{after}")
            );
            assert_eq!(block().put_into(&with), None, "once");
            assert_eq!(without_block(&block(), &with), Ok(file.clone().into_bytes()));
            assert_eq!(
                without_block(&block(), file.as_bytes()),
                Ok(file.into_bytes()),
                "gone"
            );
        }
    }

    #[test]
    fn lines_that_somebody_changed_are_left() {
        let with = block().put_into(b"").unwrap();
        let changed = String::from_utf8(with)
            .unwrap()
            .replace("127.0.0.1/32", "10.0.0.0/8");
        assert_eq!(
            without_block(&block(), changed.as_bytes()),
            Err(BlockError::Changed)
        );
    }
}
