"""DIRECTORY CONNECTION: the records of a Chroma directory into the table vectors.by_python; prints the seconds that it took."""

import json
import sys
import time

import chromadb


def move(directory, connection):
    import psycopg

    collection = chromadb.PersistentClient(directory).get_collection("articles")
    with psycopg.connect(connection) as connection, connection.cursor() as cursor:
        begin = time.perf_counter()
        got = collection.get(include=["embeddings", "documents", "metadatas"])
        rows = zip(got["ids"], got["documents"], got["metadatas"], got["embeddings"])
        cursor.executemany(
            "INSERT INTO vectors.by_python (id, document, metadata, embedding) VALUES (%s, %s, %s, %s)",
            [
                (id, document, json.dumps(metadata), str(embedding.tolist()))
                for id, document, metadata, embedding in rows
            ],
        )
        connection.commit()
        print(time.perf_counter() - begin)


move(sys.argv[1], sys.argv[2])
