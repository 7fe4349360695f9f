use serde_json::Value;

use crate::import::Space;

/// The distance of a collection by what the server says of it.
///
/// A server of 1.x says `l2` of every collection that an older version made, whatever it is (seen with 1.5.9 on directories of 0.4.24
/// and 0.6.3), and one of 0.5 and 0.6 says `l2` of all in another place; then the metadata, where these versions kept it, decides.
pub(super) fn space(collection: &Value) -> Space {
    let configured = [
        &collection["schema"]["keys"]["#embedding"]["float_list"]["vector_index"]["config"]["space"],
        &collection["configuration_json"]["hnsw"]["space"],
        &collection["configuration_json"]["spann"]["space"],
        &collection["metadata"]["hnsw:space"],
    ];
    let known = configured
        .into_iter()
        .filter_map(|space| Space::named(space.as_str()?));
    known
        .into_iter()
        .find(|space| *space != Space::L2)
        .unwrap_or(Space::L2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_space_is_the_configured_one_and_the_metadatas_where_that_says_l2() {
        let schema = |space: &str| json!({ "keys": { "#embedding": { "float_list": { "vector_index": { "config": { "space": space } } } } } });
        let table = [
            (json!({}), Space::L2),
            (json!({ "metadata": null, "configuration_json": null }), Space::L2),
            (
                json!({ "schema": schema("cosine"), "configuration_json": { "hnsw": { "space": "cosine" } } }),
                Space::Cosine,
            ),
            (
                json!({ "configuration_json": { "hnsw": { "space": "ip" } } }),
                Space::Ip,
            ),
            (
                json!({ "configuration_json": { "hnsw": null, "spann": { "space": "cosine" } } }),
                Space::Cosine,
            ),
            (
                json!({ "schema": schema("l2"), "configuration_json": { "hnsw": { "space": "l2" } }, "metadata": { "hnsw:space": "cosine" } }),
                Space::Cosine,
            ),
            (
                json!({ "configuration_json": { "hnsw_configuration": { "space": "l2" } }, "metadata": { "hnsw:space": "ip" } }),
                Space::Ip,
            ),
        ];
        for (collection, expected) in table {
            assert_eq!(space(&collection), expected, "{collection}");
        }
    }
}
