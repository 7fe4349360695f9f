//! Text into vectors, as a person asks for it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::place::Place;
use crate::support::embedder::{EmbedderService, Fault};
use crate::transcript::{Transcript, assert_transcript};

/// An instance of its own: a run of `up` or `migrate` has an instance to itself.
static EMBEDDING: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::with_bundle();
    place.succeeds(&["up", "--yes", "--quiet"]);
    place
});

/// 94 articles, of which 36 came with their vectors from elsewhere.
const ARTICLES: &str = "INSERT INTO vectors.articles (uri, document, embedding)
    SELECT 'uri' || n, 'article ' || n, CASE WHEN n <= 36 THEN '[1,2,3]'::public.vector END
      FROM generate_series(1, 94) n";

fn command(service: &EmbedderService, words: &[&str]) -> Command {
    let mut command = EMBEDDING.command(words);
    command
        .env("PGVECTOR_SETUP_EMBEDDER_URL", service.url())
        .env("PGVECTOR_SETUP_EMBEDDER_MODEL", "words");
    command
}

fn run(service: &EmbedderService, words: &[&str]) -> Transcript {
    Transcript::of(&mut command(service, words), words)
}

#[test]
fn a_backfill_says_what_it_would_cost_asks_and_says_what_came_of_it() {
    let (_turn, database) = EMBEDDING.database("filled");
    let database = database.as_str();
    EMBEDDING.sql("filled", ARTICLES);
    let service = EmbedderService::start(3);
    assert_transcript!(EMBEDDING.run(&["embed", "backfill", database]), @"
    $ pgvector-setup embed backfill --database=filled
    | error[E0878]: --embedder-url was not given
    | hint: --embedder-url https://api.openai.com/v1 --embedder-model text-embedding-3-small
    exit 2
    ");
    assert_transcript!(run(&service, &["embed", "backfill", database]), @r#"
    $ pgvector-setup embed backfill --database=filled
    | error[E0873]: "embedding" of "vectors"."articles" holds vectors, and which model they are of is not recorded
    | hint: say which model made them: --adopt-model NAME
    exit 3
    "#);
    let adopting = [
        "embed",
        "backfill",
        database,
        "--adopt-model",
        "words",
        "--price",
        "0.02",
    ];
    assert_transcript!(run(&service, &adopting), @r#"
    $ pgvector-setup embed backfill --database=filled --adopt-model words --price 0.02
    | vectors of model words in "embedding" of "vectors"."articles", made of "document"
    | 36 of 94 rows (38.3 %) have a vector
    | 58 rows get one; 0 have no text
    | about 145 tokens, about 0.0000 in all (estimated: four characters each)
    | error[E0107]: no terminal to ask on, and --yes was not given
    | hint: add --yes
    exit 3
    "#);
    assert!(service.received().is_empty());
    service.fail_with([Fault::Status {
        status: 400,
        headers: "",
        body: r#"{"error": {"message": "one of these is too long"}}"#,
    }]);
    let agreed = [
        "embed",
        "backfill",
        database,
        "--adopt-model",
        "words",
        "--yes",
        "--quiet",
    ];
    assert_transcript!(run(&service, &agreed), @"
    $ pgvector-setup embed backfill --database=filled --adopt-model words --yes --quiet
    58 rows got a vector
    116 tokens
    coverage: 36 of 94 rows (38.3 %) -> 94 of 94 rows (100.0 %)
    exit 0
    ");
    let again = command(&service, &["embed", "backfill", database, "--yes", "--json"]).output();
    let again: serde_json::Value = serde_json::from_slice(&again.unwrap().stdout).unwrap();
    assert_eq!(
        (&again["changed"], &again["plan"]["coverage"]["embedded"]),
        (&false.into(), &94.into())
    );
    let mut other = command(&service, &["embed", "backfill", database, "--yes"]);
    other.env("PGVECTOR_SETUP_EMBEDDER_MODEL", "letters");
    assert_transcript!(Transcript::of(&mut other, &["embed", "backfill", database, "--yes"]), @r#"
    $ pgvector-setup embed backfill --database=filled --yes
    | error[E0871]: the vectors in "embedding" of "vectors"."articles" are of model words, and vectors of letters cannot be compared with them
    | hint: --embedder-model words; or give letters a column of its own: pgvector-setup --database filled up --column NAME --dimensions N, then pgvector-setup --database filled embed backfill --column NAME
    exit 3
    "#);
}

#[test]
fn a_backfill_that_left_rows_without_a_vector_does_not_end_as_if_it_were_done() {
    let (_turn, database) = EMBEDDING.database("refused");
    let database = database.as_str();
    EMBEDDING.sql(
        "refused",
        "INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one'), ('b', 'two')",
    );
    let service = EmbedderService::start(3);
    // For both together, and for the first alone.
    let too_long = Fault::Status {
        status: 400,
        headers: "",
        body: r#"{"error": {"message": "it is too long", "param": "input"}}"#,
    };
    service.fail_with([too_long.clone(), too_long]);
    let filling = ["embed", "backfill", database, "--yes", "--quiet"];
    assert_transcript!(run(&service, &filling), @"
    $ pgvector-setup embed backfill --database=refused --yes --quiet
    1 rows got a vector
    refused: a: it is too long
    1 rows were refused; once they are changed, the same command again gives them one
    2 tokens
    coverage: 0 of 2 rows (0.0 %) -> 1 of 2 rows (50.0 %)
    exit 5
    ");
    assert_transcript!(run(&service, &filling), @"
    $ pgvector-setup embed backfill --database=refused --yes --quiet
    1 rows got a vector
    1 tokens
    coverage: 1 of 2 rows (50.0 %) -> 2 of 2 rows (100.0 %)
    exit 0
    ");
}

#[test]
fn a_service_that_refuses_whatever_it_is_given_is_not_taken_for_one_that_refuses_these_texts() {
    let (_turn, database) = EMBEDDING.database("unheard");
    let database = database.as_str();
    EMBEDDING.sql(
        "unheard",
        "INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one'), ('b', 'two')",
    );
    let service = EmbedderService::start(3);
    let wrong_key = Fault::Status {
        status: 400,
        headers: "",
        body: r#"{"error": {"message": "API key not valid"}}"#,
    };
    service.fail_with(vec![wrong_key; 6]);
    assert_transcript!(run(&service, &["embed", "backfill", database, "--yes", "--quiet"]), @"
    $ pgvector-setup embed backfill --database=unheard --yes --quiet
    | error[E0868]: the service refuses every text for words, a single word too: API key not valid
    | hint: what it says may be of the key, the model or the URL: --embedder-key-file FILE --embedder-model NAME --embedder-url URL
    exit 3
    ");
    assert_transcript!(run(&service, &["embed", "watch", "--until-empty", "--yes", "--quiet", database]), @"
    $ pgvector-setup embed watch --until-empty --yes --quiet --database=unheard
    | error[E0868]: the service refuses every text for words, a single word too: API key not valid
    | hint: what it says may be of the key, the model or the URL: --embedder-key-file FILE --embedder-model NAME --embedder-url URL
    exit 3
    ");
    let queue = &EMBEDDING.json(&["embed", "status", database])["queue"];
    assert_eq!((&queue["waiting"], &queue["parked"]), (&2.into(), &0.into()));
}

#[test]
fn a_watch_is_installed_works_until_nothing_waits_and_is_removed() {
    let (_turn, database) = EMBEDDING.database("watched");
    let database = database.as_str();
    EMBEDDING.sql(
        "watched",
        "INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one'), ('b', 'two'), ('c', ' ')",
    );
    let service = EmbedderService::start(3);
    assert_transcript!(run(&service, &["embed", "watch", "--install-only", "--yes", database]), @r#"
    $ pgvector-setup embed watch --install-only --yes --database=watched
    the table is watched
    | watch "document" of "vectors"."articles": two triggers there, and the queue pgvector_setup."articles_queue_2b480cdf35"
    exit 0
    "#);
    EMBEDDING.sql(
        "watched",
        "INSERT INTO vectors.articles (uri, document) VALUES ('d', 'three')",
    );
    assert_eq!(
        EMBEDDING.json(&["embed", "status", database])["queue"]["waiting"],
        1
    );
    assert_transcript!(run(&service, &["embed", "watch", "--until-empty", "--yes", database]), @r#"
    $ pgvector-setup embed watch --until-empty --yes --database=watched
    3 rows got a vector, 0 are parked
    | watch "document" of "vectors"."articles": two triggers there, and the queue pgvector_setup."articles_queue_2b480cdf35"
    | rows with text and without a vector in "embedding", and rows whose text changes, get one of model words
    | 3 rows got a vector
    exit 0
    "#);
    assert_transcript!(run(&service, &["embed", "status", database]), @"
    $ pgvector-setup embed status --database=watched
    coverage   3 of 4 rows (75.0 %)
    model      words since [TIME] (3 dimensions)
    queue      0 rows wait; 0 are parked
    exit 0
    ");
    assert_transcript!(run(&service, &["embed", "watch", "--remove", "--yes", database]), @r#"
    $ pgvector-setup embed watch --remove --yes --database=watched
    the table is not watched any more
    | remove the queue of "vectors"."articles" and its triggers; 0 rows wait and 0 are parked
    exit 0
    "#);
    assert_transcript!(run(&service, &["embed", "watch", "--remove", "--yes", database]), @"
    $ pgvector-setup embed watch --remove --yes --database=watched
    nothing to remove
    exit 0
    ");
}

#[test]
fn a_watch_that_is_told_to_end_finishes_its_batch_and_says_what_it_did() {
    let (_turn, database) = EMBEDDING.database("ended");
    let database = database.as_str();
    EMBEDDING.sql(
        "ended",
        "INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one')",
    );
    let service = EmbedderService::start(3);
    let mut watch = command(&service, &["embed", "watch", "--yes", database])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(watch.stderr.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line == "1 rows got a vector"));
    let process = rustix::process::Pid::from_child(&watch);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let ended = watch.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(143));
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        "1 rows got a vector, 0 are parked\n"
    );
}
