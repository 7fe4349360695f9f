//! What may be made of a damaged directory: all of it, all but some vectors which are missing and not wrong, or an error that
//! says what is wrong. Never another record, and never without end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pgvector_setup::Explain as _;
use pgvector_setup::import::{CollectionName, ImportError, Inventory, Record, Source as _};
use rusqlite::Connection;

use crate::chroma::comparison::{Truth, differences};
use crate::chroma::fixture::{Fixture, files};
use crate::chroma::reading::{self, Everything};
use crate::truth;

/// Far more than a fixture takes, on a machine that is busy with other tests as well.
const MOST_TIME: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Whole,
    /// So many records came without the vector that they had.
    Without(usize),
    Refused,
}

/// A fixture, one of whose files is replaced for as long as it is read.
pub struct Damage {
    pub fixture: Fixture,
    truths: BTreeMap<CollectionName, Truth>,
    /// As it was before the damage.
    inventory: Inventory,
}

impl Damage {
    pub fn of(version: &'static str) -> Self {
        let fixture = Fixture::unpack(version);
        let truths = truth::of(&fixture);
        let inventory = reading::open(&fixture.directory()).unwrap().inventory().unwrap();
        Self {
            fixture,
            truths,
            inventory,
        }
    }

    /// A file of the segment that keeps the vectors of `big_cosine`, most of which are in no log any more.
    pub fn of_the_index(&self, name: &str) -> PathBuf {
        let catalog = Connection::open(self.path(Path::new("chroma.sqlite3"))).unwrap();
        let sql = "SELECT s.id FROM segments s JOIN collections c ON c.id = s.collection
                   WHERE c.name = 'big_cosine' AND s.scope = 'VECTOR'";
        let segment: String = catalog.query_row(sql, [], |row| row.get(0)).unwrap();
        Path::new(&segment).join(name)
    }

    /// Every file of every segment that keeps vectors.
    pub fn index_files(&self) -> Vec<PathBuf> {
        let mut files = files(&self.fixture.directory());
        files.retain(|file| file != Path::new("chroma.sqlite3"));
        files
    }

    pub fn path(&self, file: &Path) -> PathBuf {
        self.fixture.directory().join(file)
    }

    pub fn bytes(&self, file: &Path) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    /// With other bytes in a file (`None`: without it); panics where the result is neither right nor an error.
    pub fn verdict(&self, file: &Path, bytes: Option<&[u8]>, what: &str) -> Verdict {
        let read = self.read_with(file, bytes);
        self.judge(read)
            .unwrap_or_else(|problem| panic!("{} {} {what}: {problem}", self.fixture.version, file.display()))
    }

    /// With other bytes in a file, which has its own again afterwards.
    pub fn read_with(&self, file: &Path, bytes: Option<&[u8]>) -> Result<Everything, ImportError> {
        self.replaced(file, bytes, || self.read())
    }

    fn replaced<Result>(&self, file: &Path, bytes: Option<&[u8]>, read: impl FnOnce() -> Result) -> Result {
        let path = self.path(file);
        let whole = std::fs::read(&path).unwrap();
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let read = read();
        std::fs::write(&path, whole).unwrap();
        read
    }

    pub fn read(&self) -> Result<Everything, ImportError> {
        let started = Instant::now();
        let read = reading::everything(&self.fixture.directory());
        assert!(started.elapsed() < MOST_TIME, "it took {:?}", started.elapsed());
        if let Err(error) = &read {
            assert!(error.code().starts_with("E080"), "{}: {error}", error.code());
            assert!(
                error.hint().is_some() && !error.to_string().is_empty(),
                "{error:?}"
            );
        }
        read
    }

    /// The verdict on one collection alone, whose index files these bytes are in; everything else is the same for it.
    pub fn verdict_on_one(&self, file: &Path, bytes: Option<&[u8]>, what: &str) -> Verdict {
        let Some(collection) = self.collection_of(file) else {
            // A collection that was dropped can leave its directory.
            return self.verdict(file, bytes, what);
        };
        let read = self.read_one_with(file, bytes);
        let judged = read.map(|mut records| self.judge_records(&collection, &mut records));
        match judged {
            Ok(Ok(0)) => Verdict::Whole,
            Ok(Ok(lost)) => Verdict::Without(lost),
            Err(_) => Verdict::Refused,
            Ok(Err(problem)) => panic!("{} {} {what}: {problem}", self.fixture.version, file.display()),
        }
    }

    /// The records of the collection whose index files these bytes are in.
    pub fn read_one_with(&self, file: &Path, bytes: Option<&[u8]>) -> Result<Vec<Record>, ImportError> {
        let name = self.collection_of(file).expect("a segment of a collection");
        let collection = self
            .inventory
            .collections
            .iter()
            .find(|entry| entry.name == name)
            .unwrap();
        self.replaced(file, bytes, || {
            reading::of(&mut reading::open(&self.fixture.directory())?, collection, 0)
        })
    }

    /// The collection whose segment keeps this file.
    fn collection_of(&self, file: &Path) -> Option<CollectionName> {
        let segment = file.parent().unwrap().to_str().unwrap();
        let catalog = Connection::open(self.path(Path::new("chroma.sqlite3"))).unwrap();
        let sql = "SELECT collection FROM segments WHERE id = ?1";
        let id: String = catalog.query_row(sql, [segment], |row| row.get(0)).ok()?;
        let mut collections = self.inventory.collections.iter();
        collections
            .find(|collection| collection.id == id)
            .map(|collection| collection.name.clone())
    }

    /// Every record with its own contents, and with its own vector or none.
    pub fn judge(&self, read: Result<Everything, ImportError>) -> Result<Verdict, String> {
        let Ok(mut read) = read else {
            return Ok(Verdict::Refused);
        };
        if !read.records.keys().eq(self.truths.keys()) {
            return Err(format!("other collections: {:?}", read.records.keys()));
        }
        let mut lost = 0;
        for collection in &read.inventory.collections {
            let records = read.records.get_mut(&collection.name).unwrap();
            let lost_here = self.judge_records(&collection.name, records)?;
            let told = collection.without_vector;
            if told.is_some_and(|told| told != lost_here as u64) {
                return Err(format!(
                    "{}: {told:?} without vector told, {lost_here} read",
                    collection.name
                ));
            }
            lost += lost_here;
        }
        Ok(if lost == 0 {
            Verdict::Whole
        } else {
            Verdict::Without(lost)
        })
    }

    /// How many records have lost their vectors; or what is wrong with the first that differs otherwise.
    fn judge_records(&self, name: &CollectionName, records: &mut [Record]) -> Result<usize, String> {
        let truth = &self.truths[name];
        let mut lost = 0;
        for record in records.iter_mut().filter(|record| record.embedding.is_none()) {
            let had = truth.records.get(&record.id);
            record.embedding = had.and_then(|had| had.embedding.clone());
            lost += 1;
        }
        match differences(records, truth).0.first() {
            Some(first) => Err(format!("{name}: {first}")),
            None => Ok(lost),
        }
    }
}
