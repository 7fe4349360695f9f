//! `header.bin`, `data_level0.bin`, `length.bin`, `link_lists.bin` and `index_metadata.pickle`, in Chroma's fork of hnswlib.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use pgvector_setup::import::Space;

use super::pickle;

/// hnswlib's M of Chroma's default.
const NEIGHBOURS: u64 = 16;
/// Links on level 0: their count and twice M of four bytes each.
const LINKS: u64 = 4 + 4 * 2 * NEIGHBOURS;

pub struct IndexFiles {
    directory: PathBuf,
    space: Space,
    dimensions: usize,
    records: BufWriter<File>,
    lengths: BufWriter<File>,
    /// In order of their labels, which begin at 1.
    ids: Vec<String>,
}

impl IndexFiles {
    pub fn create(directory: &Path, space: Space, dimensions: usize) -> Self {
        std::fs::create_dir(directory).unwrap();
        let file = |name: &str| BufWriter::new(File::create(directory.join(name)).unwrap());
        Self {
            directory: directory.to_owned(),
            space,
            dimensions,
            records: file("data_level0.bin"),
            lengths: file("length.bin"),
            ids: Vec::new(),
        }
    }

    /// One more vector. For cosine it is stored divided by its length, which goes beside it.
    pub fn push(&mut self, id: &str, vector: &[f32]) {
        self.ids.push(id.to_owned());
        let length = vector
            .iter()
            .map(|component| component * component)
            .sum::<f32>()
            .sqrt();
        let divisor = if self.space == Space::Cosine { length } else { 1.0 };
        let mut record = vec![0; LINKS as usize];
        record.extend(
            vector
                .iter()
                .flat_map(|component| (component / divisor).to_le_bytes()),
        );
        record.extend((self.ids.len() as u64).to_le_bytes());
        self.records.write_all(&record).unwrap();
        self.lengths.write_all(&length.to_le_bytes()).unwrap();
    }

    pub fn finish(mut self) {
        self.records.flush().unwrap();
        self.lengths.flush().unwrap();
        // No element is on a higher level.
        self.write("link_lists.bin", &vec![0; 4 * self.ids.len()]);
        self.write("header.bin", &self.header());
        self.write("index_metadata.pickle", &pickle::of(&self.ids));
    }

    /// 100 bytes, packed.
    fn header(&self) -> Vec<u8> {
        let count = self.ids.len() as u64;
        let label_at = LINKS + 4 * self.dimensions as u64;
        let mut header = Vec::from(1_i32.to_le_bytes());
        for number in [
            0,
            count.next_multiple_of(100),
            count,
            label_at + 8,
            label_at,
            LINKS,
        ] {
            header.extend(number.to_le_bytes());
        }
        header.extend(0_i32.to_le_bytes());
        header.extend(0_u32.to_le_bytes());
        for number in [NEIGHBOURS, 2 * NEIGHBOURS, NEIGHBOURS] {
            header.extend(number.to_le_bytes());
        }
        header.extend((1.0 / (NEIGHBOURS as f64).ln()).to_le_bytes());
        header.extend(100_u64.to_le_bytes());
        header
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.directory.join(name), bytes).unwrap();
    }
}
