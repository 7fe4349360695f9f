//! Passwords that are changed while there is a volume already.

use super::cases::Case;
use super::lifecycle::prove;
use super::project::Project;

const CHANGED: &str = "another-password-of-32-characters";

/// The image reads its password on an empty volume only. Whoever changes the file later is told, and how to go on.
pub fn superuser_password_changed(project: &Project, case: &Case) {
    project.rendered(case.flags);
    project.up(case.profile);
    assert_eq!(project.migrated().0, "0");
    write_secret(project, "postgres_password");
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_ne!(
        exit, "0",
        "a password that the server does not have opens nothing: {said}"
    );
    for word in ["error[E0607]", "volume", "exec --user postgres database psql"] {
        assert!(said.contains(word), "{word:?} is told: {said}");
    }
    assert!(!said.contains(CHANGED), "no password is shown: {said}");
    project.value(&format!("ALTER ROLE postgres PASSWORD '{CHANGED}'"));
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the server has the password of the file: {said}");
    prove(project);
}

/// The application's role gets the password of its file from the migrations; its URL is made anew when it is missing.
pub fn role_password_changed(project: &Project, case: &Case) {
    let application = ["--app-image", project.application.as_str()];
    project.rendered(&application);
    project.up(case.profile);
    project.until_said("app", "the application sees 0 articles");
    write_secret(project, "database_password");
    std::fs::remove_file(project.directory().join("secrets/database_url")).expect("the URL was there");
    project.rendered(&application);
    let reply = project.compose(&["--profile", case.profile, "up", "--detach", "--force-recreate"]);
    assert_eq!(reply.exit, 0, "up: {}", reply.stderr);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations give the role its password: {said}");
    project.until_said("app", "the application sees 0 articles");
}

/// As somebody with an editor would: the same file, another text.
fn write_secret(project: &Project, name: &str) {
    std::fs::write(project.directory().join("secrets").join(name), CHANGED).expect("the secret is written");
}
