//! /dev/shm: 64 MiB, as Docker gives it, are too few for a parallel index build; what is rendered is enough.

use super::cases::Case;
use super::lifecycle::prove;
use super::project::Project;

/// 2,000 rows that every build would take two workers for.
const ROWS: &str = "
INSERT INTO vectors.articles (uri, embedding)
SELECT row::text, (SELECT array_agg(sin(row * position)) FROM generate_series(1, 1536) position)::real[]::public.vector
  FROM generate_series(1, 2000) row;
ALTER TABLE vectors.articles SET (parallel_workers = 2)";
const BUILD: &str = "
SET client_min_messages = debug1;
CREATE INDEX by_hand ON vectors.articles USING hnsw (embedding public.vector_cosine_ops) WITH (m = 4, ef_construction = 8)";

pub fn shared_memory(project: &Project, case: &Case) {
    project.rendered(case.flags);
    project.up(case.profile);
    assert_eq!(project.migrated().0, "0");
    project.value(ROWS);
    let parallel = project.sql(BUILD);
    assert_eq!(
        parallel.exit, 0,
        "what is rendered is enough: {}",
        parallel.stderr
    );
    assert!(
        parallel.stderr.contains("parallel workers"),
        "the build is a parallel one: {}",
        parallel.stderr
    );
    project.value("DROP INDEX vectors.by_hand");

    let as_docker_does = "services:\n  database:\n    shm_size: \"64m\"\n";
    std::fs::write(project.directory().join("compose.override.yaml"), as_docker_does)
        .expect("the file is written");
    project.up(case.profile);
    assert_eq!(project.migrated().0, "0");
    let size = project.inspect("database", "{{.HostConfig.ShmSize}}");
    assert_eq!(
        size,
        (64 * 1024 * 1024).to_string(),
        "the person's own file is followed"
    );
    let parallel = project.sql(BUILD);
    assert!(
        parallel.exit != 0 && parallel.stderr.contains("53100"),
        "by hand it fails: {}",
        parallel.stderr
    );

    // Quick to build, and not so coarse that the proof's recall is a matter of luck.
    project.rendered(&["--m", "8", "--ef-construction", "32"]);
    project.up(case.profile);
    let (exit, said) = project.migrated();
    assert_eq!(exit, "0", "the migrations build it nevertheless: {said}");
    prove(project);
}
