"""Strangers without end: posts well-signed batches of keys that no centre knows, until its input ends.

`python flooder.py PORT CONNECTIONS FILE`; FILE holds one body. Prints how many answers of each status it got.
"""

import json
import os
import socket
import sys
import threading
from collections import Counter

REQUEST = b"POST /v1/batches HTTP/1.1\r\nHost: centre\r\nContent-Type: application/cose\r\nContent-Length: %d\r\n\r\n%s"


def flood(port, request, told, stop):
    while not stop.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                answers = connection.makefile("rb")
                while not stop.is_set():
                    connection.sendall(request)
                    status = answers.readline().split()[1].decode()
                    length = 0
                    while line := answers.readline().strip():
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    answers.read(length)
                    told[status] += 1
        except (OSError, IndexError):
            told["cut"] += 1


def main():
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    with open(sys.argv[3], "rb") as file:
        body = file.read()
    request, stop = REQUEST % (len(body), body), threading.Event()
    tallies = [Counter() for _ in range(connections)]
    for told in tallies:
        threading.Thread(target=flood, args=(port, request, told, stop), daemon=True).start()
    print("flooding", flush=True)
    sys.stdin.read()
    print(json.dumps(sum(tallies, Counter())), flush=True)
    os._exit(0)  # whoever waits for an answer need not


main()
