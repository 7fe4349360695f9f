//! What may differ after `rollback`, each with its reason: prefixes of the subjects of a [`super::state::State`].

/// What the package manager and the init system keep for themselves after everything that was installed is gone.
/// `rollback` answers for the packages, not for the package manager's own records.
pub const KEPT_BY_THE_SYSTEM: &[&str] = &[
    // records, caches and logs of apt, dpkg and debconf
    "/var/cache/apt/",
    "/var/cache/debconf/",
    "/var/lib/apt/",
    "/var/lib/dpkg/",
    "/var/log/alternatives.log",
    "/var/log/apt/",
    "/var/log/dpkg.log",
    // rebuilt by ldconfig from the libraries that are there
    "/etc/ld.so.cache",
    "/var/cache/ldconfig/",
    // copies that the account tools keep of the file before the last change
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    "/etc/subgid-",
    "/etc/subuid-",
    // told line by line instead, as `account NAME` and `group NAME`
    "/etc/group (content)",
    "/etc/gshadow (content)",
    "/etc/passwd (content)",
    "/etc/shadow (content)",
    // Debian's packages leave the accounts that they made, lest an old file get a new owner (policy 9.2.2)
    "account postgres",
    "group postgres",
    "group ssl-cert",
    // sudo's own mark of its first use
    "/home/admin/.sudo_as_admin_successful",
    // a link of systemd's to /etc/locale.conf; the package locales removes it with itself
    "/etc/default/locale",
    // the journal, timers' stamps, and byte code that python writes beside any module that root imports
    "/var/log/journal/",
    "/var/lib/systemd/",
    "__pycache__",
];

/// A running server writes in its own directories; what is in it is compared by SQL.
pub const THEIR_SERVER: &[&str] = &["/var/lib/postgresql/", "/var/log/postgresql/"];

/// Debian's perl needs the perl-base of the same security update. An upgrade is not taken back: the plan says so.
pub const UPGRADED: &[&str] = &["package perl-base"];

/// An apt that was killed leaves its links to the archives; the next start of the machine clears /tmp.
pub const KILLED_APT: &[&str] = &["/tmp/apt-dpkg-install-"];

/// On forky postgresql-common brings systemd to a machine that has none. Its scripts name the machine, make the
/// directories and accounts of its tmpfiles.d and sysusers.d, and leave them when the package goes.
pub const SYSTEMD_CAME_ALONG: &[&str] = &[
    "/etc/machine-id",
    "/etc/mtab",
    "/etc/vconsole.conf",
    "/root/.ssh",
    "/tmp/.",
    "/var/cache/private",
    "/var/lib/private",
    "/var/log/private",
    "account systemd-",
    "group lpadmin",
    "group systemd-",
];

/// What dnf and rpm keep for themselves, and the account that PostgreSQL's packages leave.
pub const KEPT_BY_DNF: &[&str] = &[
    "/var/cache/dnf",
    "/var/lib/dnf",
    "/var/lib/rpm",
    "/var/log/dnf",
    "/var/log/hawkey.log",
];

/// As [`KEPT_BY_DNF`], where a server of theirs runs: it writes in its own directory.
pub const KEPT_BY_DNF_AND_THEIR_SERVER: &[&str] = &[
    "/var/cache/dnf",
    "/var/lib/dnf",
    "/var/lib/rpm",
    "/var/log/dnf",
    "/var/log/hawkey.log",
    "/var/lib/pgsql/17/data/",
];
