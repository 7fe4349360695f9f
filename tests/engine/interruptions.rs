//! Killed in the middle, started again: the same end.

use super::cases::Case;
use super::lifecycle::prove;
use super::project::Project;

/// The migrations are killed when they say that they come to `moment`.
pub fn killed(project: &Project, case: &Case, moment: &str) {
    project.rendered(case.flags);
    if moment == "waiting" {
        // Without the condition of the compose file, so that there is something to wait for.
        let waits =
            "services:\n  migrate:\n    depends_on:\n      database:\n        condition: service_started\n";
        std::fs::write(project.directory().join("compose.override.yaml"), waits)
            .expect("the file is written");
    }
    project.up(case.profile);
    project.until_said("migrate", moment);
    // It may have gone on since, to the end even: that is a moment, too.
    let reply = super::docker::docker(["kill", &project.container("migrate")]);
    project
        .transcript
        .note(&format!("killed at {moment:?}: {reply:?}"));
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations after a kill at {moment:?}: {said}");
    prove(project);
    let doctor = project.through_the_port(&["doctor"]);
    assert_eq!(doctor.exit, 0, "doctor: {}{}", doctor.stdout, doctor.stderr);
}

/// The server is killed under the migrations; it is started again, and so are they.
pub fn database_killed(project: &Project, case: &Case) {
    project.rendered(case.flags);
    project.up(case.profile);
    project.until_said("migrate", "create database");
    project.docker(&["kill", &project.container("database")]);
    project.migrated();
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations after the server's end: {said}");
    prove(project);
}
