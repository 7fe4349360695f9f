//! Target `docker` where no engine is of use: refused within 3 s, nothing changed, with what works instead.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::transcript::{Transcript, assert_transcript};

/// `up` with an engine of this address; `None` where this machine has no docker to ask it with.
#[allow(clippy::print_stdout, reason = "a skip is said aloud")]
fn up(place: &Place, endpoint: &str) -> Option<Transcript> {
    if !["/usr/local/bin/docker", "/usr/bin/docker"]
        .iter()
        .any(|path| std::path::Path::new(path).exists())
    {
        println!("SKIPPED: there is no docker on this machine");
        return None;
    }
    let words = ["up", "--target", "docker", "--yes"];
    let (before, began) = (place.tree(), Instant::now());
    let transcript = Transcript::of(place.command(&words).env("DOCKER_HOST", endpoint), &words);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(place.tree(), before);
    Some(transcript)
}

#[test]
fn a_dead_socket_is_refused_with_what_works_without_it() {
    let place = Place::bare();
    let Some(transcript) = up(&place, "unix:///tmp/pgvector-setup-none.sock") else {
        return;
    };
    assert_transcript!(transcript, @r"
    $ pgvector-setup up --target docker --yes
    | error[E0401]: the container engine at unix:///tmp/pgvector-setup-none.sock does not answer: Cannot connect to the Docker daemon at unix:///tmp/pgvector-setup-none.sock. Is the docker daemon running?
    | hint: see which engine is meant: docker context ls; DOCKER_HOST and DOCKER_CONTEXT go before it
    | hint: the files can be written all the same: pgvector-setup render compose [DIR]/data/docker/default/pgvector-setup-default-[ID]
    | hint: without containers: pgvector-setup up --target embedded
    exit 3
    ");
}

#[test]
fn a_socket_that_says_nothing_is_not_waited_for() {
    let place = Place::bare();
    let socket = place.root().join("engine.sock");
    let _silent = UnixListener::bind(&socket).unwrap();
    let Some(transcript) = up(&place, &format!("unix://{}", socket.display())) else {
        return;
    };
    assert_eq!(transcript.exit, 3, "{transcript}");
    assert!(
        transcript.stderr.contains("did not answer within 2 s"),
        "{transcript}"
    );
}

#[test]
fn another_machines_engine_is_refused() {
    let place = Place::bare();
    let Some(transcript) = up(&place, "tcp://192.0.2.1:2375") else {
        return;
    };
    assert_transcript!(transcript, @r"
    $ pgvector-setup up --target docker --yes
    | error[E0401]: the container engine at tcp://192.0.2.1:2375 is another machine's: the server's port would be published there, not here
    | hint: this machine's own engine: unset DOCKER_HOST DOCKER_CONTEXT; docker context use default
    | hint: on that machine: pgvector-setup up --target docker
    | hint: a server that runs there already: pgvector-setup up --url-file FILE
    exit 3
    ");
}
