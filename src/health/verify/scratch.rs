//! The SQL of the scratch table: every name quoted, every type, operator and operator class qualified.

use crate::database::sql::literal;
use crate::settings::{Identifier, Index, Lists, VectorTable};

/// Neighbours asked for by each search.
pub const NEIGHBOURS: u32 = 10;

/// A table like the application's, for one measurement.
#[derive(Debug)]
pub struct Scratch<'a> {
    like: &'a VectorTable,
    pub name: Identifier,
    pub index_name: Identifier,
    rows: u32,
    /// In the session's own schema, for a role that may make no table anywhere else.
    pub is_temporary: bool,
}

impl<'a> Scratch<'a> {
    pub const PREFIX: &'static str = "pgvector_setup_verify_";

    /// `token` tells concurrent runs apart.
    pub fn new(like: &'a VectorTable, name: Identifier, rows: u32, is_temporary: bool) -> Self {
        Self {
            like,
            index_name: name.with_suffix("_idx"),
            name,
            rows,
            is_temporary,
        }
    }

    fn qualified(&self) -> String {
        format!("{}.{}", self.schema().quoted(), self.name.quoted())
    }

    /// `pg_temp` is whichever schema the session's temporary tables are in.
    fn schema(&self) -> Identifier {
        if self.is_temporary {
            Identifier::new("pg_temp").expect("a plain name")
        } else {
            self.like.schema.clone()
        }
    }

    /// The scratch table as the settings of a store.
    pub fn table(&self) -> VectorTable {
        let name = |text: &str| Identifier::new(text).expect("a plain name");
        VectorTable {
            schema: self.schema(),
            table: self.name.clone(),
            key: name("number"),
            column: name("embedding"),
            ..self.like.clone()
        }
    }

    /// Unlogged or temporary: the table never outlives its transaction, so its write-ahead log would be waste.
    pub fn create_table(&self) -> String {
        format!(
            "CREATE {} TABLE {} (number integer NOT NULL, embedding {} NOT NULL)",
            if self.is_temporary {
                "TEMPORARY"
            } else {
                "UNLOGGED"
            },
            self.qualified(),
            self.like.qualified_type()
        )
    }

    pub fn copy(&self) -> String {
        format!(
            "COPY {} (number, embedding) FROM STDIN (FORMAT binary)",
            self.qualified()
        )
    }

    /// The same kind of index as the application's; `None` where there is none.
    pub fn create_index(&self) -> Option<String> {
        let method = self.like.effective_index();
        let parameters = match method {
            Index::Hnsw { m, ef_construction } => format!("m = {m}, ef_construction = {ef_construction}"),
            Index::Ivfflat { .. } => format!("lists = {}", self.lists()),
            Index::None => return None,
        };
        Some(format!(
            "CREATE INDEX {} ON {} USING {} (embedding {}.{}) WITH ({parameters})",
            self.index_name.quoted(),
            self.qualified(),
            method.method()?,
            self.like.extension_schema.quoted(),
            Identifier::new(self.like.metric.operator_class(self.like.column_type()))
                .ok()?
                .quoted(),
        ))
    }

    /// As many lists as suit the scratch rows, whatever the application's table will have; at least two, because the
    /// planner drops an index of which every list is probed.
    fn lists(&self) -> u32 {
        let suited = self.rows.isqrt();
        let wanted = match self.like.effective_index() {
            Index::Ivfflat {
                lists: Lists::Count(count),
            } => suited.min(u32::from(count)),
            _ => suited,
        };
        wanted.max(2)
    }

    /// Settings for the approximate searches, to end with the transaction.
    pub fn approximate(&self) -> String {
        let accuracy = match self.like.effective_index() {
            Index::Hnsw { .. } => ("hnsw.ef_search", (2 * NEIGHBOURS).max(40)),
            // Half of the lists: small tables have few, and k-means may split a cluster.
            Index::Ivfflat { .. } => ("ivfflat.probes", self.lists().div_ceil(2)),
            Index::None => return "SET LOCAL plan_cache_mode = force_custom_plan".to_owned(),
        };
        format!(
            "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_indexscan = on; \
             SET LOCAL enable_seqscan = off; SELECT pg_catalog.set_config({}, {}, true)",
            literal(accuracy.0),
            literal(&accuracy.1.to_string())
        )
    }

    pub fn exact(&self) -> &'static str {
        "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off"
    }

    /// The nearest rows' distances to `$1`, a `real[]`.
    pub fn search(&self) -> String {
        let distance = self.distance();
        format!(
            "SELECT {distance} FROM {} ORDER BY {distance} LIMIT {NEIGHBOURS}",
            self.qualified()
        )
    }

    fn distance(&self) -> String {
        format!(
            "embedding OPERATOR({}.{}) {}",
            self.like.extension_schema.quoted(),
            self.like.metric.operator(),
            self.parameter("$1")
        )
    }

    /// A `real[]` parameter as a vector; the array's cast does not depend on the search path, and keeps every bit.
    fn parameter(&self, place: &str) -> String {
        format!("({place}::pg_catalog.float4[])::{}", self.like.qualified_type())
    }

    /// Adds the row numbered `$2`.
    pub fn insert(&self) -> String {
        format!(
            "INSERT INTO {} (number, embedding) VALUES ($2, {})",
            self.qualified(),
            self.parameter("$1")
        )
    }

    /// The embedding of row `$1` as `real[]`.
    pub fn read(&self) -> String {
        format!(
            "SELECT embedding::pg_catalog.float4[] FROM {} WHERE number = $1",
            self.qualified()
        )
    }

    /// Replaces the embedding of row `$2`.
    pub fn update(&self) -> String {
        format!(
            "UPDATE {} SET embedding = {} WHERE number = $2",
            self.qualified(),
            self.parameter("$1")
        )
    }

    pub fn delete(&self) -> String {
        format!("DELETE FROM {} WHERE number = $1", self.qualified())
    }
}
