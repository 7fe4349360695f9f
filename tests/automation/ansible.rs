//! `templates/automation/ansible.yml` by Ansible, on this machine.

use std::path::PathBuf;
use std::process::Command;

use crate::place::{BINARY, Place};
use crate::programs::{ansible_playbook, said};

/// The playbook in a directory with its settings file, and the machine that it is for.
struct Play {
    place: Place,
    program: PathBuf,
}

impl Play {
    /// `None` where there is no Ansible.
    fn new() -> Option<Self> {
        let program = ansible_playbook()?;
        let place = Place::new();
        let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/automation/ansible.yml");
        std::fs::create_dir(place.path("play")).unwrap();
        std::fs::copy(playbook, place.path("play/ansible.yml")).unwrap();
        let hosts = "[databases]\nmachine ansible_connection=local ansible_python_interpreter=auto_silent\n";
        std::fs::write(place.path("play/hosts"), hosts).unwrap();
        Some(Self { place, program })
    }

    fn declare(&self, domains: &[&str]) {
        self.place
            .declare(&self.place.path("play/pgvector-setup.toml"), domains);
    }

    /// Where the playbook puts it.
    fn settings(&self) -> PathBuf {
        self.place.path("etc/pgvector-setup.toml")
    }

    /// Whether it came to its end, how many tasks changed something, and all that was said.
    fn run(&self, words: &[&str]) -> (bool, u32, String) {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        // Ansible's own files, of which it makes some.
        command
            .env("HOME", self.place.path("play"))
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.place.path("play"));
        command.args(["--inventory", "hosts", "ansible.yml"]).args(words);
        // We are who we are: there may be no sudo.
        for variable in [
            "ansible_become=false".to_owned(),
            format!("pgvector_setup={BINARY}"),
            format!("pgvector_setup_config={}", self.settings().display()),
        ] {
            command.args(["--extra-vars", &variable]);
        }
        let (exit, text) = said(&mut command);
        let recap = text
            .lines()
            .find(|line| line.starts_with("machine ") && line.contains("changed="));
        let changed = recap
            .and_then(|line| line.split_once("changed=")?.1.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("{text}"));
        (exit == Some(0), changed, text)
    }
}

#[test]
fn a_play_makes_the_sites_and_the_next_one_changes_nothing() {
    let Some(play) = Play::new() else { return };
    play.declare(&["gp.example.com", "shop.example.com"]);

    let (is_done, changed, text) = play.run(&["--check"]);
    assert!(is_done, "{text}");
    assert_eq!(changed, 3, "directory, settings, databases:\n{text}");
    assert!(!play.place.path("etc").exists() && !play.place.path("instances").exists());

    let (is_done, changed, text) = play.run(&[]);
    assert!(is_done, "{text}");
    assert_eq!(changed, 3, "{text}");
    let healthy = said(&mut play.place.product(&play.settings(), &["doctor", "--sites"]));
    assert_eq!(healthy.0, Some(0), "{}", healthy.1);

    for words in [&[][..], &["--check"]] {
        let (is_done, changed, text) = play.run(words);
        assert!(is_done && changed == 0, "{words:?}\n{text}");
    }
}

#[test]
fn a_site_that_is_added_later_is_reported_before_it_is_made() {
    let Some(play) = Play::new() else { return };
    play.declare(&["gp.example.com"]);
    let (is_done, _, text) = play.run(&[]);
    assert!(is_done, "{text}");

    play.declare(&["gp.example.com", "shop.example.com"]);
    let (is_done, changed, text) = play.run(&["--check"]);
    assert!(is_done, "{text}");
    assert_eq!(changed, 2, "settings, databases:\n{text}");
    assert!(!play.place.path("services/shop.example.com.env").exists());

    let (is_done, changed, text) = play.run(&[]);
    assert!(is_done && changed == 2, "{text}");
    assert!(play.place.path("services/shop.example.com.env").exists());
}

#[test]
fn a_site_that_cannot_be_made_fails_the_play_and_the_others_are_made() {
    let Some(play) = Play::new() else { return };
    play.declare(&["gp.example.com"]);
    let (is_done, _, text) = play.run(&[]);
    assert!(is_done, "{text}");

    // Its database belongs to another site.
    let file = play.place.path("play/pgvector-setup.toml");
    play.place.declare(&file, &["shop.example.com"]);
    let more = "\n[[sites]]\ndomain = \"gp.example.org\"\nemail = \"contact@gp.example.org\"\n";
    let declared = std::fs::read_to_string(&file).unwrap() + more;
    std::fs::write(&file, declared).unwrap();

    let (is_done, _, text) = play.run(&["--check"]);
    assert!(!is_done, "{text}");
    let (is_done, changed, text) = play.run(&[]);
    assert!(!is_done, "{text}");
    assert_eq!(changed, 1, "a task that failed counts as that alone:\n{text}");
    assert!(text.contains("gp.example.org"), "{text}");
    assert!(play.place.path("services/shop.example.com.env").exists());
    assert!(!play.place.path("services/gp.example.org.env").exists());
}
