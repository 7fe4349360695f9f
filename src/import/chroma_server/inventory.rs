use serde_json::Value;

use super::api::{collection_path, database_path, tenant_path};
use super::{Server, ServerError, space};
use crate::import::{Collection, CollectionName, Inventory};

/// Rows of one list of databases or collections.
const LISTED: usize = 100;

pub(super) fn read(server: &Server) -> Result<Inventory, ServerError> {
    let mut collections = Vec::new();
    for database in databases(server)? {
        let path = format!("{}/collections", database_path(&server.tenant, &database));
        for listed in all(server, &path)? {
            collections.push(collection(server, &database, &listed)?);
        }
    }
    collections.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Inventory {
        source: server.api.address(),
        version: format!("Chroma server that calls itself {}", server.version),
        fingerprint: None,
        collections,
        oddities: Vec::new(),
    })
}

/// The database that was named, or all that there are.
fn databases(server: &Server) -> Result<Vec<String>, ServerError> {
    let tenant = &server.tenant;
    let missing = |place: String| ServerError::NoPlace {
        server: server.api.server(),
        place,
    };
    if let Some(name) = &server.database {
        return match server.api.find::<Value>(&database_path(tenant, name))? {
            Some(_) => Ok(vec![name.clone()]),
            None => Err(missing(format!("database \"{name}\" of tenant \"{tenant}\""))),
        };
    }
    let names: Vec<String> = match all(server, &format!("{}/databases", tenant_path(tenant))) {
        Ok(databases) => databases
            .iter()
            .filter_map(|listed| text(listed, "name"))
            .collect(),
        // A token for one database may not list the others.
        Err(ServerError::NoAccess { .. }) if !server.databases_of_token.is_empty() => {
            return Ok(server.databases_of_token.clone());
        }
        Err(error) => return Err(error),
    };
    if names.is_empty() && server.api.find::<Value>(&tenant_path(tenant))?.is_none() {
        return Err(missing(format!("tenant \"{tenant}\"")));
    }
    Ok(names)
}

/// Every row of a list that the server gives in pages.
fn all(server: &Server, path: &str) -> Result<Vec<Value>, ServerError> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let page = format!("{path}?limit={LISTED}&offset={}", rows.len());
        let next: Vec<Value> = server.api.get(&page)?;
        if next.is_empty() {
            return Ok(rows);
        }
        if next
            .iter()
            .any(|row| rows.iter().any(|known| known["id"] == row["id"]))
        {
            return Err(server.api.unusable("a list has the same row twice"));
        }
        rows.extend(next);
    }
}

fn collection(server: &Server, database: &str, listed: &Value) -> Result<Collection, ServerError> {
    let unusable = || server.api.unusable("a collection has no name or id");
    let name = CollectionName {
        tenant: server.tenant.clone(),
        database: database.to_owned(),
        name: text(listed, "name").ok_or_else(unusable)?,
    };
    let id = text(listed, "id").ok_or_else(unusable)?;
    let records = server
        .api
        .get(&format!("{}/count", collection_path(&name, &id)))?;
    let dimensions = listed["dimension"]
        .as_u64()
        .and_then(|count| count.try_into().ok());
    Ok(Collection {
        id,
        name,
        dimensions,
        space: space::space(listed),
        records,
        without_vector: None,
        damage: None,
        oddities: Vec::new(),
    })
}

fn text(row: &Value, key: &str) -> Option<String> {
    row[key].as_str().map(str::to_owned)
}
