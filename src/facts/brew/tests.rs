//! What the real brew printed (`tests/fixtures/brew`), understood.

use super::formula::Platform;
use super::*;

const LINUX: Platform = Platform {
    is_macos: false,
    is_arm: false,
};

/// What a command printed: the recording without its first line, which is the command, and its last, which is the status.
fn printed(recording: &str) -> String {
    let lines: Vec<&str> = recording.lines().collect();
    lines[1..lines.len() - 1].join("\n")
}

#[test]
fn formulae_that_are_not_installed_are_what_could_be() {
    let text = printed(include_str!(
        "../../../tests/fixtures/brew/info-not-installed.txt"
    ));
    let found = parse_formulae(&text, LINUX).unwrap();
    let [extension, server] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (extension.name.as_str(), extension.stable.as_str()),
        ("pgvector", "0.8.5")
    );
    assert_eq!(
        (server.name.as_str(), server.stable.as_str()),
        ("postgresql@18", "18.4")
    );
    assert_eq!(server.tap, "homebrew/core");
    assert!(!server.is_bottled && server.installed.is_empty() && server.disabled.is_none());
    assert!(
        server.is_linked && !extension.is_linked,
        "a keg-only formula needs no link"
    );
}

#[test]
fn formulae_that_are_installed_have_their_versions_and_links() {
    let text = printed(include_str!("../../../tests/fixtures/brew/info-installed.txt"));
    let found = parse_formulae(&text, LINUX).unwrap();
    assert_eq!(found[0].installed, ["0.8.5"]);
    assert_eq!(found[1].installed, ["18.4"]);
    assert!(found[0].is_linked && found[1].is_linked);
    assert!(found[0].needs.is_empty());
}

#[test]
fn a_bottle_counts_where_it_can_be_poured() {
    let macos = |is_arm| Platform {
        is_macos: true,
        is_arm,
    };
    let arm_linux = Platform {
        is_macos: false,
        is_arm: true,
    };
    for (tag, takers) in [
        ("x86_64_linux", [true, false, false, false]),
        ("arm64_linux", [false, true, false, false]),
        ("sonoma", [false, false, true, false]),
        ("arm64_sequoia", [false, false, false, true]),
        ("all", [true, true, true, true]),
    ] {
        let text = format!(
            r#"{{"formulae": [{{"name": "x", "versions": {{"stable": "1"}}, "bottle": {{"stable": {{"files": {{"{tag}": {{}}}}}}}}}}]}}"#
        );
        let is_bottled = |platform| parse_formulae(&text, platform).unwrap()[0].is_bottled;
        let found = [LINUX, arm_linux, macos(false), macos(true)].map(is_bottled);
        assert_eq!(found, takers, "{tag}");
    }
}

#[test]
fn an_unknown_formula_is_named_by_brew() {
    let recording = include_str!("../../../tests/fixtures/brew/unknown-formula.txt");
    let error = HostError::Failed {
        command: "brew info".to_owned(),
        purpose: "ask".to_owned(),
        output: crate::host::Output {
            code: 1,
            stdout: String::new(),
            stderr: printed(recording),
        },
    };
    assert_eq!(
        errors(&error),
        ["No available formula with the name \"no-such-formula-here\"."]
    );
}

#[test]
fn services_are_listed_also_where_there_are_none() {
    let status = |recording: &str| {
        let services = parse_services(&printed(recording)).unwrap();
        services
            .into_iter()
            .map(|service| (service.name, service.status.unwrap()))
            .collect::<Vec<_>>()
    };
    let named = |status: &str| vec![("postgresql@18".to_owned(), status.to_owned())];
    assert_eq!(
        status(include_str!(
            "../../../tests/fixtures/brew/services-list-none.txt"
        )),
        named("none")
    );
    assert_eq!(
        status(include_str!(
            "../../../tests/fixtures/brew/services-list-started.txt"
        )),
        named("started")
    );
    assert_eq!(parse_services("\n").unwrap(), []);
    assert!(parse_services("Warning: no services").is_err());
}

#[test]
fn brew_sees_what_is_the_users_own_and_what_keeps_it_quiet() {
    let own = [
        ("HOMEBREW_API_DOMAIN", "https://mirror.example/api"),
        ("https_proxy", "http://proxy.example"),
    ];
    let host = Host::new(crate::host::Environment {
        homebrew: own.map(|(name, value)| (name.to_owned(), value.into())).to_vec(),
        ..crate::host::Environment::default()
    });
    let command = command(&host, std::path::Path::new("/opt/homebrew/bin/brew"), "see").argument("--prefix");
    let mut seen: Vec<String> = command
        .environment
        .iter()
        .filter(|(name, _)| !["USER", "LOGNAME", "XDG_RUNTIME_DIR"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={}", value.display()))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "HOMEBREW_API_DOMAIN=https://mirror.example/api",
            "HOMEBREW_NO_ANALYTICS=1",
            "HOMEBREW_NO_ASK=1",
            "HOMEBREW_NO_AUTOREMOVE=1",
            "HOMEBREW_NO_AUTO_UPDATE=1",
            "HOMEBREW_NO_COLOR=1",
            "HOMEBREW_NO_EMOJI=1",
            "HOMEBREW_NO_ENV_HINTS=1",
            "HOMEBREW_NO_INSTALLED_DEPENDENTS_CHECK=1",
            "HOMEBREW_NO_INSTALL_CLEANUP=1",
            "HOMEBREW_NO_INSTALL_UPGRADE=1",
            "https_proxy=http://proxy.example",
        ]
    );
    assert_eq!(command.shown(), "/opt/homebrew/bin/brew --prefix");
}

#[test]
fn what_brew_tells_before_its_answer_is_no_part_of_it() {
    let text = "==> Downloading https://mirror.example/api/formula.jws.json\n[\n]\n";
    assert_eq!(document(text, '['), "[\n]\n");
    assert_eq!(document("a [b]", '['), "a [b]");
    assert_eq!(document("{}", '{'), "{}");
}

#[test]
fn only_a_number_makes_a_server_of_a_formula() {
    assert_eq!(major_of("postgresql@18"), Some(18));
    for other in ["postgresql", "postgresql@", "postgresql@9.6", "pgvector"] {
        assert_eq!(major_of(other), None, "{other}");
    }
}
