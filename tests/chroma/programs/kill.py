"""kill.py DIRECTORY COUNT SEED [SECONDS]: COUNT directories whose writer was ended by SIGKILL at a random moment, or after SECONDS.

Each DIRECTORY/N has `chroma`, what the writer left; `writer`, its process id; `acknowledged`, one line for each call that chromadb
returned from; and `got`, what chromadb itself then finds in a copy, one JSON object a line, or the error it ends with. chromadb is
imported once and each writer is a fork.

Every record tells by its metadata what its vector is: `components(number, version)`.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback

os.environ["ANONYMIZED_TELEMETRY"] = "False"
import chromadb
from chromadb.config import Settings

DIMENSION = 6


def components(number, version):
    return [((number * 31 + component * 17 + version * 7) % 1000 + 1) / 1000 for component in range(DIMENSION)]


def main(directory, count, seed, seconds=None):
    chance = random.Random(seed)
    for number in range(count):
        place = os.path.join(directory, str(number))
        os.makedirs(place)
        kill_one(place, chance, seconds)
        shutil.copytree(os.path.join(place, "chroma"), os.path.join(place, "copy"))
        os.waitpid(forked(lambda: tell(place)), 0)
        shutil.rmtree(os.path.join(place, "copy"))


def kill_one(place, chance, seconds):
    seed, lifetime = chance.random(), seconds or chance.uniform(0.02, 1.5)
    acknowledged = os.path.join(place, "acknowledged")
    child = forked(lambda: write(place, acknowledged, random.Random(seed)))
    # Whoever ends this program ends its writer.
    signal.signal(signal.SIGTERM, lambda *_: (os.kill(child, signal.SIGKILL), sys.exit(0)))
    while not os.path.exists(acknowledged):
        time.sleep(0.005)
    time.sleep(lifetime)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def forked(work):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def write(place, acknowledged, chance):
    """Without end: adds, changes and removes records in two collections that are persisted often."""
    with open(os.path.join(place, "writer"), "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    client = chromadb.PersistentClient(path=os.path.join(place, "chroma"), settings=Settings(anonymized_telemetry=False))
    often = {"hnsw:sync_threshold": 40, "hnsw:batch_size": 10}
    collections = [
        client.create_collection("often-l2", metadata=dict(often, **{"hnsw:space": "l2"}), embedding_function=None),
        client.create_collection("often-cosine", metadata=dict(often, **{"hnsw:space": "cosine"}), embedding_function=None),
    ]
    next_number = 0
    live = {collection.name: {} for collection in collections}
    with open(acknowledged, "w", buffering=1, encoding="utf-8") as log:
        while True:
            rest(place)
            collection = chance.choice(collections)
            records = live[collection.name]
            what = chance.choice(["add", "add", "update", "delete"]) if len(records) > 30 else "add"
            if what == "add":
                numbers = list(range(next_number, next_number + chance.randint(1, 25)))
                next_number = numbers[-1] + 1
                put(log, collection, collection.add, {number: 0 for number in numbers}, records)
            elif what == "update":
                numbers = chance.sample(sorted(records), 9)
                put(log, collection, collection.update, {number: records[number] + 1 for number in numbers}, records)
            else:
                numbers = chance.sample(sorted(records), 7)
                log.write(json.dumps(["intends", collection.name, {number: -1 for number in numbers}]) + "\n")
                collection.delete(ids=[str(number) for number in numbers])
                log.write(json.dumps(["did"]) + "\n")
                for number in numbers:
                    del records[number]


def rest(place):
    """Between two calls for as long as there is a file `rest`, which is answered by a file `rests`."""
    while os.path.exists(os.path.join(place, "rest")):
        open(os.path.join(place, "rests"), "w").close()
        time.sleep(0.005)


def put(log, collection, method, versions, records):
    log.write(json.dumps(["intends", collection.name, versions]) + "\n")
    method(
        ids=[str(number) for number in versions],
        embeddings=[components(*pair) for pair in versions.items()],
        documents=["%d at %d" % pair for pair in versions.items()],
        metadatas=[{"number": number, "version": version} for number, version in versions.items()],
    )
    log.write(json.dumps(["did"]) + "\n")
    records.update(versions)


def tell(place):
    """What chromadb finds."""
    with open(os.path.join(place, "got"), "w", encoding="utf-8") as out:
        try:
            settings = Settings(anonymized_telemetry=False)
            client = chromadb.PersistentClient(path=os.path.join(place, "copy"), settings=settings)
            for name in ("often-l2", "often-cosine"):
                try:
                    collection = client.get_collection(name, embedding_function=None)
                except Exception as error:
                    if "does not exist" in str(error):
                        continue
                    raise
                got = collection.get(include=["embeddings", "documents", "metadatas"])
                for record, embedding, document, metadata in zip(
                    got["ids"], got["embeddings"], got["documents"], got["metadatas"]
                ):
                    line = [name, record, [float(component) for component in embedding], document, metadata]
                    out.write(json.dumps(line) + "\n")
        except Exception as error:
            out.write(json.dumps({"error": "%s: %s" % (type(error).__name__, error)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *map(float, sys.argv[4:]))
