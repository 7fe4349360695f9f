//! Which table a collection goes to. Pure.

use std::collections::BTreeMap;

use super::judgement::Parts;
use super::{Collection, ImportError};
use crate::host::quote_word;
use crate::settings::{Dimensions, Identifier, MAXIMUM_DIMENSIONS, Metric, VectorTable};

/// What is wanted of tables, beside what the collections say.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Schema, key, column and index of every table; with [`Parts::Embedding`] the table too.
    pub table: VectorTable,
    pub parts: Parts,
    /// The table of the one collection.
    pub into: Option<Identifier>,
    /// The metric that was asked for; else the collection's own.
    pub metric: Option<Metric>,
}

/// A collection that gives no table, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PassedOver {
    pub collection: String,
    pub reason: String,
}

/// Collections with their tables, and those without.
pub type Mapped = (Vec<(Collection, VectorTable)>, Vec<PassedOver>);

/// Tables for these collections; one that was never written to has no dimensions and gives none.
///
/// # Errors
/// [`ImportError::NoTable`] where two collections would share a table, a vector is too long or a name cannot be one.
pub fn map(collections: &[&Collection], wish: &Wish) -> Result<Mapped, ImportError> {
    let (mut mapped, mut passed_over) = (Vec::new(), Vec::new());
    let mut taken: BTreeMap<Identifier, String> = BTreeMap::new();
    for collection in collections {
        let name = collection.name.to_string();
        let Some(dimensions) = collection.dimensions else {
            passed_over.push(PassedOver {
                collection: name,
                reason: "nothing was ever written to it, so its vectors have no dimensions".to_owned(),
            });
            continue;
        };
        let table = table(collection, dimensions, wish)?;
        if let Some(other) = taken.insert(table.table.clone(), name.clone()) {
            return Err(ImportError::NoTable {
                problem: format!("would go into table {} together with {other}", table.qualified()),
                hint: format!(
                    "import each by itself: --collection {} --into NAME",
                    quote_word(&name)
                ),
                collection: name,
            });
        }
        mapped.push(((*collection).clone(), table));
    }
    Ok((mapped, passed_over))
}

fn table(collection: &Collection, dimensions: u32, wish: &Wish) -> Result<VectorTable, ImportError> {
    let no_table = |problem: String, hint: &str| ImportError::NoTable {
        collection: collection.name.to_string(),
        problem,
        hint: hint.to_owned(),
    };
    let count = u16::try_from(dimensions)
        .ok()
        .and_then(|count| Dimensions::new(count).ok());
    let count = count.ok_or_else(|| {
        no_table(
            format!("has vectors of {dimensions} dimensions, and PostgreSQL keeps {MAXIMUM_DIMENSIONS}"),
            "import the others by --collection NAME",
        )
    })?;
    let table = match (&wish.into, wish.parts) {
        (Some(table), _) => table.clone(),
        (None, Parts::Embedding) => wish.table.table.clone(),
        (None, Parts::Whole) => {
            table_name(&collection.name.name).map_err(|error| no_table(error.to_string(), "--into NAME"))?
        }
    };
    Ok(VectorTable {
        table,
        dimensions: count,
        metric: wish.metric.unwrap_or_else(|| collection.space.into()),
        ..wish.table.clone()
    })
}

/// A name that needs no quotes: small letters, digits and `_`.
fn table_name(collection: &str) -> Result<Identifier, crate::settings::SettingsError> {
    let mut name: String = collection
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '_',
        })
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    if name.len() <= 63 {
        return Identifier::new(name);
    }
    let digest = crate::digest::sha256_hex(collection.as_bytes());
    name.truncate(52);
    Identifier::new(format!("{name}_{}", &digest[..10]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{CollectionName, Space};
    use crate::settings::Index;

    fn collection(name: &str, dimensions: Option<u32>) -> Collection {
        Collection {
            id: name.to_owned(),
            name: CollectionName {
                tenant: "t".into(),
                database: "d".into(),
                name: name.to_owned(),
            },
            dimensions,
            space: Space::Ip,
            records: 0,
            without_vector: None,
            damage: None,
            oddities: vec![],
        }
    }

    fn wish() -> Wish {
        let name = |text: &str| Identifier::new(text).unwrap();
        Wish {
            table: VectorTable {
                schema: name("app"),
                table: name("articles"),
                key: name("id"),
                column: name("embedding"),
                dimensions: Dimensions::new(1536).unwrap(),
                metric: Metric::Cosine,
                index: Index::DEFAULT_HNSW,
                extension_schema: name("public"),
            },
            parts: Parts::Whole,
            into: None,
            metric: None,
        }
    }

    #[test]
    fn a_collection_gives_the_name_the_dimensions_and_the_metric_of_its_table() {
        let long = format!("{}.b", "a".repeat(70));
        for (name, expected) in [
            ("Docs.v2-final", "docs_v2_final".to_owned()),
            ("2024", "_2024".to_owned()),
            (
                &long,
                format!(
                    "{}_{}",
                    "a".repeat(52),
                    &crate::digest::sha256_hex(long.as_bytes())[..10]
                ),
            ),
        ] {
            let collection = collection(name, Some(3072));
            let (mapped, _) = map(&[&collection], &wish()).unwrap();
            let table = &mapped[0].1;
            assert_eq!(table.table.as_str(), expected);
            assert_eq!(
                (table.type_name().as_str(), table.metric),
                ("halfvec(3072)", Metric::Ip)
            );
        }
    }

    #[test]
    fn what_gives_no_table_is_told_and_what_cannot_be_one_is_refused() {
        let (empty, large) = (collection("empty", None), collection("large", Some(16_001)));
        let (mapped, passed_over) = map(&[&empty], &wish()).unwrap();
        assert_eq!(
            (mapped.len(), passed_over[0].collection.as_str()),
            (0, "t/d/empty")
        );
        assert_eq!(
            map(&[&large], &wish()).unwrap_err().to_string(),
            "t/d/large has vectors of 16001 dimensions, and PostgreSQL keeps 16000"
        );
        let (one, other) = (collection("a.b", Some(3)), collection("a-b", Some(3)));
        assert_eq!(
            map(&[&one, &other], &wish()).unwrap_err().to_string(),
            "t/d/a-b would go into table \"app\".\"a_b\" together with t/d/a.b"
        );
    }
}
