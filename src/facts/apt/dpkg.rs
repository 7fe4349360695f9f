//! Whether dpkg was interrupted: only it can finish what it began, and a person should know first.

use std::path::Path;

use crate::host::Host;

/// `dpkg-query --showformat`: one line a package. A package that never was there has no version.
pub const FORMAT: &str = "${db:Status-Status} ${db:Status-Eflag} ${binary:Package} ${Version}\\n";

pub const JOURNAL: &str = "/var/lib/dpkg/updates";

/// States between "not there" and "installed" (dpkg(1)). Awaited triggers are no interruption.
const HALF_DONE: [&str; 3] = ["half-installed", "unpacked", "half-configured"];

/// A package that dpkg was not done with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Broken {
    /// With its architecture where there can be several: `libpq5:amd64`.
    pub package: String,
    /// Of the archive that was being unpacked.
    pub version: String,
    /// Whether `dpkg --configure` does not take it: its files may not all be there, so it has to be installed again.
    pub must_reinstall: bool,
}

/// The packages that are half done, from the output of `dpkg-query` in [`FORMAT`].
pub fn broken_packages(text: &str) -> Vec<Broken> {
    text.lines().filter_map(broken).collect()
}

fn broken(line: &str) -> Option<Broken> {
    let mut words = line.split(' ');
    let (state, flag, package) = (words.next()?, words.next()?, words.next()?);
    if !HALF_DONE.contains(&state) {
        return None;
    }
    Some(Broken {
        package: package.to_owned(),
        version: words.next().unwrap_or_default().to_owned(),
        // dpkg notes a package as unpacked first and takes the flag away in a later note. What is half installed is not even
        // looked at by `dpkg --configure -a`, which ends with 0.
        must_reinstall: state == "half-installed" || flag.contains("reinstreq"),
    })
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

    /// Every state and flag of dpkg(1), as `dpkg-query` of Debian 13 prints them.
    #[test]
    fn only_half_done_packages_are_broken_and_dpkg_tells_which_of_them_it_cannot_finish() {
        for (line, expected) in [
            ("installed ok adduser 3.152", None),
            ("config-files ok old 1", None),
            ("triggers-awaited ok man-db 2.13.1-1", None),
            ("triggers-pending ok libc-bin 2.41-12", None),
            ("not-installed ok x ", None),
            ("", None),
            ("garbage", None),
            (
                "half-configured ok postgresql-17 17.6-0+deb13u1",
                Some(("postgresql-17", "17.6-0+deb13u1", false)),
            ),
            (
                "unpacked ok libpq5:amd64 17.6-0+deb13u1",
                Some(("libpq5:amd64", "17.6-0+deb13u1", false)),
            ),
            (
                "unpacked reinstreq postgresql-client-common 278",
                Some(("postgresql-client-common", "278", true)),
            ),
            (
                "half-installed reinstreq ssl-cert 1.1.3",
                Some(("ssl-cert", "1.1.3", true)),
            ),
            ("half-installed reinstreq ssl-cert ", Some(("ssl-cert", "", true))),
            ("half-installed ok tzdata 2025b", Some(("tzdata", "2025b", true))),
        ] {
            let expected = expected.map(|(package, version, must_reinstall)| Broken {
                package: package.to_owned(),
                version: version.to_owned(),
                must_reinstall,
            });
            assert_eq!(broken(line), expected, "{line}");
        }
        assert_eq!(
            broken_packages("installed ok a 1\nunpacked ok b 2\nunpacked ok c 3\n").len(),
            2
        );
    }
}
