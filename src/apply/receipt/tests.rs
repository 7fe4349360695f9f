//! Receipts as released versions wrote them, whole, torn and changed.

use super::*;
use crate::error::Explain as _;
use crate::host::Environment;

/// One receipt for each kind of run, named after the version that wrote it; never edited, only added to.
const GOLDEN: &[(&str, &[u8])] = &[
    (
        "0.1.0-embedded",
        include_bytes!("../../../tests/fixtures/receipts/0.1.0-embedded.jsonl"),
    ),
    (
        "0.1.0-system",
        include_bytes!("../../../tests/fixtures/receipts/0.1.0-system.jsonl"),
    ),
    (
        "0.1.0-system-resumed",
        include_bytes!("../../../tests/fixtures/receipts/0.1.0-system-resumed.jsonl"),
    ),
];

fn records(bytes: &[u8]) -> Result<Vec<Record>, ApplyError> {
    parse(Path::new("/receipt.jsonl"), bytes).map(|(records, ..)| records)
}

/// A receipt with this text between the braces of each line, chained as a receipt is.
fn chained(lines: &[&str]) -> Vec<u8> {
    let (mut chain, mut text) = (String::new(), String::new());
    for line in lines {
        let body = format!("{{{line},\"at\":1795360683");
        chain = link(&chain, &body);
        text.push_str(&format!("{body}{CHAIN}{chain}\"}}\n"));
    }
    text.into_bytes()
}

/// `sequence step`, as the receipt has it, newest first.
fn outline(records: &[Record]) -> Vec<String> {
    let name = |step: &Step| {
        let value = serde_json::to_value(step).unwrap();
        value["step"].as_str().unwrap().to_owned()
    };
    made(records)
        .iter()
        .map(|entry| {
            let open = if entry.outcome.is_none() {
                " (not ended)"
            } else {
                ""
            };
            format!("{} {}{open}", entry.sequence, name(&entry.step))
        })
        .collect()
}

#[test]
fn receipts_of_every_released_version_say_what_was_made() {
    let expected: [&[&str]; 3] = [
        &[
            "19 migrate",
            "18 migrate",
            "17 migrate",
            "16 migrate",
            "15 create_schema",
            "14 restrict_database",
            "13 create_database",
            "12 create_role",
            "11 write_credentials",
            "10 start_cluster",
            "9 initialize_cluster",
            "8 unpack_bundle",
            "7 fetch_bundle",
            "6 create_directory",
            "5 create_directory",
            "4 create_user",
            "3 create_directory",
            "2 create_directory",
            "1 create_directory",
        ],
        &[
            "14 migrate",
            "13 migrate",
            "12 migrate",
            "11 migrate",
            "10 create_schema",
            "9 restrict_database",
            "8 create_database",
            "7 create_role",
            "6 write_credentials",
            "5 start_service",
            "4 install_packages",
            "3 refresh_package_index",
            "2 create_directory",
            "1 create_directory",
        ],
        &[
            "17 migrate",
            "16 migrate",
            "15 migrate",
            "14 migrate",
            "13 create_schema",
            "12 restrict_database",
            "11 create_database",
            "9 create_role",
            "8 write_credentials",
            "7 start_service",
            "6 create_system_cluster",
            "4 install_packages (not ended)",
            "3 refresh_package_index",
            "2 create_directory",
            "1 create_directory",
        ],
    ];
    for ((name, bytes), expected) in GOLDEN.iter().zip(expected) {
        assert_eq!(outline(&records(bytes).unwrap()), expected, "{name}");
    }
}

#[test]
fn reading_and_writing_a_record_again_changes_nothing() {
    for (name, bytes) in GOLDEN {
        for record in records(bytes).unwrap() {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{name}");
        }
    }
}

#[test]
fn a_receipt_torn_at_any_byte_is_a_receipt_of_what_was_whole() {
    for (name, bytes) in GOLDEN {
        let all = records(bytes).unwrap();
        // Every length at first, then every end of a line and a sample between: reading is linear, so all would be slow.
        let near_an_end =
            |length: &usize| bytes[length.saturating_sub(2)..bytes.len().min(length + 2)].contains(&b'\n');
        let lengths =
            (0..=bytes.len()).filter(|length| *length < 2_000 || length % 61 == 0 || near_an_end(length));
        for length in lengths {
            let torn = &bytes[..length];
            let lines = torn.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(
                records(torn).unwrap(),
                all[..lines],
                "{name} cut after {length} bytes"
            );
        }
    }
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    for (name, bytes) in GOLDEN {
        let all = records(bytes).unwrap();
        // The last newline is no part of a line: without it the line is torn.
        for position in (0..bytes.len() - 1).step_by(7) {
            let byte = [bytes[position] ^ 1, b'0', b' ', b'"', b'\n', 0xff][position / 7 % 6];
            let mut changed = bytes.to_vec();
            changed[position] = byte;
            if let Ok(found) = records(&changed) {
                assert_eq!(found, all, "{name}: byte {position} is now {byte:?}");
            }
        }
    }
}

#[test]
fn a_line_that_was_taken_out_doubled_or_moved_is_noticed() {
    let bytes = GOLDEN[0].1;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for position in 1..lines.len() - 1 {
        let (mut missing, mut doubled, mut moved) = (lines.clone(), lines.clone(), lines.clone());
        missing.remove(position);
        doubled.insert(position, lines[position]);
        moved.swap(position, position + 1);
        for changed in [missing, doubled, moved] {
            let error = records(&changed.concat()).unwrap_err();
            assert_eq!(error.code(), "E0503");
        }
    }
}

#[test]
fn a_receipt_of_a_newer_version_is_refused_by_name() {
    let opened = r#""record":"opened","schema":2,"tool":"3.1.4","target":"embedded","instance":"default""#;
    let error = records(&chained(&[opened, r#""record":"of a kind that we do not know""#])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the receipt /receipt.jsonl was written by pgvector-setup 3.1.4, which is newer"
    );
}

#[test]
fn fields_that_a_later_version_added_do_no_harm() {
    let text = chained(&[
        r#""record":"opened","schema":1,"tool":"0.1.9","target":"embedded","instance":"default","host":"blue""#,
        r#""record":"begun","sequence":1,"step":{"step":"create_directory","path":"/a","mode":"0700","owner":null,"acl":[]},"by":{"uid":0}"#,
        r#""record":"ended","sequence":1,"outcome":"changed","object":null,"seconds":0.1"#,
        r#""record":"undone","sequence":1,"why":"rollback""#,
    ]);
    let found = records(&text).unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(made(&found[..3]).len(), 1);
    assert_eq!(made(&found), []);
}

#[test]
fn fields_that_an_earlier_version_did_not_write_have_a_default() {
    let text = chained(&[
        r#""record":"opened","schema":1,"tool":"0.1.0","target":"system","instance":"default""#,
        r#""record":"begun","sequence":1,"step":{"step":"install_packages","packages":[],"argv":[]}"#,
    ]);
    let made = made(&records(&text).unwrap());
    assert!(matches!(&made[0].step, Step::InstallPackages { clusters, .. } if clusters.is_empty()));
}

#[test]
fn what_is_no_receipt_is_refused() {
    for text in [
        "{}\n",
        "[]\n",
        "\n",
        "null\n",
        "SQLite format 3\0\n",
        "{\"record\":\"opened\"}\n",
    ] {
        let error = records(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{text:?}: {error}");
    }
}

#[test]
fn an_old_receipt_that_was_torn_is_cut_and_goes_on() {
    let host = Host::new(Environment::default());
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in GOLDEN {
        let path = directory.path().join(name);
        host.write_file(&path, &bytes[..bytes.len() - 9], 0o600, None)
            .unwrap();
        let before = records(&bytes[..bytes.len() - 9]).unwrap();

        let mut receipt = Receipt::open(&host, &path, "embedded", "default").unwrap();
        assert_eq!(receipt.records(), before, "{name}");
        let step = Step::CreateDirectory {
            path: "/a".into(),
            mode: "0700".into(),
            owner: None,
        };
        let sequence = receipt.begin(&step).unwrap();
        receipt.end(sequence, Outcome::Changed { object: None }).unwrap();

        let after = read(&host, &path).unwrap();
        assert_eq!(after[..before.len()], before, "{name}");
        assert_eq!(after.len(), before.len() + 2, "{name}");
        assert_eq!(made(&after)[0].step, step, "{name}");
    }
}

#[test]
fn no_receipt_holds_a_password() {
    for (name, bytes) in GOLDEN {
        let text = String::from_utf8_lossy(bytes);
        let verifiers = text.matches("SCRAM-SHA-256$").count();
        assert_eq!(
            verifiers,
            text.matches("PASSWORD 'SCRAM-SHA-256$…'").count(),
            "{name}"
        );
    }
}
