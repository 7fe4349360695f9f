//! The table.

use super::adoption::{articles, bundle_at_hand, foreign_database, ident_rules, own_binaries, port_taken};
use super::brew::{self, KEPT_BY_BREW, THEIR_BREW};
use super::by_hand::{self, OWN_SERVER, RELOCATED_SERVER};
use super::case::{
    BOOKWORM, BOOKWORM_SYSTEMD, Case, FEDORA, FORKY, FORKY_SYSTEMD, ROCKY, SERVERS, TRIXIE, TRIXIE_SYSTEMD,
};
use super::dnf;
use super::first_boot;
use super::interruptions::{
    cut_off_and_tried_by_hand, cut_off_by_others, cut_off_in_unpacking, cut_off_then_rolled_back,
    dpkg_locked_for_a_while, dpkg_locked_for_good, killed_while_dpkg_unpacks, killed_while_initdb_runs,
    server_killed,
};
use super::leftovers::{
    KEPT_BY_DNF, KEPT_BY_DNF_AND_THEIR_SERVER, KILLED_APT, SYSTEMD_CAME_ALONG, THEIR_SERVER, UPGRADED,
};
use super::lifecycle::lifecycle;
use super::pgdg::{self, MIRROR, MIRROR_WAITED_FOR, MIRROR_WITHOUT_KEY};
use super::refusals::{no_package, no_pip, without_privilege};
use super::upgrade::upgrade;
use super::{
    network, quadlet, site_service, sites_reboot, sites_two, sites_upgrade, systemd_units, url, url_job,
    url_refusals,
};

#[rustfmt::skip]
pub const ALL: &[Case] = &[
    Case::embedded("embedded_root_bookworm", BOOKWORM, "root", lifecycle),
    Case::embedded("embedded_user_bookworm", BOOKWORM, "user", lifecycle),
    Case::embedded("embedded_user_trixie", TRIXIE, "user", lifecycle),
    Case::embedded("embedded_root_forky_systemd", FORKY_SYSTEMD, "root", lifecycle),
    Case::embedded("embedded_own_binaries", FORKY, "user", own_binaries).leaving(THEIR_SERVER),
    Case::embedded("embedded_without_pip", BOOKWORM, "user", no_pip),
    Case::embedded("embedded_offline", TRIXIE, "user", bundle_at_hand).with("--bundle /srv/*.whl"),
    Case::embedded("embedded_killed_in_initdb", BOOKWORM, "root", killed_while_initdb_runs),
    Case::embedded("embedded_server_killed", TRIXIE, "user", server_killed),
    Case::system("system_root_trixie", TRIXIE, "root", lifecycle).with("--source distro"),
    Case::system("system_root_trixie_systemd", TRIXIE_SYSTEMD, "root", lifecycle).with("--source distro"),
    Case::system("system_root_forky", FORKY, "root", lifecycle).leaving(SYSTEMD_CAME_ALONG),
    Case::system("system_root_forky_systemd", FORKY_SYSTEMD, "root", lifecycle),
    Case::system("system_sudo_trixie", TRIXIE, "admin", lifecycle).with("--source distro"),
    Case::system("system_without_privilege", TRIXIE, "user", without_privilege),
    Case::system("system_no_package", BOOKWORM, "root", no_package).with("--source distro"),
    Case::system("system_beside_foreign_database", TRIXIE, "root", foreign_database).with("--source distro").leaving(THEIR_SERVER),
    Case::system("system_port_taken", TRIXIE, "root", port_taken).with("--source distro"),
    Case::system("system_locked_for_a_while", TRIXIE, "root", dpkg_locked_for_a_while).with("--source distro"),
    Case::system("system_locked_for_good", TRIXIE, "root", dpkg_locked_for_good).with("--source distro --lock-timeout 5"),
    Case::system("system_first_boot", TRIXIE, "root", first_boot::from_nothing).with("--source distro --repository-timeout 120"),
    Case::system("system_killed_in_dpkg", TRIXIE, "root", killed_while_dpkg_unpacks).with("--source distro").leaving(KILLED_APT),
    Case::system("system_cut_off_in_unpacking", TRIXIE, "root", cut_off_in_unpacking).with("--source distro").leaving(KILLED_APT),
    Case::system("system_cut_off_and_tried_by_hand", TRIXIE, "root", cut_off_and_tried_by_hand).with("--source distro").leaving(KILLED_APT),
    Case::system("system_cut_off_then_rolled_back", TRIXIE, "root", cut_off_then_rolled_back).with("--source distro").leaving(KILLED_APT),
    Case::system("system_cut_off_by_others", TRIXIE, "root", cut_off_by_others).with("--source distro").leaving(KILLED_APT),
    Case::system("system_ident_rules_root", TRIXIE, "root", ident_rules).with("--source distro").leaving(THEIR_SERVER),
    Case::system("system_ident_rules_sudo", TRIXIE, "admin", ident_rules).with("--source distro").leaving(THEIR_SERVER),
    Case::system("network_opened_systemd", TRIXIE_SYSTEMD, "admin", network::opened_and_closed).with("--source distro").leaving(THEIR_SERVER),
    Case::system("network_taken_back", SERVERS, "root", network::taken_back).with("--source distro").leaving(THEIR_SERVER),
    Case::system("system_upgrade", FORKY, "root", upgrade).with("--port 5432"),
    Case::system("system_existing_articles", TRIXIE, "root", articles)
        .with("--source distro --database site --schema public --role site")
        .on("site", "public.articles")
        .leaving(THEIR_SERVER),
    Case::by_hand("running_own_server_without_root", FORKY, "user", OWN_SERVER, by_hand::without_root)
        .leaving(&["/home/user/data/"]),
    Case::by_hand("running_servers_told_apart", FORKY, "root", RELOCATED_SERVER, by_hand::told_apart)
        .with("--port 5433")
        .leaving(&["/srv/data/", "/var/lib/postgresql/", "/var/log/postgresql/"]),
    Case::system("running_server_sees_nothing", FORKY, "root", by_hand::sees_nothing).leaving(THEIR_SERVER),
    Case::brew("standin_brew_nothing_to_verify", TRIXIE_SYSTEMD, brew::nothing_to_verify).leaving(KEPT_BY_BREW),
    Case::brew("standin_brew_data_kept", TRIXIE_SYSTEMD, brew::data_kept).leaving(KEPT_BY_BREW),
    Case::brew("standin_brew_running_server", TRIXIE_SYSTEMD, brew::running_server).leaving(THEIR_BREW),
    Case::brew("standin_brew_no_session", TRIXIE, brew::no_session).leaving(THEIR_BREW),
    Case::brew("standin_brew_as_root", TRIXIE, brew::as_root).as_user("root").with("--source brew"),
    Case::brew("standin_brew_killed_in_install", TRIXIE_SYSTEMD, brew::killed_while_brew_installs).leaving(KEPT_BY_BREW),
    Case::brew("standin_brew_in_the_way", TRIXIE_SYSTEMD, brew::in_the_way),
    Case::system("pgdg_root_bookworm", BOOKWORM, "root", pgdg::from_nothing).with(MIRROR).leaving(UPGRADED),
    Case::system("pgdg_sudo_bookworm", BOOKWORM, "admin", pgdg::from_nothing).with(MIRROR).leaving(UPGRADED),
    Case::system("pgdg_root_bookworm_systemd", BOOKWORM_SYSTEMD, "root", pgdg::from_nothing).with(MIRROR).leaving(UPGRADED),
    Case::system("pgdg_root_trixie", TRIXIE, "root", pgdg::from_nothing).with(MIRROR),
    Case::system("pgdg_dead_mirror", BOOKWORM, "root", pgdg::dead_mirror).with(MIRROR),
    Case::system("pgdg_wrong_key", BOOKWORM, "admin", pgdg::wrong_key).with(MIRROR_WITHOUT_KEY),
    Case::system("pgdg_expired_release", BOOKWORM, "root", pgdg::expired_release).with(MIRROR_WAITED_FOR),
    Case::system("pgdg_missing_package", BOOKWORM, "root", pgdg::missing_package).with(MIRROR),
    Case::system("pgdg_changed_package", BOOKWORM, "root", pgdg::changed_package).with(MIRROR),
    Case::url("url_owner", url::owner),
    Case::url("url_own_role_and_database", url::own_role_and_database),
    Case::url("url_limited_administrator", url::limited_administrator),
    Case::url("url_extension_by_somebody_else", url::extension_by_somebody_else),
    Case::url("url_kubernetes_job", url_job::kubernetes_job),
    Case::embedded("quadlet", TRIXIE_SYSTEMD, "root", quadlet::units),
    Case::system("systemd_units", TRIXIE_SYSTEMD, "root", systemd_units::provision_and_watch),
    Case::url("url_pooler", url::pooler),
    Case::url("url_certificates", url_refusals::certificates),
    Case::url("url_authentication", url_refusals::authentication),
    Case::url("url_standby_and_read_only", url_refusals::standby_and_read_only),
    Case::system("sites_two", TRIXIE_SYSTEMD, "root", sites_two::two_sites),
    Case::system("sites_upgrade", FORKY_SYSTEMD, "root", sites_upgrade::one_of_two),
    Case::site("sites_reboot", sites_reboot::power_fails_in_apply),
    Case::site("site_service_loses_no_request", site_service::loses_no_request),
    Case::system("dnf_pgdg_root", ROCKY, "root", dnf::through_pgdg).with(dnf::MIRROR).leaving(KEPT_BY_DNF),
    Case::system("dnf_pgdg_sudo", ROCKY, "admin", dnf::through_pgdg).with(dnf::MIRROR).leaving(KEPT_BY_DNF),
    Case::system("dnf_wrong_key", ROCKY, "root", dnf::wrong_key).with(dnf::WRONG_KEY).leaving(KEPT_BY_DNF),
    Case::system("dnf_excluded", ROCKY, "root", dnf::excluded).with(dnf::MIRROR).leaving(KEPT_BY_DNF),
    Case::system("dnf_module_stream", ROCKY, "root", dnf::module_stream).with(dnf::MIRROR).leaving(KEPT_BY_DNF),
    Case::system("dnf_their_server_root", ROCKY, "root", dnf::their_server).leaving(KEPT_BY_DNF_AND_THEIR_SERVER),
    Case::system("dnf_their_server_sudo", ROCKY, "admin", dnf::their_server).leaving(KEPT_BY_DNF_AND_THEIR_SERVER),
    Case::system("dnf_locked", ROCKY, "root", dnf::locked).with(dnf::MIRROR).leaving(KEPT_BY_DNF),
    Case::system("dnf_distro_root", FEDORA, "root", lifecycle).with("--source distro").leaving(KEPT_BY_DNF),
    Case::system("dnf_distro_data_kept", FEDORA, "admin", dnf::data_kept).with("--source distro").leaving(KEPT_BY_DNF),
    Case::system("dnf_distro_unsigned", FEDORA, "root", dnf::unsigned).with("--source distro").leaving(KEPT_BY_DNF),
];
