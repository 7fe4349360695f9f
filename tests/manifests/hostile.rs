//! Whatever a name holds arrives where it belongs, and nowhere else.

use pgvector_setup::settings::Identifier;
use serde_json::Value;

use super::options::{defaults, documents, of_kind, rendered};

/// What YAML, Kubernetes, shells or SQL might take for something of theirs.
const PIECES: [&str; 40] = [
    "a", "Z", "0", " ", "\t", ":", ": ", "#", " #", "'", "\"", "\\", "\\n", "$", "$$", "$(", "$(HOME)",
    "${x}", ")", "`", "!", "!!str ", "&a", "*a", "-", "- ", "---", "...", "{{ x }}", "{%", "[", "]", "{",
    "}", ",", "|", ">", "%", "é", "\u{2028}",
];

/// 1,000 names of one to eight pieces, and some that are known for trouble; always the same.
fn names() -> Vec<Identifier> {
    let known = [
        "yes",
        "no",
        "null",
        "~",
        "0x1F",
        "1e3",
        "2026-11-22",
        "=",
        "<<",
        "?",
        "@",
        "\u{feff}x",
        "\u{85}",
        "\u{1f600}",
        "x\u{7f}",
        "a\u{1b}[31m",
    ];
    let mut state: u64 = 0x2545_F491_4F6C_DD1D;
    let mut next = move |below: usize| {
        // xorshift64*: no more than different numbers are needed.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    };
    let generated = std::iter::repeat_with(|| {
        let length = 1 + next(8);
        (0..length)
            .map(|_| PIECES[next(PIECES.len())])
            .collect::<String>()
    });
    let generated = generated.filter_map(|name| Identifier::new(name).ok()).take(1000);
    let known = known.iter().map(|name| Identifier::new(*name).unwrap());
    known.chain(generated).collect()
}

/// Kubernetes' expansion of `$(NAME)` in arguments, where no variable is defined
/// (https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/).
fn expanded(argument: &str) -> String {
    let mut text = String::new();
    let mut rest = argument;
    while let Some(position) = rest.find('$') {
        text.push_str(&rest[..position]);
        rest = &rest[position..];
        let taken = match rest.as_bytes().get(1) {
            Some(b'$') => {
                text.push('$');
                2
            }
            Some(b'(') if rest.contains(')') => panic!("{argument:?} refers to a variable"),
            _ => {
                text.push('$');
                1
            }
        };
        rest = &rest[taken..];
    }
    text + rest
}

#[test]
fn a_thousand_hostile_names_arrive_exactly() {
    let (mut settings, kubernetes) = defaults();
    let names = names();
    assert!(names.len() >= 1000);
    for name in names {
        (settings.database, settings.role) = (name.clone(), name.clone());
        (settings.table.table, settings.table.extension_schema) = (name.clone(), name.clone());
        let documents = documents(&rendered(&settings, &kubernetes));
        let wanted = Value::from(name.as_str());
        let initdb = &of_kind(&documents, "Cluster")["spec"]["bootstrap"]["initdb"];
        let database = &of_kind(&documents, "Database")["spec"];
        let found = [
            &initdb["database"],
            &initdb["owner"],
            &database["name"],
            &database["owner"],
            &database["extensions"][0]["schema"],
            &database["schemas"][0]["name"],
        ];
        assert_eq!(found, [&wanted; 6], "{name:?}");
        let arguments = &of_kind(&documents, "Job")["spec"]["template"]["spec"]["containers"][0]["args"];
        let arguments: Vec<String> = arguments
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| expanded(argument.as_str().unwrap()))
            .collect();
        assert!(
            arguments.contains(&format!("--table={name}")),
            "{name:?}: {arguments:?}"
        );
        assert!(
            arguments.contains(&format!("--extension-schema={name}")),
            "{name:?}: {arguments:?}"
        );
    }
}
