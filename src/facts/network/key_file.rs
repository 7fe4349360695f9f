//! Who may read the key of a certificate, as PostgreSQL judges it before it starts.

use std::path::Path;

use crate::host::Host;

/// Why the server of `owner`, who may not be there yet, would refuse the file; nothing where we may not look.
pub(super) fn problem(host: &Host, key: &Path, owner: &str) -> Option<String> {
    let (mode, uid) = host.mode_and_owner_of_target(key)?;
    let owner = host.account_named(owner).map(|owner| owner.uid);
    judge(mode, uid, owner).map(|problem| format!("{} {problem}", key.display()))
}

/// The server's own key may be read by nobody else, root's by its group besides (`check_ssl_key_file_permissions` of PostgreSQL).
fn judge(mode: u32, uid: u32, owner: Option<u32>) -> Option<String> {
    const OTHERS: u32 = 0o077;
    const BEYOND_GROUP_READ: u32 = 0o037;
    if Some(uid) == owner {
        return (mode & OTHERS != 0)
            .then(|| format!("has mode {mode:04o}, and the server takes 0600 of its own user"));
    }
    if uid == 0 {
        return (mode & BEYOND_GROUP_READ != 0)
            .then(|| format!("has mode {mode:04o}, and the server takes 0640 of root"));
    }
    Some("belongs neither to the server's user nor to root, so the server does not take it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_key_is_the_servers_alone_or_roots_and_its_groups() {
        for (mode, uid, is_taken) in [
            (0o600, 101, true),
            (0o400, 101, true),
            (0o640, 101, false),
            (0o604, 101, false),
            (0o640, 0, true),
            (0o600, 0, true),
            (0o660, 0, false),
            (0o644, 0, false),
            (0o600, 1000, false),
        ] {
            assert_eq!(
                judge(mode, uid, Some(101)).is_none(),
                is_taken,
                "{mode:o} of {uid}"
            );
        }
        assert!(judge(0o640, 0, None).is_none());
        assert!(
            judge(0o600, 101, None).is_some(),
            "nobody's, before the server's user is there"
        );
    }
}
