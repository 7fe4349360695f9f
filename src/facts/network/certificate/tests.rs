use super::*;

const GOOD: &[u8] = include_bytes!("../../../../tests/fixtures/tls/good.crt");
const KEY: &[u8] = include_bytes!("../../../../tests/fixtures/tls/good.key");
const ITSELF: &[u8] = include_bytes!("../../../../tests/fixtures/tls/itself.crt");
const OTHER_KEY: &[u8] = include_bytes!("../../../../tests/fixtures/tls/itself.key");
const NAMELESS: &[u8] = include_bytes!("../../../../tests/fixtures/tls/nameless.crt");
const AUTHORITY: &[u8] = include_bytes!("../../../../tests/fixtures/tls/ca.crt");

/// In years since 1970, about; the certificates are good from 2026 to 2126.
fn years(count: u64) -> Duration {
    Duration::from_secs(count * 31_556_952)
}

#[test]
fn a_certificate_is_used_with_its_key_in_its_time() {
    const LOCKED: &[u8] =
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (certificate, key, now, expected) in [
        (GOOD, Some(KEY), 60, ""),
        (GOOD, None, 60, ""),
        (ITSELF, Some(OTHER_KEY), 60, ""),
        (GOOD, Some(OTHER_KEY), 60, "the key does not fit the certificate"),
        (GOOD, Some(KEY), 200, "the certificate has expired"),
        (GOOD, Some(KEY), 50, "the certificate is not valid yet"),
        (
            GOOD,
            Some(GOOD),
            60,
            "there is no key in PEM without a passphrase in the key's file",
        ),
        (
            GOOD,
            Some(LOCKED),
            60,
            "there is no key in PEM without a passphrase in the key's file",
        ),
        (KEY, Some(KEY), 60, "there is no certificate in PEM in it"),
        (b"", None, 60, "there is no certificate in PEM in it"),
        (
            AUTHORITY,
            None,
            60,
            "the certificate is an authority's (CA:TRUE), which clients do not take for a server's",
        ),
    ] {
        let facts = judge(certificate, key, &[], years(now));
        assert_eq!(facts.problem.unwrap_or_default(), expected);
    }
}

#[test]
fn what_clients_have_to_know_of_a_certificate_is_told() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    for (certificate, addresses, expected) in [
        (GOOD, vec![], ""),
        (GOOD, vec![address("192.0.2.7")], ""),
        (
            GOOD,
            vec![address("192.0.2.7"), address("192.0.2.8")],
            "is for db.example, 192.0.2.7, not for 192.0.2.8",
        ),
        (ITSELF, vec![], "signed by itself"),
        (NAMELESS, vec![], "no name in it"),
    ] {
        let facts = judge(certificate, None, &addresses, years(60));
        let notes = facts.notes.join("; ");
        assert!(
            notes.contains(expected) && notes.is_empty() == expected.is_empty(),
            "{notes}"
        );
    }
}
