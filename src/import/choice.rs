//! Which collections are meant. Pure.

use super::{Collection, ImportError, Inventory};

/// The collections of these names, or all. A name is `NAME`, `DATABASE/NAME` or `TENANT/DATABASE/NAME`.
///
/// # Errors
/// [`ImportError::UnknownCollection`], [`ImportError::Ambiguous`].
pub fn choose<'i>(inventory: &'i Inventory, names: &[String]) -> Result<Vec<&'i Collection>, ImportError> {
    if names.is_empty() {
        return Ok(inventory.collections.iter().collect());
    }
    let mut chosen: Vec<&Collection> = Vec::new();
    for name in names {
        let found = named(inventory, name)?;
        if !chosen.iter().any(|collection| collection.id == found.id) {
            chosen.push(found);
        }
    }
    Ok(chosen)
}

fn named<'i>(inventory: &'i Inventory, name: &str) -> Result<&'i Collection, ImportError> {
    let found: Vec<&Collection> = inventory
        .collections
        .iter()
        .filter(|collection| {
            let full = &collection.name;
            [
                full.name.clone(),
                format!("{}/{}", full.database, full.name),
                full.to_string(),
            ]
            .contains(&name.to_owned())
        })
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(ImportError::UnknownCollection {
            name: name.to_owned(),
            known: inventory
                .collections
                .iter()
                .map(|collection| collection.name.to_string())
                .collect(),
        }),
        _ => Err(ImportError::Ambiguous {
            name: name.to_owned(),
            full: found
                .iter()
                .map(|collection| collection.name.to_string())
                .collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{CollectionName, Space};

    fn inventory(names: &[&str]) -> Inventory {
        let collection = |name: &&str| {
            let mut parts = name.split('/').map(str::to_owned);
            let mut next = || parts.next().unwrap_or_default();
            Collection {
                id: (*name).to_owned(),
                name: CollectionName {
                    tenant: next(),
                    database: next(),
                    name: next(),
                },
                dimensions: Some(3),
                space: Space::L2,
                records: 0,
                without_vector: None,
                damage: None,
                oddities: vec![],
            }
        };
        Inventory {
            source: "there".into(),
            version: "test".into(),
            fingerprint: None,
            collections: names.iter().map(collection).collect(),
            oddities: vec![],
        }
    }

    #[test]
    fn a_name_is_as_long_as_it_has_to_be() {
        let inventory = inventory(&["t/d/articles", "t/e/articles", "u/d/articles", "t/d/notes"]);
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&inventory, &names)
                .map(|chosen| chosen.iter().map(|one| one.id.clone()).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[]).unwrap().len(), 4);
        assert_eq!(chosen(&["notes", "d/notes"]).unwrap(), ["t/d/notes"]);
        assert_eq!(chosen(&["e/articles"]).unwrap(), ["t/e/articles"]);
        assert_eq!(chosen(&["u/d/articles"]).unwrap(), ["u/d/articles"]);
        assert_eq!(
            chosen(&["d/articles"]).unwrap_err().to_string(),
            "\"d/articles\" is the name of several collections: t/d/articles, u/d/articles"
        );
        assert!(matches!(
            chosen(&["other"]),
            Err(ImportError::UnknownCollection { .. })
        ));
    }
}
