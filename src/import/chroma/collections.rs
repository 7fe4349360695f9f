//! The collections of a catalog, with where their parts are.

use rusqlite::params;

use super::DirectoryError;
use super::space;
use super::sqlite::Catalog;
use crate::import::{CollectionName, Space};

/// Before 0.4.15 there were no tenants and databases; these are where Chroma's own migration puts everything.
const DEFAULT_TENANT: &str = "default_tenant";
const DEFAULT_DATABASE: &str = "default_database";
const KNOWN_VECTOR_TYPE: &str = "urn:chroma:segment/vector/hnsw-local-persisted";
const KNOWN_METADATA_TYPE: &str = "urn:chroma:segment/metadata/sqlite";

/// One collection as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) name: CollectionName,
    /// Components of its vectors; `None` before the first.
    pub(super) dimensions: Option<i64>,
    pub(super) space: Space,
    /// Ids, documents and metadata; `None` where nothing was ever written.
    pub(super) metadata: Option<Segment>,
    pub(super) vectors: Option<Segment>,
    /// What was odd about it, a sentence each.
    pub(super) oddities: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) id: String,
    /// How far in the log it holds everything; `None` where Chroma did not note it.
    pub(super) position: Option<i64>,
}

impl Entry {
    /// The position in the log after which the METADATA segment lacks something.
    pub(super) fn metadata_position(&self) -> i64 {
        self.metadata
            .as_ref()
            .and_then(|segment| segment.position)
            .unwrap_or(-1)
    }

    /// How far in the log its segments claim to be.
    pub(super) fn claimed(&self) -> Option<i64> {
        let segments = [&self.metadata, &self.vectors].into_iter().flatten();
        segments.filter_map(|segment| segment.position).max()
    }
}

/// By tenant, database and name.
pub(super) fn list(catalog: &Catalog) -> Result<Vec<Entry>, DirectoryError> {
    let column = |column: &str| match catalog.has("collections", column) {
        true => format!("c.{column}"),
        false => "NULL".to_owned(),
    };
    let (place, join) =
        match catalog.has("databases", "tenant_id") && catalog.has("collections", "database_id") {
            true => (
                "d.tenant_id, d.name",
                "LEFT JOIN databases d ON d.id = c.database_id",
            ),
            false => ("NULL, NULL", ""),
        };
    let sql = format!(
        "SELECT c.rowid, c.id, c.name, c.dimension, {place}, {schema}, {configuration} FROM collections c {join} ORDER BY c.rowid",
        schema = column("schema_str"),
        configuration = column("config_json_str"),
    );
    let table = "collections";
    let mut entries = Vec::new();
    catalog.each(&sql, [], |row| {
        let number = catalog.number(row, 0, table)?;
        let text = |index| catalog.optional_text(row, index, table, number);
        let id = catalog.text(row, 1, table, number)?.to_owned();
        let clues = space::Clues {
            schema: text(6)?,
            configuration: text(7)?,
        };
        let dimensions = row.get(3).map_err(|source| catalog.failed(source))?;
        let mut entry = Entry {
            name: CollectionName {
                tenant: text(4)?.unwrap_or(DEFAULT_TENANT).to_owned(),
                database: text(5)?.unwrap_or(DEFAULT_DATABASE).to_owned(),
                name: catalog.text(row, 2, table, number)?.to_owned(),
            },
            dimensions,
            space: Space::L2,
            metadata: None,
            vectors: None,
            oddities: Vec::new(),
            id,
        };
        segments(catalog, &mut entry)?;
        entry.space = space::of(catalog, &entry, clues)?;
        entries.push(entry);
        Ok(())
    })?;
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn segments(catalog: &Catalog, entry: &mut Entry) -> Result<(), DirectoryError> {
    let table = "segments";
    let mut oddities = Vec::new();
    let sql = "SELECT rowid, id, type, scope FROM segments WHERE collection = ?1 ORDER BY rowid";
    catalog.each(sql, [&entry.id], |row| {
        let number = catalog.number(row, 0, table)?;
        let text = |index| catalog.text(row, index, table, number);
        let (id, kind, scope) = (text(1)?, text(2)?, text(3)?);
        let (place, known) = match scope {
            "METADATA" => (&mut entry.metadata, KNOWN_METADATA_TYPE),
            "VECTOR" => (&mut entry.vectors, KNOWN_VECTOR_TYPE),
            _ => {
                oddities.push(format!(
                    "It has a segment of a scope that is not known: {}.",
                    scope.escape_debug()
                ));
                return Ok(());
            }
        };
        if kind != known {
            oddities.push(format!(
                "Its {scope} segment is of a type that is not known ({}); it is read as one that is.",
                kind.escape_debug()
            ));
        }
        if place.is_some() {
            oddities.push(format!(
                "It has a second {scope} segment, which is not read: {}.",
                id.escape_debug()
            ));
            return Ok(());
        }
        // It becomes the name of a directory.
        if !id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') || id.is_empty() {
            return Err(catalog.row_error(table, number, "a segment's id is no UUID"));
        }
        *place = Some(Segment {
            id: id.to_owned(),
            position: position(catalog, id)?,
        });
        Ok(())
    })?;
    entry.oddities.extend(oddities);
    Ok(())
}

fn position(catalog: &Catalog, segment: &str) -> Result<Option<i64>, DirectoryError> {
    let table = "max_seq_id";
    let mut position = None;
    let sql = "SELECT rowid, seq_id FROM max_seq_id WHERE segment_id = ?1";
    catalog.each(sql, params![segment], |row| {
        let number = catalog.number(row, 0, table)?;
        position = Some(catalog.position(row, 1, table, number)?);
        Ok(())
    })?;
    Ok(position)
}
