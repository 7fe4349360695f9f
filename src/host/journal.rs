//! Whether what we say goes to systemd's journal.

use super::Host;

impl Host {
    /// Whether standard error is the stream that systemd connected to its journal: `JOURNAL_STREAM` holds its device and inode
    /// in decimal (systemd.exec(5)). A child whose output somebody redirected has the variable too, and another stream.
    pub fn talks_to_journal(&self) -> bool {
        let named = self.environment.journal_stream.as_deref().and_then(parse);
        let Ok(status) = rustix::fs::fstat(rustix::stdio::stderr()) else {
            return false;
        };
        #[allow(
            clippy::unnecessary_cast,
            clippy::useless_conversion,
            reason = "other systems have other widths"
        )]
        let stream = (status.st_dev as u64, status.st_ino as u64);
        named == Some(stream)
    }
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let (device, inode) = text.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_device_and_inode() {
        for (text, expected) in [
            ("8:12345", Some((8, 12_345))),
            ("", None),
            ("8", None),
            ("8:", None),
            ("8:0x1f", None),
            ("8:1:2", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
