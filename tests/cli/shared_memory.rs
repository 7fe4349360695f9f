//! A server whose `/dev/shm` is as small as Docker makes it.

use std::process::Command;

use crate::place::{BINARY, Place};
use crate::transcript::Transcript;

/// Docker's default (docker run, `--shm-size`), in a mount namespace of its own, which the server then lives in.
const SMALL: &str = "mount -t tmpfs -o size=64m tmpfs /dev/shm && exec \"$0\" \"$@\"";
/// A graph of few connections: quick to build, and its memory is more than `/dev/shm` has.
const GRAPH: [&str; 4] = ["--m", "2", "--ef-construction", "4"];
const ROWS: &str = "INSERT INTO vectors.articles (uri, embedding)
    SELECT row::text, ARRAY[sin(row), cos(row), 1]::real[]::public.vector FROM generate_series(1, 150000) row";
const NO_INDEX_IS_INVALID: &str = "DO $$ BEGIN
    IF (SELECT count(*) FROM pg_index WHERE indrelid = 'vectors.articles'::regclass) <> 2
        OR EXISTS (SELECT FROM pg_index WHERE NOT indisvalid) THEN RAISE 'not as it should be'; END IF; END $$";

#[test]
fn an_index_that_shared_memory_has_no_room_for_is_built_by_one_process_and_it_is_said() {
    let place = Place::with_bundle();
    let namespace: &[&str] = if place.is_roots() {
        &["--mount"]
    } else {
        &["--map-current-user", "--keep-caps", "--mount"]
    };
    let words = ["up", "--yes"];
    let mut command = Command::new("unshare");
    command
        .args(namespace)
        .args(["sh", "-c", SMALL, BINARY])
        .args(words);
    command
        .env_clear()
        .envs(place.environment())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let up = Transcript::of(command.current_dir(place.work()), &words);
    assert_eq!(up.exit, 0, "{up}");

    place.succeeds(&["migrate", "down", "--to", "3"]);
    place.sql("vectors", ROWS);
    let built = place.run(&[&["migrate", "up"][..], &GRAPH].concat());
    assert_eq!(built.exit, 0, "{built}");
    let said = built
        .stderr
        .lines()
        .filter(|line| line.contains("/dev/shm) is too small"))
        .count();
    assert_eq!(said, 1, "{built}");
    assert!(built.stderr.contains("docker run --shm-size "), "{built}");
    place.sql("vectors", NO_INDEX_IS_INVALID);
}
