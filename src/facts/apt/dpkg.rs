//! Whether dpkg was interrupted: only it can finish what it began, and a person should know first.

use std::path::Path;

use crate::host::Host;

/// `dpkg-query --showformat`: one line a package.
pub const FORMAT: &str = "${db:Status-Status} ${binary:Package}\\n";

pub const JOURNAL: &str = "/var/lib/dpkg/updates";

/// States between "not there" and "installed" (dpkg(1)). Awaited triggers are no interruption.
const HALF_DONE: [&str; 3] = ["half-installed", "unpacked", "half-configured"];

/// The packages that are half done, from the output of `dpkg-query` in [`FORMAT`].
pub fn broken_packages(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(state, _)| HALF_DONE.contains(state))
        .map(|(_, package)| package.to_owned())
        .collect()
}

/// Whether dpkg's journal has entries, files named by numbers: apt-get refuses while one is there.
pub fn has_journal(host: &Host) -> bool {
    let names = host.list(Path::new(JOURNAL));
    let is_entry = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    names.iter().any(is_entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_half_done_packages_are_broken() {
        let text = "installed adduser\nconfig-files old\ntriggers-awaited man-db\nhalf-configured postgresql-17\n\
                    unpacked libpq5:amd64\nhalf-installed tzdata\nnot-installed x\n\ngarbage";
        assert_eq!(broken_packages(text), ["postgresql-17", "libpq5:amd64", "tzdata"]);
    }
}
