use serde::Deserialize;

use super::api::Api;
use super::{Server, ServerError, ServerOptions};
use crate::host::Host;
use crate::host::http::{HttpAddress, HttpAnswer, HttpClient, SecretHeader};
use crate::secret::Secret;

/// Who the server takes us for (`GET /api/v2/auth/identity`).
#[derive(Debug, Default, Deserialize)]
struct Identity {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    databases: Option<Vec<String>>,
}

/// In place of a name: any.
const ANY: &str = "*";

pub(super) fn open(host: &Host, url: &str, options: ServerOptions) -> Result<Server, ServerError> {
    let address = HttpAddress::parse(url)?;
    let (api, answer) = identified(host, &address, options.token)?;
    let identity: Identity = serde_json::from_slice(&answer.body).unwrap_or_default();
    let version = api.find::<String>("/api/v2/version")?.unwrap_or_default();
    let is_name = |name: &String| !name.is_empty() && name != ANY;
    let own = identity.tenant.filter(is_name);
    let databases = identity.databases.unwrap_or_default();
    Ok(Server {
        api,
        version,
        tenant: options
            .tenant
            .or(own)
            .unwrap_or_else(|| "default_tenant".to_owned()),
        database: options.database,
        databases_of_token: databases.into_iter().filter(is_name).collect(),
    })
}

/// The answer about who we are, by the first header that the server takes the token in.
fn identified(
    host: &Host,
    address: &HttpAddress,
    token: Option<Secret>,
) -> Result<(Api, HttpAnswer), ServerError> {
    let mut refused = None;
    for header in headers(token.as_ref())? {
        let client = HttpClient::new(host, address.clone(), header)?;
        let api = Api::new(client, token.clone());
        let answer = api.ask_once("/api/v2/auth/identity")?;
        match answer.status {
            401 | 403 => refused = Some(answer.status),
            404 => return Err(without_v2(&api)),
            _ if answer.is_success() => return Ok((api, answer)),
            // Asked again with patience, which also explains it.
            _ => {
                let again: serde_json::Value = api.get("/api/v2/auth/identity")?;
                let body = again.to_string().into_bytes();
                return Ok((api, HttpAnswer { body, ..answer }));
            }
        }
    }
    Err(ServerError::NoAccess {
        server: address.server(),
        status: refused.unwrap_or(401),
    })
}

/// The cloud's header, then the one that Chroma's own servers and proxies before them ask for unless they are told otherwise.
fn headers(token: Option<&Secret>) -> Result<Vec<Option<SecretHeader>>, ServerError> {
    let Some(token) = token else {
        return Ok(vec![None]);
    };
    Ok(vec![
        Some(SecretHeader::new("x-chroma-token", token)?),
        Some(SecretHeader::bearer(token)?),
    ])
}

/// What it is that has no v2.
fn without_v2(api: &Api) -> ServerError {
    let server = api.server();
    match api.ask_once("/api/v1/heartbeat") {
        Ok(answer) if answer.is_success() => ServerError::OldServer { server },
        Ok(_) => ServerError::NotChroma { server, status: 404 },
        Err(error) => error,
    }
}
