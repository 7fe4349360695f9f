use super::*;

#[test]
fn an_address_to_listen_on_is_one_of_this_machine_or_all_of_them_by_name() {
    for (text, is_taken) in [
        ("192.0.2.7", true),
        ("2001:db8::7", true),
        ("*", true),
        ("0.0.0.0", true),
        ("::", true),
        ("0:0:0:0:0:0:0:0", false),
        ("::0", false),
        ("127.0.0.1", false),
        ("::1", false),
        ("localhost", false),
        ("db.example", false),
        ("224.0.0.1", false),
        ("::ffff:192.0.2.7", false),
        ("192.0.2.7:5432", false),
        ("", false),
        ("'; ssl = off", false),
    ] {
        assert_eq!(text.parse::<ListenAddress>().is_ok(), is_taken, "{text}");
    }
}

#[test]
fn a_network_is_written_out_and_everybody_by_name_alone() {
    for (text, is_taken) in [
        ("192.0.2.0/24", true),
        ("10.0.0.0/8", true),
        ("192.0.2.7/32", true),
        ("2001:db8::/32", true),
        ("fd00::/8", true),
        ("fc00::/7", true),
        ("0.0.0.0/0", true),
        ("::/0", true),
        ("192.0.2.7/24", false),
        ("192.0.2.7", false),
        ("192.0.2.7/0", false),
        ("0.0.0.0/00", false),
        ("0:0::/0", false),
        ("0.0.0.0/1", false),
        ("128.0.0.0/1", false),
        ("2000::/3", false),
        ("10.0.0.0/33", false),
        ("10.0.0.0/+8", false),
        ("::ffff:0:0/96", false),
        ("127.0.0.0/8", false),
        ("all", false),
        ("samenet", false),
        ("client.example", false),
        ("10.0.0.0/8 trust", false),
    ] {
        assert_eq!(text.parse::<Network>().is_ok(), is_taken, "{text}");
    }
}

#[test]
fn a_network_holds_what_begins_as_it_does() {
    for (network, address, is_within) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("192.0.2.7/32", "192.0.2.7", true),
        ("192.0.2.7/32", "192.0.2.6", false),
        ("0.0.0.0/0", "203.0.113.1", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
    ] {
        let network: Network = network.parse().unwrap();
        assert_eq!(
            network.contains(address.parse().unwrap()),
            is_within,
            "{network} {address}"
        );
        assert!(network.contains(network.sample()), "{network}");
    }
}

fn outline(listen: &[&str], allow: &[&str], certificate: Option<&str>, key: Option<&str>) -> String {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let path = |path: Option<&str>| path.map(PathBuf::from);
    match NetworkSettings::new(&texts(listen), &texts(allow), path(certificate), path(key)) {
        Ok(settings) => {
            let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
            let allow: Vec<String> = settings.allow.iter().map(ToString::to_string).collect();
            format!("{} from {}", listen.join(","), allow.join(","))
        }
        Err(error) => crate::error::Explain::code(&error).to_owned(),
    }
}

#[test]
fn beyond_loopback_there_is_a_flag_and_tls_or_nothing() {
    let (certificate, key) = (Some("/c"), Some("/k"));
    for (listen, allow, certificate, key, expected) in [
        (&[][..], &[][..], None, None, " from "),
        (
            &["192.0.2.7"],
            &["192.0.2.0/24"],
            certificate,
            key,
            "192.0.2.7 from 192.0.2.0/24",
        ),
        (
            &["192.0.2.7,192.0.2.1", "192.0.2.7"],
            &[],
            certificate,
            key,
            "192.0.2.1,192.0.2.7 from ",
        ),
        (
            &["192.0.2.7", "0.0.0.0", "::"],
            &[],
            certificate,
            key,
            "0.0.0.0,:: from ",
        ),
        (&["0.0.0.0", "*"], &[], certificate, key, "* from "),
        (
            &["192.0.2.7"],
            &["0.0.0.0/0"],
            certificate,
            key,
            "192.0.2.7 from 0.0.0.0/0",
        ),
        (&[], &["192.0.2.0/24"], None, None, " from 192.0.2.0/24"),
        (&[], &["0.0.0.0/0"], None, None, "E0104"),
        (&["192.0.2.7"], &[], None, None, "E0104"),
        (&["192.0.2.7"], &[], certificate, None, "E0104"),
        (&["192.0.2.7"], &[], None, key, "E0104"),
        (&[], &[], certificate, key, "E0104"),
        (&["192.0.2.7"], &[], Some("/c\n"), key, "E0115"),
        (&["localhost"], &[], certificate, key, "E0115"),
    ] {
        assert_eq!(
            outline(listen, allow, certificate, key),
            expected,
            "{listen:?} {allow:?}"
        );
    }
}
