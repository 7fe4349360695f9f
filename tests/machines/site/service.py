#!/usr/bin/env python3
"""A small site on PostgreSQL with pgvector, for machines on which `pgvector-setup site deploy` is tried.

It reads the URL of its database from $CREDENTIALS_DIRECTORY/database-url, else from DATABASE_URL, and answers

  GET  /health          200 once HEALTH_QUERY, or SELECT 1, has come back; 500 where the server refuses it, else 503
  GET  /items           the newest items of its database, the nearest to the first of them, and who it is there
  POST /items           {"uri": …, "document": …, "seed": N} stores an item with a vector that the seed gives

The first argument names the table (key `uri`, `document`, column `embedding`). systemd listens (LISTEN_FDS), so what comes in
while the service restarts waits in the kernel. SIGTERM ends it once every accepted request is answered.
"""

import json
import os
import queue
import random
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2
from psycopg2 import sql

FIRST_PASSED_DESCRIPTOR = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)


def database_url():
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory and (credential := Path(directory, "database-url")).exists():
        return credential.read_text().strip()
    return os.environ["DATABASE_URL"]


class Database:
    """Sessions that are used again."""

    def __init__(self, url, table):
        self.url = url
        self.table = sql.Identifier(*table.split("."))
        self.idle = queue.LifoQueue()
        [[self.dimensions]] = self.rows(
            "SELECT atttypmod FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'embedding'", (table,)
        )

    @contextmanager
    def session(self):
        try:
            session = self.idle.get_nowait()
        except queue.Empty:
            session = psycopg2.connect(self.url, connect_timeout=5)
            session.autocommit = True
        yield session
        # Only a session that has not failed is used again.
        self.idle.put(session)

    def rows(self, statement, values=()):
        with self.session() as session, session.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(table=self.table), values)
            return cursor.fetchall() if cursor.description else []

    def vector(self, seed):
        numbers = random.Random(seed)
        return json.dumps([numbers.uniform(-1, 1) for _ in range(self.dimensions)])

    def store(self, item):
        self.rows(
            "INSERT INTO {table} (uri, document, embedding) VALUES (%s, %s, %s)"
            " ON CONFLICT (uri) DO UPDATE SET document = excluded.document, embedding = excluded.embedding",
            (item["uri"], item["document"], self.vector(item["seed"])),
        )

    def look(self):
        [[database, login]] = self.rows("SELECT current_database(), session_user")
        items = self.rows("SELECT uri, document FROM {table} ORDER BY created_at DESC, uri LIMIT 10")
        nearest = self.rows(
            "SELECT uri FROM {table} WHERE embedding IS NOT NULL"
            " ORDER BY embedding <=> (SELECT embedding FROM {table} WHERE uri = %s) LIMIT 5",
            (items[0][0],),
        ) if items else []
        return {
            "database": database,
            "login": login,
            "items": [{"uri": uri, "document": document} for uri, document in items],
            "nearest": [uri for uri, in nearest],
        }


class Handler(BaseHTTPRequestHandler):
    timeout = 30

    def do_GET(self):
        if self.path == "/health":
            self.answer(lambda database: {"one": database.rows(os.environ.get("HEALTH_QUERY", "SELECT 1"))[0][0]})
        elif self.path == "/items":
            self.answer(Database.look)
        else:
            self.send(404, {"error": "there is nothing"})

    def do_POST(self):
        item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(lambda database: database.store(item) or {"stored": item["uri"]})

    def answer(self, work):
        try:
            self.send(200, work(self.server.database))
        except psycopg2.Error as error:
            # What the server has an SQLSTATE for was understood, and is wrong.
            self.send(500 if error.pgcode else 503, {"error": str(error)})

    def send(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_):
        pass


class Server(ThreadingHTTPServer):
    # server_close waits for the threads that still answer.
    daemon_threads = False
    block_on_close = True

    def __init__(self, listening, database):
        super().__init__(None, Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.database = database


def notify(state):
    """sd_notify(3)"""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            notifier.sendto(state.encode(), address.replace("@", "\0", 1))


def main():
    url = database_url()
    try:
        database = Database(url, sys.argv[1])
    except psycopg2.Error as error:
        # Careless, as many an application is: the URL is in its log with the password.
        sys.exit(f"cannot use {url}: {error}")
    server = Server(socket.socket(fileno=FIRST_PASSED_DESCRIPTOR), database)
    # shutdown waits for the loop, which is this thread's.
    end = lambda *_: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, end)
    notify("READY=1")
    server.serve_forever(poll_interval=0.05)
    server.server_close()


main()
