//! What is on a machine, as lines that can be compared: files with mode and owner, the content of /etc, packages.

use std::collections::BTreeMap;

use super::machine::Machine;

/// Everything but the kernel's file systems. Times are left out: reading an old file's time changes nothing.
const LIST: &str = r"
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run \) -prune -o -printf '%p\t%y %m %u:%g %l\n'
find /etc -xdev -type f -exec sha256sum {} + | sed -E 's/^(\S+)  (.*)$/\2 (content)\t\1/'
sed -E 's/^([^:]*):(.*)$/account \1\t\2/' /etc/passwd
sed -E 's/^([^:]*):(.*)$/group \1\t\2/' /etc/group
dpkg-query -W -f 'package ${binary:Package}\t${Version} ${db:Status-Abbrev}\n'
";

/// What the package manager and the init system keep for themselves after everything that was installed is gone.
/// `rollback` answers for the packages, not for the package manager's own records.
const KEPT_BY_THE_SYSTEM: &[&str] = &[
    // records, caches and logs of apt, dpkg and debconf
    "/var/cache/apt/",
    "/var/cache/debconf/",
    "/var/lib/apt/",
    "/var/lib/dpkg/",
    "/var/log/alternatives.log",
    "/var/log/apt/",
    "/var/log/dpkg.log",
    // rebuilt by ldconfig from the libraries that are there
    "/etc/ld.so.cache",
    "/var/cache/ldconfig/",
    // copies that the account tools keep of the file before the last change
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    "/etc/subgid-",
    "/etc/subuid-",
    // told line by line instead, as `account NAME` and `group NAME`
    "/etc/group (content)",
    "/etc/gshadow (content)",
    "/etc/passwd (content)",
    "/etc/shadow (content)",
    // Debian's packages leave the accounts that they made, lest an old file get a new owner (policy 9.2.2)
    "account postgres",
    "group postgres",
    "group ssl-cert",
    // sudo's own mark of its first use
    "/home/admin/.sudo_as_admin_successful",
    // a link of systemd's to /etc/locale.conf; the package locales removes it with itself
    "/etc/default/locale",
    // the journal, timers' stamps, and byte code that python writes beside any module that root imports
    "/var/log/journal/",
    "/var/lib/systemd/",
    "__pycache__",
];

/// Subject (a path, or `package NAME`) and its description.
pub struct State(BTreeMap<String, String>);

impl State {
    pub fn of(machine: &Machine) -> Self {
        let listing = machine.quietly(LIST);
        let entries = listing.lines().filter_map(|line| line.split_once('\t'));
        Self(
            entries
                .map(|(subject, description)| (subject.to_owned(), description.to_owned()))
                .collect(),
        )
    }

    /// Every difference that `later` has, apart from what the system keeps for itself and `allowed` prefixes.
    pub fn differences(&self, later: &Self, allowed: &[&str]) -> Vec<String> {
        let subjects: std::collections::BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let changed = subjects
            .into_iter()
            .filter(|subject| self.0.get(*subject) != later.0.get(*subject));
        changed
            .filter(|subject| !is_kept(subject) && !allowed.iter().any(|prefix| subject.starts_with(prefix)))
            .map(|subject| {
                let description =
                    |state: &Self| state.0.get(subject).map_or("absent", String::as_str).to_owned();
                format!("{subject}: {} -> {}", description(self), description(later))
            })
            .collect()
    }
}

fn is_kept(subject: &str) -> bool {
    KEPT_BY_THE_SYSTEM
        .iter()
        .any(|kept| subject.starts_with(kept) || (!kept.starts_with('/') && subject.contains(kept)))
}
