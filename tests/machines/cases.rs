//! The table.

use super::adoption::{articles, bundle_at_hand, foreign_database, own_binaries, port_taken};
use super::case::{BOOKWORM, Case, FORKY, FORKY_SYSTEMD, TRIXIE, TRIXIE_SYSTEMD};
use super::interruptions::{
    dpkg_locked_for_a_while, dpkg_locked_for_good, killed_while_dpkg_unpacks, killed_while_initdb_runs,
    server_killed,
};
use super::lifecycle::lifecycle;
use super::refusals::{no_package, no_pip, without_privilege};

pub const ALL: &[Case] = &[
    Case::embedded("embedded_root_bookworm", BOOKWORM, "root", lifecycle),
    Case::embedded("embedded_user_bookworm", BOOKWORM, "user", lifecycle),
    Case::embedded("embedded_user_trixie", TRIXIE, "user", lifecycle),
    Case::embedded("embedded_root_forky_systemd", FORKY_SYSTEMD, "root", lifecycle),
    Case::embedded(
        "embedded_with_the_machines_own_binaries",
        FORKY,
        "user",
        own_binaries,
    ),
    Case::embedded("embedded_without_pip", BOOKWORM, "user", no_pip),
    Case {
        flags: "--bundle /srv/*.whl",
        ..Case::embedded("embedded_offline_with_bundle", TRIXIE, "user", bundle_at_hand)
    },
    Case::embedded(
        "embedded_killed_while_initdb_runs",
        BOOKWORM,
        "root",
        killed_while_initdb_runs,
    ),
    Case::embedded("embedded_server_killed", TRIXIE, "user", server_killed),
    Case::system("system_root_trixie", TRIXIE, "root", lifecycle),
    Case::system("system_root_trixie_systemd", TRIXIE_SYSTEMD, "root", lifecycle),
    Case::system("system_root_forky", FORKY, "root", lifecycle),
    Case::system("system_root_forky_systemd", FORKY_SYSTEMD, "root", lifecycle),
    Case::system("system_sudo_trixie", TRIXIE, "admin", lifecycle),
    Case::system("system_without_privilege", TRIXIE, "user", without_privilege),
    Case::system("system_no_package_bookworm", BOOKWORM, "root", no_package),
    Case::system(
        "system_beside_a_foreign_database",
        TRIXIE,
        "root",
        foreign_database,
    ),
    Case::system("system_port_taken", TRIXIE, "root", port_taken),
    Case::system(
        "system_dpkg_locked_for_a_while",
        TRIXIE,
        "root",
        dpkg_locked_for_a_while,
    ),
    Case {
        flags: "--lock-timeout 5",
        ..Case::system(
            "system_dpkg_locked_for_good",
            TRIXIE,
            "root",
            dpkg_locked_for_good,
        )
    },
    Case::system(
        "system_killed_while_dpkg_unpacks",
        TRIXIE,
        "root",
        killed_while_dpkg_unpacks,
    ),
    Case {
        flags: "--database site --schema public --role site",
        database: "site",
        table: "public.articles",
        ..Case::system("system_existing_articles", TRIXIE, "root", articles)
    },
];
