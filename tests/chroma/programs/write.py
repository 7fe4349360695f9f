"""write.py DIRECTORY TRUTH SEED: a directory with every kind of record, and what has to be in it.

Runs with any chromadb from 0.4 on. TRUTH gets one JSON object a line: first {"space", "dimension"} of each collection, then its
records; a vector is the hexadecimal of its float32 components. It is what was written, not what chromadb returns. With a
directory that is there already it goes on where the one before it ended, from its TRUTH.
"""

import json
import os
import random
import struct
import sys

os.environ["ANONYMIZED_TELEMETRY"] = "False"
import chromadb
from chromadb.config import Settings

VERSION = tuple(int(part) for part in chromadb.__version__.split(".")[:3])
HAS_BOOLEANS = VERSION >= (0, 4, 14)
HAS_DATABASES = VERSION >= (0, 4, 15)
HAS_LISTS = VERSION >= (1, 5, 0)
# Since 1.0 Chroma reads its own log with a parser that is wrong in the last bit of some numbers with 16 digits and more: what was
# written is then in no file. Measured with 1.5.9: 39 of 1784.
KEEPS_LAST_BIT = VERSION < (1, 0, 0)
SMALL = {"hnsw:sync_threshold": 50, "hnsw:batch_size": 20}

# name, space, dimension, other settings, records, size of a batch
COLLECTIONS = [
    ("large-cosine", "cosine", 12, {}, 1300, 90),
    ("large-l2", "l2", 12, {}, 1100, 110),
    ("often-persisted-cosine", "cosine", 8, SMALL, 260, 17),
    ("often-persisted-ip", "ip", 8, SMALL, 230, 23),
    ("only-in-the-log", "l2", 24, {}, 40, 7),
    ("Umlaute-und-mehr", "cosine", 5, {}, 25, 25),
]


def main(directory, truth, seed):
    chance = random.Random(seed)
    state = remembered(truth)
    for tenant, database in places(directory):
        client = opened(directory, tenant, database)
        for name, space, dimension, settings, records, batch in COLLECTIONS:
            key = "/".join((tenant, database, name))
            if tenant != "default_tenant" and name != "only-in-the-log":
                continue
            if key in state:
                collection = client.get_collection(name, embedding_function=None)
            else:
                metadata = dict(settings, **{"hnsw:space": space})
                collection = client.create_collection(name, metadata=metadata, embedding_function=None)
                state[key] = {"space": space, "dimension": dimension, "records": {}}
            fill(collection, state[key]["records"], dimension, records, batch, chance)
    remember(truth, state)


def places(directory):
    places = [("default_tenant", "default_database")]
    if HAS_DATABASES:
        admin = chromadb.AdminClient(settings(directory))
        try:
            admin.create_tenant("acme")
            admin.create_database("shop", "acme")
        except Exception:
            pass  # They are there: the directory is written on.
        places.append(("acme", "shop"))
    return places


def settings(directory):
    return Settings(anonymized_telemetry=False, is_persistent=True, persist_directory=directory)


def opened(directory, tenant, database):
    plain = Settings(anonymized_telemetry=False)
    if HAS_DATABASES:
        return chromadb.PersistentClient(path=directory, settings=plain, tenant=tenant, database=database)
    return chromadb.PersistentClient(path=directory, settings=plain)


def fill(collection, records, dimension, count, batch, chance):
    """Adds, and between the batches changes and removes what is there."""
    start = 1 + max([int(record.split(":")[1]) for record in records if record.startswith("urn:")], default=-1)
    for first in range(start, start + count, batch):
        ids = ["urn:%d:päge?x=%d" % (number, number * 7) for number in range(first, min(first + batch, start + count))]
        write(collection.add, records, ids, dimension, chance, is_new=True)
        known = sorted(records)
        if first % 2 == 0 and len(known) > 20:
            write(collection.update, records, chance.sample(known, 5) + ["nobody"], dimension, chance, is_new=False)
            write(collection.upsert, records, chance.sample(known, 3) + ["also-%d" % (first * 1000 + chance.randrange(1000))], dimension, chance, is_new=True)
            partly(collection, records, chance.choice(known), chance)
            gone = chance.sample(known, 3)
            collection.delete(ids=gone)
            for record in gone:
                del records[record]
            # One comes back under its id; one that is there is not changed by add().
            write(collection.add, records, gone[:1], dimension, chance, is_new=True)
            there = chance.choice([record for record in records])
            collection.add(ids=[there], embeddings=[[9.0] * dimension], documents=["must not be seen"])


def write(method, records, ids, dimension, chance, is_new):
    vectors = [vector(dimension, chance) for _ in ids]
    documents = [document(chance) for _ in ids]
    metadatas = [metadata(chance) for _ in ids]
    method(ids=ids, embeddings=vectors, documents=documents, metadatas=metadatas)
    for record, vector_, document_, metadata_ in zip(ids, vectors, documents, metadatas):
        if is_new or record in records:
            known = records.setdefault(record, {"metadata": {}})
            known["vector"] = struct.pack("<%df" % dimension, *vector_).hex()
            known["document"] = document_
            known["metadata"].update(metadata_)


def partly(collection, records, record, chance):
    collection.update(ids=[record], metadatas=[{"changed": "alone"}])
    records[record]["metadata"]["changed"] = "alone"


def vector(dimension, chance):
    size = chance.choice([1e-3, 1.0, 20.0, 1e4])
    components = [chance.gauss(0, 1) * size for _ in range(dimension)]
    return list(struct.unpack("<%df" % dimension, struct.pack("<%df" % dimension, *components)))


def document(chance):
    return chance.choice(["", "plain", "ünïcode 🦊 \u2028", "tab\tand\nline", "\\ \" ' %s", "x" * 3000]) + str(chance.random())


def metadata(chance):
    values = {
        "text": chance.choice(["", "a", "naïve ключ 値", '{"a": 1}', "NaN"]),
        "integer": chance.choice([0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]),
        "float": chance.choice([0.1, 1.0, 5e-324, 1.7e308, chance.random() if KEEPS_LAST_BIT else round(chance.random(), 9)]),
        "ключ \"quoted\"": 1,
    }
    if HAS_BOOLEANS:
        values["boolean"] = chance.random() < 0.5
    if HAS_LISTS:
        values["list"] = chance.choice([["b", "a", "b"], [3, 1], [0.5, 1.0], [True, False], ["alone"]])
    return dict(chance.sample(sorted(values.items()), chance.randint(1, len(values))))


def remembered(truth):
    state = {}
    if os.path.exists(truth):
        with open(truth, encoding="utf-8") as file:
            for line in map(json.loads, file):
                if "space" in line:
                    state[line["collection"]] = {"space": line["space"], "dimension": line["dimension"], "records": {}}
                else:
                    state[line.pop("collection")]["records"][line.pop("id")] = line
    return state


def remember(truth, state):
    with open(truth, "w", encoding="utf-8") as file:
        for name, collection in state.items():
            head = {"collection": name, "space": collection["space"], "dimension": collection["dimension"]}
            file.write(json.dumps(head) + "\n")
            for record, known in collection["records"].items():
                file.write(json.dumps(dict(known, collection=name, id=record)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
