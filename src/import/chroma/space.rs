//! The distance of a collection. A wrong one would give wrong vectors: cosine ones are stored divided by their length.

use rusqlite::params;
use serde_json::Value;

use super::DirectoryError;
use super::collections::Entry;
use super::sqlite::Catalog;
use crate::import::Space;

/// What the row of a collection says, as JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clues<'r> {
    /// `schema_str`, since 1.3.
    pub(super) schema: Option<&'r str>,
    /// `config_json_str`, since 0.5.5. To 0.6.3 it says `l2` whatever the collection is, under another key than is read here.
    pub(super) configuration: Option<&'r str>,
}

/// Each version has its own place for it, and leaves those of older ones as they were.
pub(super) fn of(catalog: &Catalog, entry: &Entry, clues: Clues<'_>) -> Result<Space, DirectoryError> {
    let schema = clues.schema.and_then(of_schema);
    // The schema of an upgraded directory can have the default where its segment still says better.
    if let Some(space) = schema.filter(|space| *space != Space::L2) {
        return Ok(space);
    }
    let segment = entry.vectors.as_ref().map_or("", |segment| &segment.id);
    let of_segment =
        "SELECT rowid, str_value FROM segment_metadata WHERE segment_id = ?1 AND key = 'hnsw:space'";
    if let Some(space) = noted(catalog, "segment_metadata", of_segment, segment)? {
        return Ok(space);
    }
    if let Some(space) = schema.or_else(|| clues.configuration.and_then(of_configuration)) {
        return Ok(space);
    }
    let of_collection =
        "SELECT rowid, str_value FROM collection_metadata WHERE collection_id = ?1 AND key = 'hnsw:space'";
    Ok(noted(catalog, "collection_metadata", of_collection, &entry.id)?.unwrap_or(Space::L2))
}

fn of_schema(text: &str) -> Option<Space> {
    let schema: Value = serde_json::from_str(text).ok()?;
    let of_key = schema.pointer("/keys/#embedding/float_list/vector_index/config/space");
    let of_all = || schema.pointer("/defaults/float_list/vector_index/config/space");
    Space::named(of_key.or_else(of_all)?.as_str()?)
}

fn of_configuration(text: &str) -> Option<Space> {
    let configuration: Value = serde_json::from_str(text).ok()?;
    Space::named(configuration.pointer("/vector_index/hnsw/space")?.as_str()?)
}

fn noted(
    catalog: &Catalog,
    table: &'static str,
    sql: &str,
    id: &str,
) -> Result<Option<Space>, DirectoryError> {
    let mut space = None;
    if catalog.has(table, "str_value") {
        catalog.each(sql, params![id], |row| {
            let number = catalog.number(row, 0, table)?;
            space = catalog
                .optional_text(row, 1, table, number)?
                .and_then(Space::named);
            Ok(())
        })?;
    }
    Ok(space)
}

#[cfg(test)]
mod tests {
    use super::{of_configuration, of_schema};
    use crate::import::Space;

    #[test]
    fn each_version_says_it_elsewhere() {
        let key = r##"{"defaults":{"float_list":{"vector_index":{"config":{"space":"l2"}}}},
            "keys":{"#embedding":{"float_list":{"vector_index":{"config":{"space":"cosine"}}}}}}"##;
        assert_eq!(of_schema(key), Some(Space::Cosine));
        let all = r#"{"defaults":{"float_list":{"vector_index":{"config":{"space":"ip"}}}},"keys":{}}"#;
        assert_eq!(of_schema(all), Some(Space::Ip));
        assert_eq!(
            of_configuration(r#"{"vector_index":{"hnsw":{"space":"cosine"}}}"#),
            Some(Space::Cosine)
        );
        assert_eq!(of_configuration("{}"), None);
    }

    #[test]
    fn what_says_l2_of_every_collection_is_not_believed() {
        let old = r#"{"hnsw_configuration":{"space":"l2"},"_type":"CollectionConfigurationInternal"}"#;
        assert_eq!(of_configuration(old), None);
    }
}
