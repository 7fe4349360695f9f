"""get.py DIRECTORY COLLECTION FILE: all records of a collection as chromadb gives them, one JSON object a line, in their order."""

import json
import os
import sys

os.environ["ANONYMIZED_TELEMETRY"] = "False"
import chromadb
from chromadb.config import Settings


def main(directory, name, path):
    client = chromadb.PersistentClient(path=directory, settings=Settings(anonymized_telemetry=False))
    collection = client.get_collection(name, embedding_function=None)
    with open(path, "w", encoding="utf-8") as file:
        for offset in range(0, collection.count(), 1000):
            got = collection.get(include=["embeddings", "documents", "metadatas"], limit=1000, offset=offset)
            for record, embedding, document, metadata in zip(
                got["ids"], got["embeddings"], got["documents"], got["metadatas"]
            ):
                line = {"id": record, "embedding": [float(component) for component in embedding]}
                file.write(json.dumps(dict(line, document=document, metadata=metadata)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
