//! What an index is, as both the settings and the catalog can say it.

use std::collections::BTreeMap;

use crate::settings::{Index, Lists, VectorTable};

/// Access method, operator class (without schema) and storage parameters of a vector index.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Definition {
    pub method: String,
    pub operator_class: String,
    /// Every parameter that counts; automatic `lists` are left out, because they follow the rows.
    pub options: BTreeMap<String, i64>,
}

impl Definition {
    /// What the settings ask for; `None` where no index is wanted or possible.
    pub fn wanted(table: &VectorTable) -> Option<Self> {
        let index = table.effective_index();
        let options = match index {
            Index::Hnsw { m, ef_construction } => vec![("m", m), ("ef_construction", ef_construction)],
            Index::Ivfflat {
                lists: Lists::Count(lists),
            } => vec![("lists", lists)],
            Index::Ivfflat { lists: Lists::Auto } => vec![],
            Index::None => return None,
        };
        Some(Self {
            method: index.method()?.to_owned(),
            operator_class: table.metric.operator_class(table.column_type()),
            options: options
                .into_iter()
                .map(|(name, value)| (name.to_owned(), i64::from(value)))
                .collect(),
        })
    }

    /// From the catalog: `reloptions` are `name=value` texts, and what is not there has pgvector's default.
    pub(super) fn found(method: String, operator_class: String, reloptions: &[String]) -> Self {
        let mut options: BTreeMap<String, i64> = match method.as_str() {
            "hnsw" => vec![("m", 16), ("ef_construction", 64)],
            "ivfflat" => vec![("lists", 100)],
            _ => vec![],
        }
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        for (name, value) in reloptions.iter().filter_map(|option| option.split_once('=')) {
            if let Ok(value) = value.parse() {
                options.insert(name.to_owned(), value);
            }
        }
        Self {
            method,
            operator_class,
            options,
        }
    }

    /// Whether searches with the wanted metric can use the other index.
    pub fn serves_as(&self, other: &Self) -> bool {
        self.method == other.method && self.operator_class == other.operator_class
    }

    /// What differs from `wanted`, as `name: found -> wanted`; empty when it is that.
    pub fn differences(&self, wanted: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |name: &str, found: String, wanted: String| {
            if found != wanted {
                differences.push(format!("{name}: {found} -> {wanted}"));
            }
        };
        compare("method", self.method.clone(), wanted.method.clone());
        compare(
            "operator class",
            self.operator_class.clone(),
            wanted.operator_class.clone(),
        );
        if self.method == wanted.method {
            for (name, value) in &wanted.options {
                let found = self.options.get(name).map_or("none".to_owned(), i64::to_string);
                compare(name, found, value.to_string());
            }
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_without_parameters_has_the_defaults_of_pgvector() {
        let found = Definition::found("hnsw".into(), "vector_cosine_ops".into(), &[]);
        let wanted = Definition {
            options: [("m".to_owned(), 16), ("ef_construction".to_owned(), 64)].into(),
            ..found.clone()
        };
        assert_eq!(found.differences(&wanted), Vec::<String>::new());
        let larger = Definition::found("hnsw".into(), "vector_l2_ops".into(), &["m=32".into()]);
        assert_eq!(
            larger.differences(&wanted),
            [
                "operator class: vector_l2_ops -> vector_cosine_ops",
                "m: 32 -> 16"
            ]
        );
    }
}
