//! Our own lines in a `pg_hba.conf`: marked, before the first rule, and taken out again to the byte.

use crate::settings::{Identifier, Network};

const BEGIN: &str = "# pgvector-setup: begin ";
const END: &str = "# pgvector-setup: end ";

/// The marked lines for one role in one database; every pair of them has its own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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
    /// Lets the role in by a SCRAM password alone: over loopback where `loopback` says that this is ours to say, and by TLS
    /// from `networks`, whence nothing else lets it in without TLS.
    pub fn new(database: &Identifier, role: &Identifier, loopback: bool, networks: &[Network]) -> Self {
        // In double quotes a name is a name, not a keyword (hba documentation, "Database names and user names").
        let pair = format!("{} {}", database.quoted(), role.quoted());
        let mut lines = vec![format!("{BEGIN}{pair}")];
        if loopback {
            lines.extend(
                ["127.0.0.1/32", "::1/128"].map(|address| format!("host {pair} {address} scram-sha-256")),
            );
        }
        lines.extend(
            networks
                .iter()
                .map(|network| format!("hostssl {pair} {network} scram-sha-256")),
        );
        let is_ours_to_refuse = |network: &&Network| loopback || !network.is_everybody();
        let refused = networks.iter().filter(is_ours_to_refuse);
        lines.extend(refused.map(|network| format!("hostnossl {pair} {network} reject")));
        lines.push(format!("{END}{pair}"));
        Self { lines }
    }

    /// The networks that the role is let in from.
    pub fn networks(&self) -> Vec<Network> {
        let let_in = self.lines.iter().filter(|line| line.starts_with("hostssl "));
        let network = |line: &String| line.rsplit(' ').nth(1)?.parse().ok();
        let_in.filter_map(network).collect()
    }

    /// Whether both are of the same role in the same database.
    pub fn is_of_same_pair(&self, other: &Self) -> bool {
        self.lines.first() == other.lines.first()
    }

    fn bytes(&self) -> Vec<u8> {
        let lines = self.lines.iter().map(|line| format!("{line}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// The file with these lines in the place of an earlier version of them, else before its first rule; `None` when they
    /// are there already.
    ///
    /// # Errors
    /// [`BlockError::Changed`] when our lines are there as none of `earlier`.
    pub fn put_into(&self, file: &[u8], earlier: &[Self]) -> Result<Option<Vec<u8>>, BlockError> {
        let block = self.bytes();
        if position(file, &block).is_some() {
            return Ok(None);
        }
        for earlier in earlier.iter().map(Self::bytes) {
            if let Some(start) = position(file, &earlier) {
                return Ok(Some(
                    [&file[..start], &block, &file[start + earlier.len()..]].concat(),
                ));
            }
        }
        if self.is_begun_in(file) {
            return Err(BlockError::Changed);
        }
        let start = first_rule(file);
        // A last line without an end would run into ours, so they go first there.
        let is_line_start = start == 0 || file[start - 1] == b'\n';
        let (before, after) = file.split_at(if is_line_start { start } else { 0 });
        Ok(Some([before, &block, after].concat()))
    }

    fn is_begun_in(&self, file: &[u8]) -> bool {
        let begin = self.lines.first().map_or("", String::as_str);
        let mut lines = file.split(|byte| *byte == b'\n');
        lines.any(|line| line == begin.as_bytes())
    }
}

/// The file without the lines of one pair, in whichever of their versions they are there; as it was where they are gone
/// already.
///
/// # Errors
/// [`BlockError::Changed`] when somebody changed our lines.
pub fn without_block(versions: &[Block], file: &[u8]) -> Result<Vec<u8>, BlockError> {
    for block in versions.iter().map(Block::bytes) {
        if let Some(start) = position(file, &block) {
            return Ok([&file[..start], &file[start + block.len()..]].concat());
        }
    }
    if versions.iter().any(|block| block.is_begun_in(file)) {
        return Err(BlockError::Changed);
    }
    Ok(file.to_vec())
}

/// Every block of ours in the file, by its marks.
pub fn blocks_in(file: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(file);
    let (mut blocks, mut open) = (Vec::new(), None::<Vec<String>>);
    for line in text.lines() {
        if line.starts_with(BEGIN) {
            open = Some(Vec::new());
        }
        let Some(lines) = &mut open else { continue };
        lines.push(line.to_owned());
        if line.starts_with(END) {
            blocks.extend(open.take().map(|lines| Block { lines }));
        }
    }
    blocks
}

fn position(file: &[u8], part: &[u8]) -> Option<usize> {
    file.windows(part.len()).position(|window| window == part)
}

/// Where the first line begins that is neither empty nor a comment, or a block of ours, whose first line is one. A line that ends in a backslash goes on in the next
/// (PostgreSQL 14 and newer), also when it is a comment.
fn first_rule(file: &[u8]) -> usize {
    let (mut start, mut continues) = (0, false);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        let is_ours = line.starts_with(BEGIN.as_bytes());
        if !continues && (is_ours || !text.is_empty() && !text.starts_with(b"#")) {
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
        Block::new(&name("shop"), &name("a \"b\""), true, &[])
    }

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
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
            let with = block().put_into(file.as_bytes(), &[]).unwrap().unwrap();
            assert_eq!(
                String::from_utf8(with.clone()).unwrap(),
                format!("{before}{LINES}{after}")
            );
            assert_eq!(block().put_into(&with, &[]), Ok(None), "once");
            assert_eq!(without_block(&[block()], &with), Ok(file.clone().into_bytes()));
            assert_eq!(
                without_block(&[block()], file.as_bytes()),
                Ok(file.into_bytes()),
                "gone"
            );
        }
    }

    #[test]
    fn lines_that_somebody_changed_are_left() {
        let with = block().put_into(b"", &[]).unwrap().unwrap();
        let changed = String::from_utf8(with)
            .unwrap()
            .replace("127.0.0.1/32", "10.0.0.0/8");
        assert_eq!(
            without_block(&[block()], changed.as_bytes()),
            Err(BlockError::Changed)
        );
        assert_eq!(
            block().put_into(changed.as_bytes(), &[block()]),
            Err(BlockError::Changed)
        );
    }

    #[test]
    fn networks_are_let_in_by_tls_alone() {
        for (loopback, given, expected) in [
            (
                true,
                &["10.0.0.0/8", "2001:db8::/32"][..],
                "host 127.0.0.1/32 scram-sha-256; host ::1/128 scram-sha-256; hostssl 10.0.0.0/8 scram-sha-256; \
                 hostssl 2001:db8::/32 scram-sha-256; hostnossl 10.0.0.0/8 reject; hostnossl 2001:db8::/32 reject",
            ),
            (
                true,
                &["0.0.0.0/0"],
                "host 127.0.0.1/32 scram-sha-256; host ::1/128 scram-sha-256; hostssl 0.0.0.0/0 scram-sha-256; \
                 hostnossl 0.0.0.0/0 reject",
            ),
            (
                false,
                &["192.0.2.0/24"],
                "hostssl 192.0.2.0/24 scram-sha-256; hostnossl 192.0.2.0/24 reject",
            ),
            // A role of somebody else's comes in over loopback as it always did.
            (false, &["0.0.0.0/0"], "hostssl 0.0.0.0/0 scram-sha-256"),
        ] {
            let block = Block::new(&name("shop"), &name("app"), loopback, &networks(given));
            let rules = &block.lines[1..block.lines.len() - 1];
            let rules: Vec<String> = rules
                .iter()
                .map(|line| line.replace("\"shop\" \"app\" ", ""))
                .collect();
            assert_eq!(rules.join("; "), expected, "{given:?}");
        }
    }

    #[test]
    fn every_pair_has_a_block_of_its_own_which_is_changed_in_its_place() {
        let of = |role: &str, given: &[&str]| Block::new(&name("shop"), &name(role), true, &networks(given));
        let file = b"# theirs\nlocal all all peer\n";
        let one = of("app", &[]).put_into(file, &[]).unwrap().unwrap();
        let two = of("other", &["10.0.0.0/8"]).put_into(&one, &[]).unwrap().unwrap();
        assert_eq!(blocks_in(&two), [of("other", &["10.0.0.0/8"]), of("app", &[])]);
        let wider = of("app", &["192.0.2.0/24"]);
        let changed = wider.put_into(&two, &[of("app", &[])]).unwrap().unwrap();
        assert_eq!(blocks_in(&changed).len(), 2);
        assert!(blocks_in(&changed).contains(&wider));
        let less = without_block(&[of("app", &[]), wider], &changed).unwrap();
        assert_eq!(
            without_block(&[of("other", &["10.0.0.0/8"])], &less),
            Ok(file.to_vec())
        );
    }
}
