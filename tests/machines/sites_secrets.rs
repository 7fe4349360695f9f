//! The passwords of sites, looked for everywhere on their machine.

use std::collections::BTreeSet;

use super::machine::Machine;

/// Every password that a site has had.
#[derive(Default)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Adds those that services read now. Neither the transcript nor a command line shows them.
    pub fn collect(&mut self, machine: &Machine) {
        let text = machine.quietly("cat /etc/pgvector-setup/sites/*");
        let urls = text.split("postgresql://").skip(1);
        let passwords = urls.filter_map(|url| url.split_once('@')?.0.split_once(':'));
        self.0.extend(passwords.map(|(_, password)| password.to_owned()));
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Where they are on the machine: in the journal, in what systemd shows, in processes, in files.
    pub fn places(&self, machine: &Machine) -> Vec<String> {
        let lines: Vec<&str> = self.0.iter().map(String::as_str).collect();
        machine.quietly(&format!(
            "umask 077; printf '%s\\n' {} > /dev/shm/secrets",
            lines.join(" ")
        ));
        let places = machine.root("/opt/site/canary /dev/shm/secrets; rm /dev/shm/secrets");
        places.lines().map(str::to_owned).collect()
    }
}
