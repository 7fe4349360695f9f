//! What is on a machine, as lines that can be compared: files with mode and owner, the content of /etc, packages.

use std::collections::BTreeMap;

use super::leftovers::KEPT_BY_THE_SYSTEM;
use super::machine::Machine;

/// Everything but the kernel's file systems. Times are left out: reading an old file's time changes nothing.
const LIST: &str = r"
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run \) -prune -o -printf '%p\t%y %m %u:%g %l\n'
find /etc -xdev -type f -exec sha256sum {} + | sed -E 's/^(\S+)  (.*)$/\2 (content)\t\1/'
sed -E 's/^([^:]*):(.*)$/account \1\t\2/' /etc/passwd
sed -E 's/^([^:]*):(.*)$/group \1\t\2/' /etc/group
dpkg-query -W -f 'package ${binary:Package}\t${Version} ${db:Status-Abbrev}\n'
";

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
