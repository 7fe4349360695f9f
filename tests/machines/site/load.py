#!/usr/bin/env python3
"""Asks a site at a fixed rate, until it is ended by SIGTERM; then prints `requests N failed M`, and why the failed ones did.
That the first request has ended is told by a line of its own.

    load.py http://127.0.0.1:8000 RATE [THREADS]

Every tenth request stores an item, the others read. One that comes late does not hold back those that are due meanwhile, as long
as a thread is free. Anything but an answer of 2xx within 30 s is a failure.
"""

import collections
import json
import signal
import sys
import threading
import time
import urllib.request

TIMEOUT = 30
STORES = 10


def request(site, number):
    if number % STORES:
        return urllib.request.Request(f"{site}/items")
    item = {"uri": f"load-{number}", "document": f"item {number}", "seed": number}
    headers = {"Content-Type": "application/json"}
    return urllib.request.Request(f"{site}/items", json.dumps(item).encode(), headers)


class Load:
    def __init__(self, site, rate):
        self.site = site
        self.interval = 1 / rate
        self.began = time.monotonic()
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.sent = 0
        self.slowest = 0.0
        self.failures = collections.Counter()

    def next(self):
        with self.lock:
            number = self.sent
            self.sent += 1
        return number

    def work(self):
        while True:
            number = self.next()
            due = self.began + number * self.interval
            if self.is_over.wait(max(0, due - time.monotonic())):
                with self.lock:
                    self.sent -= 1
                return
            self.ask(number)

    def ask(self, number):
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request(self.site, number), timeout=TIMEOUT) as answer:
                answer.read()
        except Exception as error:  # whatever it is, the request failed
            with self.lock:
                self.failures[f"{type(error).__name__}: {error}"] += 1
        with self.lock:
            self.slowest = max(self.slowest, time.monotonic() - began)
        if number == 0:
            print("begun", flush=True)


def main():
    site, rate = sys.argv[1].rstrip("/"), float(sys.argv[2])
    load = Load(site, rate)
    signal.signal(signal.SIGTERM, lambda *_: load.is_over.set())
    threads = [threading.Thread(target=load.work) for _ in range(int((sys.argv + ["16"])[3]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"requests {load.sent} failed {load.failures.total()}")
    print(f"slowest {load.slowest:.3f} s")
    for failure, count in load.failures.most_common():
        print(f"{count} {failure}")


main()
