//! The help is a promise too.

use crate::place::Place;
use crate::transcript::assert_transcript;

#[test]
fn without_a_command_and_without_a_terminal_it_is_the_help_and_a_usage_error() {
    let transcript = Place::bare().run(&[]);
    assert_eq!(transcript.exit, 2);
    assert!(
        transcript.stderr.contains("Usage: pgvector-setup"),
        "{transcript}"
    );
    assert_eq!(transcript.stdout, "");
}

#[test]
fn help_names_every_command_and_option() {
    assert_transcript!(Place::bare().run(&["--help"]), @"
    $ pgvector-setup --help
    Take a machine from nothing to a proven pgvector database, and undo it again

    Without a command: on a terminal the wizard, else this help.

    Usage: pgvector-setup [OPTIONS] [COMMAND]

    Commands:
      up        Install, start, create, migrate and prove; does nothing where nothing is missing
      plan      Show what `up` would do; changes nothing
      site      Databases of sites: one command for each, nobody watching
      apply     Make server and sites as the settings file declares them
      upgrade   Bring a newer pgvector: package, extension in every database, indexes
      start     Start the embedded server, or the one in its container
      stop      Stop the embedded server, or the compose project
      status    Say what is there and whether it runs
      destroy   Stop the embedded server or the compose project, and delete its data
      env       Print how to connect, for a shell or a .env file
      psql      Open psql as the application's role
      migrate   Look at or change the schema's version
      verify    Measure that vectors can be kept and found: scratch data, index, recall; leaves nothing
                behind
      doctor    Read the database's health; changes nothing
      import    Move another vector store's records here, and prove that they arrived
      search    Find the rows nearest to a text or a vector
      similar   Find the rows nearest to a row
      get       Print rows by key or condition
      upsert    Write rows from a file of JSON lines
      embed     Make vectors from the rows' text
      render    Write files that bring the database up elsewhere: compose, Kubernetes, quadlet, SQL; or
                that run and watch it: systemd, monitoring
      rollback  Undo what `up` did, newest first; never touches what was there before
      help      Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    What is wanted:
          --target <TARGET>
              Where the database lives [default: embedded]

              Possible values:
              - embedded: A private PostgreSQL in your own data directory; no root
              - system:   The operating system's PostgreSQL service, installed by its package manager
              - docker:   A Docker compose project with the server in a container
              - url:      A server that is there already, named by its URL

          --url <URL>
              Server that is there already, as postgresql://user@host:port/database; means --target url

          --url-file <FILE>
              File of mode 0600 with that URL, so that no password is in a command line

          --password-file <FILE>
              Url: file of mode 0600 with the password of the URL's user, or a container's secret

          --role-password-file <FILE>
              File with the password that the application's role is to have [default: one is made]

          --tls-root <FILE>
              Url: certificates that the server's is judged by [default: ~/.postgresql/root.crt, else
              the system's]

          --allow-plaintext[=<BOOL>]
              Url: agree to a connection in the clear where the URL's sslmode asks for one

          --instance <NAME>
              Name of the embedded cluster or the compose project [default: default]

          --directory <DIR>
              Where data and records are kept [default: the user's data directory,
              /var/lib/pgvector-setup for root]

          --port <N>
              TCP port on loopback [default: a free one from [PORT]; docker: 5432; system: the only
              cluster's]

          --pg <MAJOR>
              PostgreSQL major [default: the best that can be had]

          --lock-timeout <SECONDS>
              System: seconds to wait for another program to release the package manager [default: 300]

          --repository-timeout <SECONDS>
              System: seconds to wait for repositories that do not answer yet, and for the clock, on a
              machine that boots [default: 0]

          --source <SOURCE>
              System: the only source of packages [default: the safest that can be had]

              Possible values:
              - distro: The operating system's own repositories
              - pgdg:   PostgreSQL's own repository, added where it is missing
              - brew:   Homebrew

          --allow-vulnerable[=<BOOL>]
              System: take an affected pgvector that is at hand rather than add a repository

          --pgdg-mirror <URL>
              System: URL of a mirror of PostgreSQL's own repository

          --pgdg-key <FILE>
              System: key that this mirror signs with [default: PGDG's own]

          --bundle <FILE>
              Portable bundle (a wheel file) that is already at hand

          --database <NAME>
              Database [default: vectors; url: the URL's]

          --role <NAME>
              The application's role [default: vectors; url: the URL's user]

          --schema <NAME>
              Schema of the table [default: the role's name]

          --extension-schema <NAME>
              Schema of the extension [default: public]

          --table <NAME>
              Table [default: articles]

          --key <NAME>
              Key column [default: uri]

          --column <NAME>
              Embedding column [default: embedding]

          --dimensions <N>
              Components of each vector, 1 to 16000 [default: 1536]

          --metric <METRIC>
              Distance [default: cosine]

              Possible values:
              - cosine: Cosine distance, operator `<=>`
              - l2:     Euclidean distance, operator `<->`
              - ip:     Negative inner product, operator `<#>`
              - l1:     Taxicab distance, operator `<+>` (HNSW only)

          --index <INDEX>
              Index [default: hnsw]

              Possible values:
              - hnsw:    A graph: best recall, slower to build
              - ivfflat: Clusters: needs rows before it is built
              - none:    Exact searches that read every row

          --m <N>
              hnsw: connections a layer, 2 to 100 [default: 16]

          --ef-construction <N>
              hnsw: candidates while building, 4 to 1000 [default: 64]

          --lists <N|auto>
              ivfflat: lists, 1 to 32768, or auto [default: auto]

          --site-directory <DIR>
              Where the files go that the services of sites read [default: /etc/pgvector-setup/sites]

          --config <FILE>
              File with these options as `name = value` [default: pgvector-setup.toml, if it is here]

    Network:
          --listen <ADDRESS>
              System: address of this machine that the server listens on beside loopback; * for all
              [default: none]

          --allow <CIDR>
              System: network that the application's role is let in from, by TLS and SCRAM, as
              192.0.2.0/24 [default: none]

          --tls-certificate <FILE>
              System: the server's certificate, with those between it and its issuer; goes with --listen

          --tls-key <FILE>
              System: the certificate's key: mode 0600 of the server's user, or 0640 of root

    Containers:
          --project <DIR>
              Docker: directory of the compose project [default: the instance's own]

          --image <IMAGE>
              Image of the server [default: pgvector/pgvector of the wanted major]

          --tool-image <IMAGE>
              Image of this program, which runs the migrations [default: pgvector-setup:VERSION]

          --app-image <IMAGE>
              Image of an application that starts once the migrations are done

          --publish <ADDRESS>
              Address of this machine that the server's port is published on [default: 127.0.0.1]

          --memory <SIZE>
              Memory of the server's container, as 512m or 2g [default: 2g]

    Embedder:
          --embedder-url <URL>
              Base of an OpenAI-compatible service that makes vectors from text, as
              https://api.openai.com/v1

          --embedder-model <NAME>
              Its model, as text-embedding-3-small

          --embedder-key-file <FILE>
              File of mode 0600 with its key [default: PGVECTOR_SETUP_EMBEDDER_KEY in the environment,
              else none]

    Output:
          --json
              Print one JSON document on standard output

          --progress
              With --json: print an event a line while the command works, and the document as the last
              line

      -q, --quiet
              Say nothing but results and errors
    exit 0
    ");
}

/// Only what is its own: the options that all commands share are in the text above.
#[test]
fn each_command_explains_itself() {
    let place = Place::bare();
    let commands: [&[&str]; 15] = [
        &["up"],
        &["plan"],
        &["start"],
        &["stop"],
        &["status"],
        &["destroy"],
        &["env"],
        &["psql"],
        &["migrate"],
        &["migrate", "up"],
        &["migrate", "down"],
        &["migrate", "sql"],
        &["verify"],
        &["doctor"],
        &["rollback"],
    ];
    let own = |words: &&[&str]| {
        let words = [words, &["-h"][..]].concat();
        let transcript = place.run(&words);
        let shared = transcript
            .stdout
            .find("\nWhat is wanted:")
            .unwrap_or(transcript.stdout.len());
        format!(
            "$ pgvector-setup {}\n{}",
            words.join(" "),
            &transcript.stdout[..shared]
        )
    };
    let all: Vec<String> = commands.iter().map(own).collect();
    assert_transcript!(all.join("\n"), @"
    $ pgvector-setup up -h
    Install, start, create, migrate and prove; does nothing where nothing is missing

    Usage: pgvector-setup up [OPTIONS]

    Options:
      -y, --yes             Do not ask
          --wait <SECONDS>  Url: wait this long for the server to answer a query
      -h, --help            Print help (see more with '--help')

    $ pgvector-setup plan -h
    Show what `up` would do; changes nothing

    Usage: pgvector-setup plan [OPTIONS]

    Options:
          --check  Exit with 8 when something is missing
          --sql    Print the SQL of every step in order, for somebody who runs it by psql
      -h, --help   Print help (see more with '--help')

    $ pgvector-setup start -h
    Start the embedded server, or the one in its container

    Usage: pgvector-setup start [OPTIONS]

    Options:
      -h, --help  Print help (see more with '--help')

    $ pgvector-setup stop -h
    Stop the embedded server, or the compose project

    Usage: pgvector-setup stop [OPTIONS]

    Options:
      -h, --help  Print help (see more with '--help')

    $ pgvector-setup status -h
    Say what is there and whether it runs

    Usage: pgvector-setup status [OPTIONS]

    Options:
      -h, --help  Print help (see more with '--help')

    $ pgvector-setup destroy -h
    Stop the embedded server or the compose project, and delete its data

    Usage: pgvector-setup destroy [OPTIONS]

    Options:
          --destroy-data <NAME>  Agree to lose the data of what bears this name (the instance, or the
                                 database of the system target)
      -h, --help                 Print help (see more with '--help')

    $ pgvector-setup env -h
    Print how to connect, for a shell or a .env file

    Usage: pgvector-setup env [OPTIONS]

    Options:
          --format <FORMAT>  The form of the output [default: shell] [possible values: shell, dotenv]
      -h, --help             Print help (see more with '--help')

    $ pgvector-setup psql -h
    Open psql as the application's role

    Usage: pgvector-setup psql [OPTIONS] [-- <ARGUMENTS>...]

    Arguments:
      [ARGUMENTS]...  Handed to psql as they are

    Options:
      -h, --help  Print help (see more with '--help')

    $ pgvector-setup migrate -h
    Look at or change the schema's version

    Usage: pgvector-setup migrate [OPTIONS] <COMMAND>

    Commands:
      status  Show each migration and its state
      up      Apply what is missing
      down    Take migrations back, newest first
      sql     Print the SQL of every migration
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')

    $ pgvector-setup migrate up -h
    Apply what is missing

    Usage: pgvector-setup migrate up [OPTIONS]

    Options:
          --to <N>          Stop after this version
          --create          Make role, database and schema too, and prove the result: all of `up`,
                            without a question
          --wait <SECONDS>  Url: wait this long for the server to answer a query
      -h, --help            Print help (see more with '--help')

    $ pgvector-setup migrate down -h
    Take migrations back, newest first

    Usage: pgvector-setup migrate down [OPTIONS]

    Options:
          --to <N>          Keep this version and all before it [default: 3]
          --destroy <NAME>  Agree to lose the data of this column or table (can be repeated)
          --export <FILE>   Write the vectors to this file first
      -h, --help            Print help (see more with '--help')

    $ pgvector-setup migrate sql -h
    Print the SQL of every migration

    Usage: pgvector-setup migrate sql [OPTIONS]

    Options:
      -h, --help  Print help (see more with '--help')

    $ pgvector-setup verify -h
    Measure that vectors can be kept and found: scratch data, index, recall; leaves nothing behind

    Usage: pgvector-setup verify [OPTIONS]

    Options:
          --domain <NAME>   Of this site, as its service
          --wait <SECONDS>  Url: wait this long for the server to answer a query
      -h, --help            Print help (see more with '--help')

    $ pgvector-setup doctor -h
    Read the database's health; changes nothing

    Usage: pgvector-setup doctor [OPTIONS]

    Options:
          --sites            Of every site, each as its service; where there are none, of the database
                             of these settings
          --domain <NAME>    Of this site alone
          --recall           Measure recall on the real table too
          --format <FORMAT>  The form of the output [default: text] [possible values: text, prometheus]
          --output <FILE>    Write the metrics to this file, whole or not at all, instead of printing
                             them
          --wait <SECONDS>   Url: wait this long for the server to answer a query
      -h, --help             Print help (see more with '--help')

    $ pgvector-setup rollback -h
    Undo what `up` did, newest first; never touches what was there before

    Usage: pgvector-setup rollback [OPTIONS]

    Options:
      -y, --yes                  Do not ask
          --destroy-data <NAME>  Agree to lose the data of what bears this name (the instance, or the
                                 database of the system target)
      -h, --help                 Print help (see more with '--help')
    ");
}

/// Two arguments of one name would be one for clap, and the later one hides the other from the command line.
#[test]
fn no_argument_of_a_command_hides_an_option_that_all_commands_share() {
    let place = Place::bare();
    for words in [
        &["render", "compose"][..],
        &["render", "kubernetes"],
        &["render", "quadlet"],
        &["render", "sql"],
        &["render", "systemd"],
        &["render", "monitoring"],
        &["up"],
        &["migrate", "up"],
        &["doctor"],
    ] {
        let transcript = place.run(&[words, &["--help"]].concat());
        for option in ["--directory <DIR>", "--instance <NAME>", "--config <FILE>"] {
            assert!(transcript.stdout.contains(option), "{option}: {transcript}");
        }
    }
}
