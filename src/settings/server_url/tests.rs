use super::*;
use crate::error::Explain as _;

const CANARY: &str = "canary";

fn parsed(text: &str) -> Result<UrlParts, SettingsError> {
    parse::parse(&Secret::new(text))
}

/// The parts in one line: `user password host port database`, `-` for what is open.
fn outline(parts: &UrlParts) -> String {
    let open = || "-".to_owned();
    let port = parts.port.map(|port| port.to_string());
    [
        parts.user.clone(),
        parts
            .password
            .as_ref()
            .map(|password| password.expose().to_owned()),
        parts.host.as_ref().map(ServerHost::text),
        port,
        parts.database.clone(),
    ]
    .map(|part| part.unwrap_or_else(open))
    .join(" ")
}

#[test]
fn urls_are_read_as_libpq_reads_them() {
    let table = [
        ("postgresql://", "- - - - -"),
        ("postgres://db.example", "- - db.example - -"),
        ("postgresql://db.example:6543/app", "- - db.example 6543 app"),
        ("postgresql://ann@db.example/app", "ann - db.example - app"),
        (
            "postgresql://ann:secret@db.example:5432/app",
            "ann secret db.example 5432 app",
        ),
        ("postgresql://ann:@db.example/app", "ann - db.example - app"),
        ("postgresql://:secret@db.example/app", "- secret db.example - app"),
        (
            "postgresql://ann:a%40b%3Ac%2Fd%3Fe%23f%25@db.example/",
            "ann a@b:c/d?e#f% db.example - -",
        ),
        ("postgresql://ann:a:b@db.example/app", "ann a:b db.example - app"),
        (
            "postgresql://%C3%A4nn@db.example/%C3%BCber",
            "änn - db.example - über",
        ),
        (
            "postgresql://ann@[2001:db8::1]:5433/app",
            "ann - 2001:db8::1 5433 app",
        ),
        ("postgresql://[::1]/app", "- - ::1 - app"),
        (
            "postgresql://%2Fvar%2Frun%2Fpostgresql/app",
            "- - /var/run/postgresql - app",
        ),
        ("postgresql:///app?host=/run/pg&port=5433", "- - /run/pg 5433 app"),
        (
            "postgresql:///?dbname=app&user=ann&password=p%26w&host=db.example",
            "ann p&w db.example - app",
        ),
        ("postgresql://db.example:/app", "- - db.example - app"),
        ("postgresql://db.example/a%2Fb", "- - db.example - a/b"),
        ("  postgresql://db.example/app\n", "- - db.example - app"),
        (
            "postgresql://db_1.example/app?application_name=x&connect_timeout=5",
            "- - db_1.example - app",
        ),
        (
            "postgresql://me%40home:x@db.example/app",
            "me@home x db.example - app",
        ),
        ("postgresql://db.example/app?user=me@home", "- - db.example - app"),
    ];
    for (text, expected) in table {
        let expected = if text.contains("user=me@home") {
            "me@home - db.example - app"
        } else {
            expected
        };
        assert_eq!(outline(&parsed(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_no_password_is_repeated() {
    let table = [
        ("", "postgresql://"),
        ("canary", "postgresql://"),
        ("mysql://ann:canary@h/d", "postgresql://"),
        ("host=h password=canary", "postgresql://"),
        ("postgresql:/ann:canary@h/d", "postgresql://"),
        ("postgresql://ann:can@ary@h/d", "%40"),
        ("postgresql://ann:canary/x@h/d", "%2F"),
        ("postgresql://ann:canary?x@h/d", "%3F"),
        ("postgresql://ann:canary#x@h/d", "%23"),
        ("postgresql://ann:1234?canary=x@h/d", "%3F"),
        ("postgresql://ann:12/canary@h/d", "%2F"),
        ("postgresql://ann:canary", "port"),
        ("postgresql://ann:%zzcanary@h/d", "hex digits"),
        ("postgresql://ann:canary%@h/d", "hex digits"),
        ("postgresql://ann:canary%0@h/d", "hex digits"),
        ("postgresql://ann:canary%+1@h/d", "hex digits"),
        ("postgresql://ann:canary%00@h/d", "control character"),
        ("postgresql://ann:can\nary@h/d", "control character"),
        ("postgresql://ann:canary%ff@h/d", "UTF-8"),
        ("postgresql://h1,h2/d", "several hosts"),
        ("postgresql://h1:5432,h2:5432/d", "several hosts"),
        ("postgresql:///d?host=h1,h2", "several hosts"),
        ("postgresql://h:0/d", "port"),
        ("postgresql://h:65536/d", "port"),
        ("postgresql://h:-1/d", "port"),
        ("postgresql://h:+5432/d", "port"),
        ("postgresql://h: 5432/d", "port"),
        ("postgresql://[::1/d", "']'"),
        ("postgresql://[nonsense]/d", "IPv6"),
        ("postgresql://[::1]x/d", "between"),
        ("postgresql://h;rm -rf/d", "host"),
        ("postgresql://bücher.example/d", "host"),
        ("postgresql://h/d/e", "%2F"),
        ("postgresql://h/d#canary", "%23"),
        ("postgresql://h/d?sslmode", "without '='"),
        ("postgresql://h/d?sslkey=/k", "parameter sslkey"),
        ("postgresql://h/d?options=-c%20x", "parameter options"),
        ("postgresql://h/d?pgbouncer=true", "parameter pgbouncer"),
        ("postgresql://h/d?Canary1=x", "a parameter,"),
        ("postgresql://h/d?sslmode=require&sslmode=disable", "twice"),
        ("postgresql://ann@h/d?user=bob", "twice"),
        ("postgresql://h/d?target_session_attrs=standby", "no writes"),
        ("postgresql://h/d?require_auth=canary", "require_auth"),
        ("postgresql://h/d?require_auth=!none", "require_auth"),
        ("postgresql://h/d?channel_binding=canary", "channel_binding"),
    ];
    for (text, expected) in table {
        let error = parsed(text).expect_err(text);
        let told = format!("{error} {error:?} {:?}", error.hint());
        assert!(told.contains(expected), "{text}: {told}");
        assert!(!told.to_lowercase().contains(CANARY), "{text}: {told}");
        assert_eq!(error.code(), "E0111");
    }
}

#[test]
fn a_url_is_shown_without_its_password_and_means_the_same_otherwise() {
    for text in [
        "postgresql://ann:canary@db.example:6543/app?sslmode=require&require_auth=md5,scram-sha-256",
        "postgresql://a%40b:canary@[2001:db8::1]/%C3%BC",
        "postgres:///app?host=/run/pg&password=canary&channel_binding=require",
        "postgresql://db.example?sslrootcert=/etc/my%20root.crt",
    ] {
        let mut parts = parsed(text).unwrap();
        parts.password = None;
        assert!(!parts.shown().contains(CANARY));
        assert_eq!(
            parsed(&parts.shown()).unwrap(),
            parts,
            "{text} -> {}",
            parts.shown()
        );
    }
}

fn completed(
    url: &str,
    surroundings: &Surroundings,
    allows_plaintext: bool,
) -> Result<ServerUrl, SettingsError> {
    let url = Secret::new(url);
    let given = Given {
        url: Some(&url),
        allows_plaintext,
        ..Given::default()
    };
    server_url(&given, surroundings)
}

#[test]
fn nothing_weaker_than_verify_full_leaves_this_machine_unasked() {
    let own = Surroundings {
        own_root_certificate: Some("/home/ann/.postgresql/root.crt".into()),
        login: "ann".into(),
        ..Surroundings::default()
    };
    let own_root = Some("/home/ann/.postgresql/root.crt");
    use TlsMode::{Encrypted, Opportunistic, Plain, VerifyCa, VerifyFull};
    // host and parameters, whether plain text is allowed, the mode, the root, how many notes
    let table = [
        ("db.example", false, Ok((VerifyFull, own_root, 0))),
        ("192.0.2.1", false, Ok((VerifyFull, own_root, 0))),
        (
            "db.example?sslmode=verify-full&sslrootcert=system",
            false,
            Ok((VerifyFull, None, 0)),
        ),
        (
            "db.example?sslrootcert=/r.crt",
            false,
            Ok((VerifyFull, Some("/r.crt"), 0)),
        ),
        ("db.example?sslmode=verify-ca", false, Ok((VerifyCa, own_root, 1))),
        ("db.example?sslmode=require", false, Ok((Encrypted, None, 1))),
        (
            "db.example?sslmode=require&sslrootcert=/r.crt",
            false,
            Ok((VerifyCa, Some("/r.crt"), 1)),
        ),
        (
            "db.example?sslmode=require&channel_binding=require",
            false,
            Ok((VerifyFull, own_root, 1)),
        ),
        ("db.example?sslmode=prefer", false, Err("E0112")),
        ("db.example?sslmode=allow", false, Err("E0112")),
        ("db.example?sslmode=disable", false, Err("E0112")),
        ("db.example?sslmode=prefer", true, Ok((Opportunistic, None, 1))),
        ("db.example?sslmode=disable", true, Ok((Plain, None, 1))),
        (
            "db.example?sslmode=disable&channel_binding=require",
            true,
            Err("E0111"),
        ),
        ("db.example?sslmode=sometimes", false, Err("E0111")),
        ("localhost", false, Ok((Opportunistic, None, 0))),
        ("127.0.0.2?sslmode=disable", false, Ok((Plain, None, 0))),
        ("[::1]?sslmode=require", false, Ok((Encrypted, None, 0))),
        (
            "localhost?sslmode=verify-full",
            false,
            Ok((VerifyFull, own_root, 0)),
        ),
        ("%2Frun%2Fpg?sslmode=verify-full", false, Ok((Plain, None, 0))),
        ("localhost.evil.example", false, Ok((VerifyFull, own_root, 0))),
        ("127.0.0.1.evil.example?sslmode=disable", false, Err("E0112")),
    ];
    for (rest, allows_plaintext, expected) in table {
        let url = completed(&format!("postgresql://{rest}"), &own, allows_plaintext);
        let found = match &url {
            Ok(url) => Ok((
                url.tls,
                url.root_certificate.as_deref().and_then(std::path::Path::to_str),
                url.notes.len(),
            )),
            Err(error) => Err(error.code()),
        };
        assert_eq!(found, expected, "{rest}");
    }
}

#[test]
fn the_surroundings_fill_what_the_url_leaves_open() {
    let surroundings = Surroundings {
        host: Some("env.example".into()),
        port: Some("6000".into()),
        user: Some("env".into()),
        database: Some("envdb".into()),
        password: Some(Secret::new("envpass")),
        password_file: Some(Secret::new("*:*:*:*:filepass")),
        login: "login".into(),
        ..Surroundings::default()
    };
    let told = |url: &ServerUrl| {
        let password = url.password.as_ref().map_or("-", Secret::expose);
        format!("{} {} {} {password}", url.address(), url.user, url.database)
    };
    let url = completed("postgresql://", &surroundings, false).unwrap();
    assert_eq!(told(&url), "env.example:6000 env envdb envpass");
    let url = completed("postgresql://ann:own@db.example:1/app", &surroundings, false).unwrap();
    assert_eq!(told(&url), "db.example:1 ann app own");
    let bare = Surroundings {
        login: "login".into(),
        ..Surroundings::default()
    };
    let url = completed("postgresql://db.example", &bare, false).unwrap();
    assert_eq!(told(&url), "db.example:5432 login login -");
    assert_eq!(
        completed("postgresql:///app", &bare, false).unwrap_err().code(),
        "E0111"
    );
    let from_environment = Surroundings {
        database_url: Some(Secret::new("postgresql://ann:pw@db.example/app")),
        ..bare
    };
    let url = server_url(&Given::default(), &from_environment).unwrap();
    assert_eq!(
        (told(&url).as_str(), url.origin),
        ("db.example:5432 ann app pw", Origin::Environment)
    );
}

#[test]
fn the_first_matching_line_of_the_password_file_counts() {
    let file = "# comment\nother:5432:app:ann:no\ndb.example:5432:app:ann:a\\:b\\\\c\n*:*:*:bob:any:thing\nlocalhost:*:app:ann:socket\n\\*:1:x:y:star\n";
    let cases = [
        ("db.example/app", "ann", Some("a:b\\c")),
        ("db.example:5433/app", "ann", None),
        ("elsewhere.example:1/x", "bob", Some("any:thing")),
        ("%2Fvar%2Frun%2Fpostgresql/app", "ann", Some("socket")),
        ("anything.example:1/x", "y", None),
    ];
    for (rest, user, expected) in cases {
        let surroundings = Surroundings {
            password_file: Some(Secret::new(file)),
            user: Some(user.into()),
            ..Surroundings::default()
        };
        let url = completed(&format!("postgresql://{rest}"), &surroundings, false).unwrap();
        assert_eq!(
            url.password.as_ref().map(Secret::expose),
            expected,
            "{rest} {user}"
        );
    }
}

#[test]
fn a_password_is_in_no_text_that_is_made_of_the_url() {
    let url = completed(
        "postgresql://ann:canary@db.example/app",
        &Surroundings::default(),
        false,
    )
    .unwrap();
    let told = format!("{url} {url:?} {}", serde_json::to_string(&url).unwrap());
    assert!(!told.contains(CANARY), "{told}");
}
