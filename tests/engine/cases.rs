//! The table.

use super::project::{Compose, Project};
use super::{image, interruptions, lifecycle, memory, secrets, target, versions};

pub struct Case {
    pub name: &'static str,
    pub compose: Compose,
    pub profile: &'static str,
    /// Flags of `render compose` besides the project's own.
    pub flags: &'static [&'static str],
    pub story: fn(&Project, &Self),
}

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    use Compose::{One, Two};
    let case = |name, compose, profile, flags, story| Case { name, compose, profile, flags, story };
    vec![
        case("dev_15_compose_1", One, "dev", &["--pg", "15"], lifecycle::lifecycle),
        case("dev_18_compose_2", Two, "dev", &[], lifecycle::lifecycle),
        case("postgres_17_compose_1", One, "postgres", &["--pg", "17"], lifecycle::lifecycle),
        case("postgres_15_compose_2", Two, "postgres", &["--pg", "15"], lifecycle::lifecycle),
        case("prod_18_compose_1", One, "prod", &[], lifecycle::lifecycle),
        case("prod_17_compose_2", Two, "prod", &["--pg", "17"], lifecycle::lifecycle),
        case("prod_ankane", One, "prod", &["--image", "ankane/pgvector:v0.6.0"], lifecycle::lifecycle),
        case("superuser_password_changed", One, "postgres", &[], secrets::superuser_password_changed),
        case("role_password_changed", Two, "prod", &[], secrets::role_password_changed),
        case("shared_memory", One, "postgres", &["--index", "none"], memory::shared_memory),
        case("killed_while_it_waits", One, "postgres", &[], |project, case| interruptions::killed(project, case, "waiting")),
        case("killed_at_the_role", Two, "postgres", &[], |project, case| interruptions::killed(project, case, "create role")),
        case("killed_at_the_database", One, "postgres", &[], |project, case| interruptions::killed(project, case, "create database")),
        case("killed_at_the_extension", Two, "postgres", &["--pg", "17"], |project, case| interruptions::killed(project, case, "migration 1")),
        case("killed_at_the_index", One, "postgres", &["--pg", "15"], |project, case| interruptions::killed(project, case, "migration 4")),
        case("killed_at_the_proof", Two, "postgres", &[], |project, case| interruptions::killed(project, case, "prove it")),
        case("database_killed", One, "postgres", &[], interruptions::database_killed),
        case("major_raised", Two, "postgres", &["--pg", "17"], versions::major_raised),
        case("image_without_pgvector", One, "postgres", &["--image", "postgres:17"], versions::without_pgvector),
        case("image_with_affected_pgvector", Two, "postgres", &["--image", "pgvector/pgvector:0.8.0-pg17"], versions::affected),
        case("target_17", One, "postgres", &["--pg", "17"], target::from_nothing_to_nothing),
        case("target_18", One, "postgres", &["--pg", "18"], target::from_nothing_to_nothing),
        case("target_plugin", Two, "postgres", &["--pg", "17"], target::from_nothing_to_nothing),
        case("target_edited", One, "postgres", &["--pg", "17"], target::edited),
        case("target_killed", One, "postgres", &["--pg", "17"], target::killed),
        case("target_another_password", One, "postgres", &["--pg", "17"], target::another_password),
        case("target_no_such_image", One, "postgres", &["--image", "127.0.0.1:1/a/pgvector:0.8.7-pg17"], target::no_such_image),
        case("target_port_taken", One, "postgres", &["--pg", "17"], target::port_taken),
        case("target_newer_image", One, "postgres", &[], target::newer_image),
        case("target_side_by_side", One, "postgres", &[], target::side_by_side),
        case("image_of_this_program", One, "postgres", &[], image::image_of_this_program),
    ]
}
