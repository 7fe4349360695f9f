//! A running Chroma server read through its v2 API: real servers on loopback, of 1.5.9, and of 0.6.3, which is another program.

#![allow(
    clippy::disallowed_methods,
    reason = "a test starts servers and makes directories as a person would"
)]
#![allow(clippy::print_stdout, reason = "a test says what it leaves out")]
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

mod environment;
mod imported;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod written;

use std::time::Duration;

use pgvector_setup::error::Explain as _;
use pgvector_setup::import::chroma::Directory;
use pgvector_setup::import::chroma_server::{Server, ServerOptions};
use pgvector_setup::import::{Collection, ImportError, Record, Source, Space};
use pgvector_setup::secret::Secret;
use serde_json::json;
use server::{ChromaServer, DEFAULT, host};
use written::{DIMENSIONS, records};

const NEW: &str = "1.5.9";
const OLD: &str = "0.6.3";

fn open(server: &ChromaServer, options: ServerOptions) -> Server {
    Server::open(&host(), &server.url(), options).unwrap()
}

/// The records of the collection with this name after the first `passed`, taken in batches of `most`.
fn read(source: &mut dyn Source, name: &str, passed: u64, most: usize) -> Result<Vec<Record>, ImportError> {
    let inventory = source.inventory()?;
    let collection = inventory
        .collections
        .iter()
        .find(|collection| collection.name.name == name);
    let mut reader = source.records(collection.unwrap(), passed)?;
    let mut records = Vec::new();
    loop {
        let batch = reader.next_batch(most)?;
        assert!(batch.len() <= most);
        if batch.is_empty() {
            return Ok(records);
        }
        records.extend(batch);
    }
}

fn bits(records: &[Record]) -> Vec<Vec<u32>> {
    let vectors = records
        .iter()
        .map(|record| record.embedding.as_deref().unwrap_or_default());
    vectors
        .map(|vector| vector.iter().map(|component| component.to_bits()).collect())
        .collect()
}

fn every_record_comes_exactly_and_in_an_order_that_is_kept(version: &str, is_new: bool) {
    let Some(chroma) = ChromaServer::start(version, &[]) else {
        return;
    };
    let written = records(2500, is_new);
    let collection = chroma.create(DEFAULT, "records", &json!({ "hnsw:space": "l2" }));
    chroma.add(&collection, &written);
    let mut server = open(&chroma, ServerOptions::default());
    let read_once = read(&mut server, "records", 0, 1000).unwrap();
    assert_eq!(bits(&read_once), bits(&written));
    for (read, written) in read_once.iter().zip(&written) {
        assert_eq!(read, written);
    }
    assert_eq!(read(&mut server, "records", 1234, 7).unwrap(), written[1234..]);
    assert_eq!(read(&mut server, "records", 2500, 7).unwrap(), []);
}

#[test]
fn every_record_comes_exactly_from_a_server_of_1_5() {
    every_record_comes_exactly_and_in_an_order_that_is_kept(NEW, true);
}

#[test]
fn every_record_comes_exactly_from_a_server_of_0_6() {
    every_record_comes_exactly_and_in_an_order_that_is_kept(OLD, false);
}

fn a_server_and_its_directory_have_the_same(version: &str, is_new: bool) {
    let Some(mut chroma) = ChromaServer::start(version, &[]) else {
        return;
    };
    for (name, space) in [("first", "l2"), ("second", "ip")] {
        let collection = chroma.create(DEFAULT, name, &json!({ "hnsw:space": space }));
        let written = records(1500, is_new);
        chroma.add(&collection, &written);
        chroma.delete(&collection, &written[4].id);
    }
    let mut server = open(&chroma, ServerOptions::default());
    let served = server.inventory().unwrap().collections;
    let by_server = ["first", "second"].map(|name| read(&mut server, name, 0, 400).unwrap());
    chroma.stop();
    let mut directory = Directory::open(&host(), &chroma.data()).unwrap();
    let kept = directory.inventory().unwrap().collections;
    let same = |collection: &Collection| Collection {
        without_vector: None,
        ..collection.clone()
    };
    assert_eq!(
        served.iter().map(same).collect::<Vec<_>>(),
        kept.iter().map(same).collect::<Vec<_>>()
    );
    assert_eq!(
        kept.iter()
            .map(|collection| collection.records)
            .collect::<Vec<_>>(),
        [1499, 1499]
    );
    for (name, served) in ["first", "second"].into_iter().zip(by_server) {
        let kept = read(&mut directory, name, 0, 400).unwrap();
        assert_eq!(bits(&served), bits(&kept), "{name}");
        assert_eq!(served, kept, "{name}");
    }
}

#[test]
fn a_server_of_1_5_and_its_directory_have_the_same() {
    a_server_and_its_directory_have_the_same(NEW, true);
}

#[test]
fn a_server_of_0_6_and_its_directory_have_the_same() {
    a_server_and_its_directory_have_the_same(OLD, false);
}

#[test]
fn the_inventory_has_every_collection_of_the_databases_that_are_meant() {
    let Some(chroma) = ChromaServer::start(NEW, &[]) else {
        return;
    };
    chroma.post("/api/v2/tenants", &json!({ "name": "other tenant" }));
    chroma.post(
        "/api/v2/tenants/other%20tenant/databases",
        &json!({ "name": "side" }),
    );
    chroma.post(
        "/api/v2/tenants/default_tenant/databases",
        &json!({ "name": "second" }),
    );
    let (side, second) = (
        "/api/v2/tenants/other%20tenant/databases/side",
        "/api/v2/tenants/default_tenant/databases/second",
    );
    let shared = chroma.create(DEFAULT, "shared", &json!({ "hnsw:space": "cosine" }));
    chroma.add(&shared, &records(3, true)[..1]);
    let inner = chroma.create(second, "shared", &json!({ "hnsw:space": "ip" }));
    chroma.add(&inner, &records(5, true)[..5]);
    chroma.create(side, "shared", &json!({ "a": 1 }));
    let listed = |options: ServerOptions| -> Vec<_> {
        let collections = open(&chroma, options).inventory().unwrap().collections;
        let shown = collections.into_iter().map(|collection| {
            let name = collection.name.to_string();
            (name, collection.space, collection.dimensions, collection.records)
        });
        shown.collect()
    };
    let named = |tenant: Option<&str>, database: Option<&str>| ServerOptions {
        tenant: tenant.map(str::to_owned),
        database: database.map(str::to_owned),
        token: None,
    };
    let dimensions = u32::try_from(DIMENSIONS).ok();
    let first = (
        "default_tenant/default_database/shared".to_owned(),
        Space::Cosine,
        dimensions,
        1,
    );
    let other = (
        "default_tenant/second/shared".to_owned(),
        Space::Ip,
        dimensions,
        5,
    );
    let never = ("other tenant/side/shared".to_owned(), Space::L2, None, 0);
    assert_eq!(listed(named(None, None)), [first, other.clone()]);
    assert_eq!(listed(named(None, Some("second"))), [other]);
    assert_eq!(listed(named(Some("other tenant"), None)), [never]);
    for (tenant, database) in [
        (Some("absent"), None),
        (None, Some("absent")),
        (Some("absent"), Some("side")),
    ] {
        let error = open(&chroma, named(tenant, database)).inventory().unwrap_err();
        assert_eq!(error.code(), "E0813", "{error}");
        assert!(error.to_string().contains("absent"), "{error}");
    }
    let mut server = open(&chroma, named(Some("other tenant"), None));
    assert_eq!(read(&mut server, "shared", 0, 10).unwrap(), []);
}

#[test]
fn cosine_vectors_come_within_the_rounding_of_their_norm() {
    let Some(chroma) = ChromaServer::start(NEW, &[]) else {
        return;
    };
    let mut written = records(1200, true);
    for record in &mut written {
        let vector = record.embedding.as_mut().unwrap();
        for (place, component) in vector.iter_mut().enumerate() {
            *component = (component.to_bits() >> 8) as f32 / 1e6 - place as f32;
        }
    }
    let collection = chroma.create(DEFAULT, "cosine", &json!({ "hnsw:space": "cosine" }));
    chroma.add(&collection, &written);
    let read = read(&mut open(&chroma, ServerOptions::default()), "cosine", 0, 500).unwrap();
    assert_eq!(read.len(), written.len());
    for (read, written) in read.iter().zip(&written) {
        let (read, written) = (
            read.embedding.as_ref().unwrap(),
            written.embedding.as_ref().unwrap(),
        );
        let largest = written
            .iter()
            .fold(0.0_f32, |largest, component| largest.max(component.abs()));
        let is_near = |(one, other): (&f32, &f32)| (one - other).abs() <= 3e-7 * largest;
        assert!(read.iter().zip(written).all(is_near), "{read:?} {written:?}");
    }
}

#[test]
fn a_token_is_taken_in_the_header_that_the_server_wants_and_a_wrong_one_is_refused() {
    for header in ["X-Chroma-Token", "Authorization"] {
        let settings = [
            (
                "CHROMA_SERVER_AUTHN_PROVIDER",
                "chromadb.auth.token_authn.TokenAuthenticationServerProvider",
            ),
            ("CHROMA_SERVER_AUTHN_CREDENTIALS", "right-canary"),
            ("CHROMA_AUTH_TOKEN_TRANSPORT_HEADER", header),
        ];
        let Some(chroma) = ChromaServer::start(OLD, &settings) else {
            return;
        };
        let with = |token: Option<&str>| ServerOptions {
            token: token.map(Secret::new),
            ..ServerOptions::default()
        };
        for token in [None, Some("wrong-canary")] {
            let error = Server::open(&host(), &chroma.url(), with(token)).unwrap_err();
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert_eq!(error.code(), "E0812", "{header} {shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
        let mut server = open(&chroma, with(Some("right-canary")));
        assert_eq!(server.inventory().unwrap().collections, [], "{header}");
        assert!(!format!("{server:?}").contains("canary"));
    }
}

#[test]
fn a_server_that_goes_away_midway_ends_the_reading_with_an_error() {
    let Some(mut chroma) = ChromaServer::start(NEW, &[]) else {
        return;
    };
    let written = records(1000, true);
    let collection = chroma.create(DEFAULT, "records", &json!({ "about": "tests" }));
    chroma.add(&collection, &written);
    let mut server = open(&chroma, ServerOptions::default()).with_patience(Duration::from_millis(600));
    let inventory = server.inventory().unwrap();
    let mut source = server.records(&inventory.collections[0], 0).unwrap();
    let mut read = source.next_batch(100).unwrap();
    chroma.stop();
    let error = loop {
        match source.next_batch(100) {
            Ok(batch) => {
                assert!(!batch.is_empty(), "the end was never read");
                read.extend(batch);
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "E0220", "{error}");
    assert_eq!(read, written[..read.len()]);
}

#[test]
fn what_a_writer_adds_comes_last_and_what_it_deletes_is_noticed() {
    let Some(chroma) = ChromaServer::start(NEW, &[]) else {
        return;
    };
    let written = records(1000, true);
    let collection = chroma.create(DEFAULT, "records", &json!({ "about": "tests" }));
    chroma.add(&collection, &written[..900]);
    let mut server = open(&chroma, ServerOptions::default());
    let inventory = server.inventory().unwrap();
    let mut source = server.records(&inventory.collections[0], 0).unwrap();
    let mut read = source.next_batch(10).unwrap();
    chroma.add(&collection, &written[900..]);
    loop {
        let batch = source.next_batch(1000).unwrap();
        if batch.is_empty() {
            break;
        }
        read.extend(batch);
    }
    assert_eq!(read, written);
    drop(source);

    let mut source = server.records(&inventory.collections[0], 0).unwrap();
    let first = source.next_batch(1000).unwrap();
    chroma.delete(&collection, &written[0].id);
    let error = source.next_batch(1000).map(|_| first.len()).unwrap_err();
    assert_eq!(error.code(), "E0816", "{error}");
}

#[test]
fn a_server_without_v2_is_refused_with_the_way_out() {
    let Some(chroma) = ChromaServer::start("0.4.24", &[]) else {
        return;
    };
    let error = Server::open(&host(), &chroma.url(), ServerOptions::default()).unwrap_err();
    assert_eq!(error.code(), "E0811", "{error}");
    assert!(error.hint().unwrap().contains("pgvector-setup import chroma DIR"));
}

#[test]
fn what_is_no_chroma_server_is_refused() {
    let Some(chroma) = ChromaServer::start(NEW, &[]) else {
        return;
    };
    let elsewhere = format!("{}/elsewhere", chroma.url());
    let error = Server::open(&host(), &elsewhere, ServerOptions::default()).unwrap_err();
    assert_eq!(error.code(), "E0810", "{error}");
}
