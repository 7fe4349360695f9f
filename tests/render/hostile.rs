//! A thousand projects with names that nobody should choose, read by a real parser and compared word by word.

use clap::Parser as _;
use pgvector_setup::cli::Arguments;
use pgvector_setup::render::compose;
use pgvector_setup::settings::{
    ContainerSettings, Dimensions, Identifier, Index, InstanceName, Metric, PackageSettings, Settings,
    Target, VectorTable,
};

use crate::consumer::{read, words};

const COUNT: u64 = 1_000;

/// What YAML, interpolation, a shell or a command line would take for something else.
const PIECES: [&str; 40] = [
    "$", "$$", "${", "}", "${x:-y}", "$x", "\"", "'", "\\", "\\n", "\\x41", "#", " #", ": ", ":", "- ", "-",
    "--", "!", "!!str", "&a", "*a", "|", ">", "%", "@", "`", "{{", "}}", "{%", "[", "]", ",", "?", "~",
    "null", "yes", "0x1F", "1e3", "\t",
];
const CHARACTERS: [char; 16] = [
    'a',
    ' ',
    '=',
    '/',
    '\u{1}',
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    '\u{ad}',
    '\u{2028}',
    '\u{202e}',
    '\u{feff}',
    '\u{fffe}',
    '\u{1f600}',
    '\u{10ffff}',
    '\u{e000}',
];

/// A fixed sequence (xorshift64*): a failure is the same on every machine.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }

    fn name(&mut self) -> Identifier {
        let mut name = String::new();
        for _ in 0..=self.below(8) {
            let before = name.len();
            if self.below(3) == 0 {
                name.push(CHARACTERS[self.below(CHARACTERS.len())]);
            } else {
                name.push_str(PIECES[self.below(PIECES.len())]);
            }
            if name.len() > 63 {
                name.truncate(before);
            }
        }
        Identifier::new(name).unwrap()
    }
}

#[test]
fn a_thousand_hostile_projects_mean_exactly_what_was_asked_for() {
    let mut sequence = Sequence(0x5eed);
    let projects: Vec<Settings> = (0..COUNT).map(|_| settings(&mut sequence)).collect();
    let rendered: Vec<String> = projects
        .iter()
        .map(|settings| compose::project(settings).unwrap().files.remove(0).content)
        .collect();
    let read = read(&rendered, false);
    assert_eq!(read.len(), projects.len());
    for (settings, config) in projects.iter().zip(&read) {
        let words = words(config, "migrate");
        let table = &settings.table;
        for (flag, name) in [
            ("role", &settings.role),
            ("database", &settings.database),
            ("schema", &table.schema),
            ("extension-schema", &table.extension_schema),
            ("table", &table.table),
            ("key", &table.key),
            ("column", &table.column),
        ] {
            let wanted = format!("--{flag}={name}");
            assert_eq!(
                words.iter().filter(|word| **word == wanted).count(),
                1,
                "{wanted:?} in {words:?}"
            );
        }
        assert_eq!(words.len(), 21, "{words:?}");
        assert_reads(&words, settings);
        let environment = &config["services"]["app"]["environment"];
        assert_eq!(environment["PGUSER"], settings.role.as_str());
        assert_eq!(environment["PGDATABASE"], settings.database.as_str());
        assert_eq!(
            config.as_object().unwrap().len(),
            3,
            "services, volumes and secrets alone"
        );
    }
}

/// The program in the container takes its command line for what was meant.
fn assert_reads(words: &[&str], settings: &Settings) {
    let words = ["pgvector-setup"].iter().chain(words);
    let options = Arguments::try_parse_from(words).unwrap().options;
    let table = &settings.table;
    for (given, wanted) in [
        (options.role, &settings.role),
        (options.database, &settings.database),
        (options.schema, &table.schema),
        (options.table, &table.table),
        (options.key, &table.key),
        (options.column, &table.column),
    ] {
        assert_eq!(given.as_deref(), Some(wanted.as_str()));
    }
}

fn settings(sequence: &mut Sequence) -> Settings {
    Settings {
        target: Target::Docker,
        instance: InstanceName::default(),
        directory: None,
        port: None,
        postgres_major: None,
        lock_timeout: 300,
        packages: PackageSettings::default(),
        bundle: None,
        database: sequence.name(),
        role: sequence.name(),
        table: VectorTable {
            schema: sequence.name(),
            table: sequence.name(),
            key: sequence.name(),
            column: sequence.name(),
            dimensions: Dimensions::new(1536).unwrap(),
            metric: Metric::Cosine,
            index: Index::DEFAULT_HNSW,
            extension_schema: sequence.name(),
        },
        network: Default::default(),
        server_url: None,
        role_password_file: None,
        embedder: Default::default(),
        containers: ContainerSettings {
            app_image: Some("example/app:1".parse().unwrap()),
            ..ContainerSettings::default()
        },
    }
}
