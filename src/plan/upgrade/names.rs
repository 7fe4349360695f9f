//! What the update scripts of pgvector create under names that a user may have taken before (pgvector#539).

use crate::health::advisories::Version;

/// Version, and each function with the types of its arguments as `pg_type` names them, or type. Those that take a type
/// of the same version cannot have been there before. Source: pgvector's `sql/vector--OLD--NEW.sql`.
const CREATED: [(Version, &[&str]); 3] = [
    (
        Version::new(0, 4, 0),
        &[
            "vector_accum(_float8,vector)",
            "vector_avg(_float8)",
            "vector_combine(_float8,_float8)",
            "avg(vector)",
        ],
    ),
    (
        Version::new(0, 5, 0),
        &[
            "l1_distance(vector,vector)",
            "vector_mul(vector,vector)",
            "sum(vector)",
            "hnswhandler(internal)",
        ],
    ),
    (
        Version::new(0, 7, 0),
        &[
            "l2_normalize(vector)",
            "binary_quantize(vector)",
            "subvector(vector,int4,int4)",
            "vector_concat(vector,vector)",
            "ivfflat_bit_support(internal)",
            "hnsw_bit_support(internal)",
            "hamming_distance(bit,bit)",
            "jaccard_distance(bit,bit)",
            "halfvec",
            "sparsevec",
        ],
    ),
];

/// The names alone, to be looked for in the extension's schema.
pub fn new_names() -> Vec<String> {
    let names = CREATED.iter().flat_map(|(_, created)| created.iter());
    names
        .map(|signature| signature.split('(').next().unwrap_or_default().to_owned())
        .collect()
}

/// Those of `strangers` that an update from one version to another would collide with.
pub(super) fn clashes<'a>(from: &str, to: &str, strangers: &'a [String]) -> Vec<&'a str> {
    let (Some(from), Some(to)) = (Version::parse(from), Version::parse(to)) else {
        return Vec::new();
    };
    let created: Vec<&str> = CREATED
        .iter()
        .filter(|(version, _)| from < *version && *version <= to)
        .flat_map(|(_, created)| created.iter().copied())
        .collect();
    let is_created = |stranger: &&str| created.contains(stranger);
    strangers.iter().map(String::as_str).filter(is_created).collect()
}
