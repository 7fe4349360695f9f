//! What becomes of files that are there: kept, written anew, refused, or replaced with a backup.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use crate::project::Project;
use crate::transcript::assert_transcript;

const FILES: [&str; 4] = [
    "compose.yaml",
    "secrets/database_password",
    "secrets/database_url",
    "secrets/postgres_password",
];

fn mode(project: &Project, name: &str) -> u32 {
    std::fs::metadata(project.path(name))
        .unwrap()
        .permissions()
        .mode()
        & 0o7777
}

#[test]
fn the_first_run_writes_everything_and_the_second_nothing() {
    let project = Project::new();
    let first = project.render(&[]);
    assert_transcript!(first, @r#"
    $ pgvector-setup render compose
    wrote compose.yaml
    wrote secrets/postgres_password
    wrote secrets/database_password
    wrote secrets/database_url
    | next: docker build --tag pgvector-setup:0.1.0 --file docker/Dockerfile .   # in the source of pgvector-setup, once
    | next: cd [DIR] && docker compose --profile postgres up -d
    exit 0
    "#);
    let state = || -> Vec<(String, u64)> {
        let of = |name: &&str| {
            (
                project.read(name),
                std::fs::metadata(project.path(name)).unwrap().ino(),
            )
        };
        FILES.iter().map(of).collect()
    };
    let before = state();
    let second = project.render(&[]);
    assert_eq!((second.exit, state()), (0, before), "{second}");
    assert_transcript!(project.render(&["--check"]), @r#"
    $ pgvector-setup render compose --check
    current    compose.yaml
    current    secrets/postgres_password
    current    secrets/database_password
    current    secrets/database_url
    exit 0
    "#);
}

#[test]
fn modes_are_exact_whatever_the_umask_and_no_secret_is_printed() {
    let project = Project::new();
    let binary = env!("CARGO_BIN_EXE_pgvector-setup");
    let output = Command::new("sh")
        .args([
            "-c",
            "umask 077; exec \"$0\" render compose new/project --json",
            binary,
        ])
        .current_dir(project.directory())
        .output()
        .unwrap();
    assert!(output.status.success());
    for (name, expected) in [
        ("new/project", 0o755),
        ("new/project/compose.yaml", 0o644),
        ("new/project/secrets", 0o700),
        ("new/project/secrets/postgres_password", 0o444),
        ("new/project/secrets/database_url", 0o444),
    ] {
        assert_eq!(mode(&project, name), expected, "{name}");
    }
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    for name in ["postgres_password", "database_password"] {
        let secret = project.read(&format!("new/project/secrets/{name}"));
        assert_eq!(secret.len(), 32);
        assert!(!said.contains(&secret), "{name}");
        assert!(
            !project.read("new/project/compose.yaml").contains(&secret),
            "{name}"
        );
    }
}

#[test]
fn other_settings_replace_a_file_that_nobody_touched() {
    let project = Project::new();
    project.rendered(&["."]);
    let password = project.read("secrets/database_password");
    let check = project.render(&[".", "--memory=4g", "--role=shop", "--check"]);
    assert_eq!(check.exit, 8, "{check}");
    assert!(check.stdout.contains("+    mem_limit: \"4096m\""), "{check}");
    assert!(!project.read("compose.yaml").contains("4096m"));
    project.rendered(&[".", "--memory=4g", "--role=shop"]);
    assert!(project.read("compose.yaml").contains("4096m"));
    assert_eq!(project.read("secrets/database_password"), password);
    assert_eq!(
        project.read("secrets/database_url"),
        format!("postgresql://shop:{password}@database:5432/vectors")
    );
}

#[test]
fn an_edited_file_is_shown_and_refused_and_replaced_with_a_backup_by_force_alone() {
    let project = Project::new();
    project.rendered(&["."]);
    for number in [1, 2] {
        let edited = project
            .read("compose.yaml")
            .replace("127.0.0.1:5432", &format!("0.0.0.0:{number}"));
        project.write("compose.yaml", &edited);
        let refused = project.render(&[]);
        assert_eq!(
            (refused.exit, project.read("compose.yaml")),
            (3, edited.clone()),
            "{refused}"
        );
        if number == 1 {
            assert_transcript!(refused, @r#"
    $ pgvector-setup render compose
    | --- compose.yaml (as it is)
    | +++ compose.yaml (as rendered)
    | @@ -46,7 +46,7 @@
    |        POSTGRES_INITDB_ARGS: "--auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums"
    |      secrets: ["postgres_password"]
    |      ports:
    | -      - "0.0.0.0:1:5432"
    | +      - "127.0.0.1:5432:5432"
    |      volumes:
    |        - "postgres-18:/var/lib/postgresql"
    |      # A parallel index build takes maintenance_work_mem from /dev/shm at once: shm_size has to be larger.
    | error[E0403]: [DIR] is already there and differs:
    |   - compose.yaml: edited
    | hint: the same command with --force replaces them and keeps a backup of each; in a compose project your own changes belong into compose.override.yaml
    exit 3
    "#);
        }
        assert_eq!(project.render(&["--check"]).exit, 8);
        let forced = project.rendered(&["--force"]);
        let backup = format!("compose.yaml.backup-{number}");
        assert!(forced.contains(&backup), "{forced}");
        assert_eq!(project.read(&backup), edited);
        assert!(project.read("compose.yaml").contains("127.0.0.1:5432"));
    }
}

#[test]
fn a_file_of_somebody_else_is_theirs() {
    let project = Project::new();
    project.write("compose.yaml", "services: {}\n");
    let refused = project.render(&[]);
    assert_eq!(refused.exit, 3, "{refused}");
    assert!(refused.stderr.contains("compose.yaml: not ours"), "{refused}");
    assert!(
        !project.path("secrets").exists(),
        "nothing is written before a refusal"
    );
    project.rendered(&["--force"]);
    assert_eq!(project.read("compose.yaml.backup-1"), "services: {}\n");
}

#[test]
fn another_major_over_a_project_is_refused_even_by_force() {
    let project = Project::new();
    project.rendered(&[".", "--pg=17"]);
    let before = project.read("compose.yaml");
    assert_transcript!(project.render(&[".", "--pg=18", "--force"]), @r#"
    $ pgvector-setup render compose . --pg=18 --force
    | error[E0404]: [DIR] is of PostgreSQL 17, and PostgreSQL 18 cannot read its data
    | hint: --pg 17 keeps it; for 18, render to another directory, copy the data with pg_dumpall and psql, and take the old project down when the new one is proven
    exit 3
    "#);
    project.write("compose.yaml", &format!("{before}# a remark\n"));
    let refused = project.render(&[".", "--pg=15", "--force"]);
    assert!(
        refused.exit == 3 && refused.stderr.contains("is of PostgreSQL 17"),
        "{refused}"
    );
}

#[test]
fn secrets_that_are_there_are_kept_and_the_url_follows_them() {
    let project = Project::new();
    project.rendered(&["."]);
    // What an editor leaves, and what a URL has to write otherwise.
    std::fs::remove_file(project.path("secrets/database_password")).unwrap();
    project.write("secrets/database_password", "p@ss/wörd%\n");
    assert_eq!(project.render(&["--check"]).exit, 8);
    project.rendered(&["."]);
    assert_eq!(project.read("secrets/database_password"), "p@ss/wörd%\n");
    assert_eq!(
        project.read("secrets/database_url"),
        "postgresql://vectors:p%40ss%2Fw%C3%B6rd%25@database:5432/vectors"
    );
    assert_eq!(project.render(&["--check"]).exit, 0);
}

#[test]
fn a_password_that_is_at_hand_is_taken() {
    let project = Project::new();
    project.write_private("password", "mine\n");
    project.rendered(&[".", "--role-password-file=password"]);
    assert_eq!(project.read("secrets/database_password"), "mine");
    std::fs::set_permissions(project.path("password"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        project
            .render(&["--role-password-file=password"])
            .stderr
            .contains("chmod 600")
    );
    project.write_private("password", "another\n");
    let refused = project.render(&["--role-password-file=password"]);
    assert!(refused.stderr.contains("holds another password"), "{refused}");
    assert_eq!(project.read("secrets/database_password"), "mine");
    let other = Project::new();
    let refused = other.render(&[".", "--role-password-file=missing"]);
    assert!(!other.path("secrets").exists());
    assert!(
        refused.exit == 2 && refused.stderr.contains("missing: there is no such file"),
        "{refused}"
    );
}

/// What is said, what stands in the way, the exit status.
type Obstacle = (&'static str, fn(&Project), i32);

#[test]
fn what_stands_in_the_way_is_named_once_and_nothing_is_written() {
    let cases: [Obstacle; 7] = [
        (
            "is a symbolic link",
            |project| symlink("/etc/passwd", project.path("d/compose.yaml")).unwrap(),
            3,
        ),
        (
            "is a symbolic link",
            |project| symlink("/tmp", project.path("d/secrets")).unwrap(),
            3,
        ),
        (
            "it is no plain file",
            |project| std::fs::create_dir(project.path("d/compose.yaml")).unwrap(),
            3,
        ),
        (
            "it is no plain file",
            |project| pipe(project, "d/compose.yaml"),
            3,
        ),
        ("it is no directory", |project| project.write("d/secrets", ""), 3),
        (
            "is open to other users",
            |project| std::fs::create_dir(project.path("d/secrets")).unwrap(),
            3,
        ),
        ("it is empty", empty_secret, 2),
    ];
    for (said, prepare, exit) in cases {
        let project = Project::new();
        std::fs::create_dir(project.path("d")).unwrap();
        prepare(&project);
        let refused = project.render(&["d"]);
        assert_eq!(refused.exit, exit, "{refused}");
        assert!(refused.stderr.contains(said), "{said}: {refused}");
        assert_eq!(refused.stderr.matches("error[").count(), 1, "{refused}");
        let written = ["compose.yaml", "secrets/database_password"]
            .map(|name| project.path("d").join(name))
            .into_iter()
            .any(|path| path.is_file() && !path.is_symlink());
        assert!(!written, "{said}: {refused}");
    }
}

fn pipe(project: &Project, name: &str) {
    let made = Command::new("mkfifo").arg(project.path(name)).status();
    assert!(made.unwrap().success());
}

fn empty_secret(project: &Project) {
    std::fs::create_dir(project.path("d/secrets")).unwrap();
    std::fs::set_permissions(project.path("d/secrets"), std::fs::Permissions::from_mode(0o700)).unwrap();
    project.write("d/secrets/postgres_password", "\n");
}

#[test]
fn a_file_is_no_directory_and_what_is_printed_is_in_none() {
    let project = Project::new();
    project.write("file", "");
    assert_transcript!(project.render(&["file"]), @r#"
    $ pgvector-setup render compose file
    | error[E0404]: [DIR]/file cannot be used: it is no directory
    | hint: ls -ld [DIR]/file
    exit 3
    "#);
    assert_transcript!(project.render(&["-", "--check"]), @r#"
    $ pgvector-setup render compose - --check
    | error[E0104]: - and --check cannot be combined: what is printed is in no directory
    | hint: leave out --check
    exit 2
    "#);
}

#[test]
fn a_file_that_an_old_compose_would_read_instead_is_named() {
    let project = Project::new();
    project.write("docker-compose.yml", "services: {}\n");
    let said = project.render(&[]).stderr;
    assert!(said.contains("docker-compose.yml is here too"), "{said}");
}

#[test]
fn json_names_every_file_with_its_state_and_what_comes_next() {
    let project = Project::new();
    assert_transcript!(project.render(&["--json", "--image=ankane/pgvector:v0.6.0", "--publish=0.0.0.0"]), @r#"
    $ pgvector-setup render compose --json --image=ankane/pgvector:v0.6.0 --publish=0.0.0.0
    {
      "directory": "[DIR]",
      "files": [
        {
          "backup": null,
          "before": "missing",
          "path": "compose.yaml"
        },
        {
          "backup": null,
          "before": "missing",
          "path": "secrets/postgres_password"
        },
        {
          "backup": null,
          "before": "missing",
          "path": "secrets/database_password"
        },
        {
          "backup": null,
          "before": "missing",
          "path": "secrets/database_url"
        }
      ],
      "next": [
        "docker build --tag pgvector-setup:0.1.0 --file docker/Dockerfile .   # in the source of pgvector-setup, once",
        "cd [DIR] && docker compose --profile postgres up -d"
      ],
      "notes": [
        "ankane/pgvector:v0.6.0 has pgvector 0.6.0, affected by CVE-2026-3172: a parallel HNSW build can overflow a buffer: data leak or crash (pgvector#959)",
        "ankane/pgvector:v0.6.0 has pgvector 0.6.0, affected by pgvector#988: VACUUM can corrupt an HNSW index that is written to (pgvector#988, #993)",
        "indexes are therefore built without parallel workers",
        "not affected: --image pgvector/pgvector:0.8.7-pg15",
        "the server's port is published on 0.0.0.0: Docker opens it past ufw and firewalld, and the server has no TLS of its own; leave out --publish for this machine alone"
      ],
      "schema": 1
    }
    exit 0
    "#);
}
