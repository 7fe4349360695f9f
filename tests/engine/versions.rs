//! Images of another major, without pgvector, with one that has known defects.

use super::cases::Case;
use super::lifecycle::prove;
use super::project::Project;

/// Another major over a volume that is there is refused when it is rendered, and the files stay as they are.
pub fn major_raised(project: &Project, case: &Case) {
    project.rendered(case.flags);
    project.up(case.profile);
    assert_eq!(project.migrated().0, "0");
    let before = std::fs::read(project.directory().join("compose.yaml")).expect("the file is there");
    for flags in [&["--pg", "18"][..], &["--pg", "18", "--force"]] {
        let reply = project.render(flags);
        assert_eq!(reply.exit, 3, "refused: {}", reply.stderr);
        assert!(reply.stderr.contains("hint:"), "{}", reply.stderr);
    }
    let after = std::fs::read(project.directory().join("compose.yaml")).expect("the file is there");
    assert!(before == after, "nothing is changed");
    project.up(case.profile);
    assert_eq!(project.migrated().0, "0");
    prove(project);
}

pub fn without_pgvector(project: &Project, case: &Case) {
    let reply = project.render(case.flags);
    assert_eq!(reply.exit, 0, "any image by name: {}", reply.stderr);
    assert!(
        reply.stderr.contains("no pgvector"),
        "said aloud: {}",
        reply.stderr
    );
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "3", "refused before anything is changed: {said}");
    assert!(said.contains("hint:"), "with what to do: {said}");
}

/// It serves, its indexes are built by one process, and nobody is left in the belief that all is well.
pub fn affected(project: &Project, case: &Case) {
    let reply = project.render(case.flags);
    assert!(
        reply.exit == 0 && reply.stderr.contains("CVE-2026-3172"),
        "the advisory is said: {}",
        reply.stderr
    );
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "{said}");
    prove(project);
    assert_eq!(
        project.value("SHOW max_parallel_maintenance_workers"),
        "0",
        "no index is built in parallel"
    );
    let doctor = project.through_the_port(&["doctor"]);
    assert_eq!(doctor.exit, 1, "doctor: {}", doctor.stdout);
    assert!(
        doctor.stdout.contains("CVE-2026-3172"),
        "doctor: {}",
        doctor.stdout
    );
}
