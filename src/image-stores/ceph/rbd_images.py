"""What the `rbd` program can't: reads a part of an image, and lists a pool with times.

    rbd_images.py <conf> <user> <timeout, seconds> <pool> read <image>@<snapshot> <start> <end>
    rbd_images.py <conf> <user> <timeout, seconds> <pool> list

Bytes, or a JSON array, go to standard output. Ends with the system's error number when something fails.
"""
import json
import os
import sys
from datetime import timezone

import rados
import rbd

PIECE = 4 * 1024 * 1024


def read(ioctx, place, start, end):
    name, snapshot = place.split('@')
    with rbd.Image(ioctx, name, snapshot=snapshot, read_only=True) as image:
        at = int(start)
        while at < int(end):
            # Up to the next object's beginning, so that each is asked for once.
            data = image.read(at, min(int(end), (at // PIECE + 1) * PIECE) - at)
            sys.stdout.buffer.write(data)
            at += len(data)
    sys.stdout.buffer.flush()


def describe(ioctx, name):
    with rbd.Image(ioctx, name, read_only=True) as image:
        created = image.create_timestamp().replace(tzinfo=timezone.utc)
        return {'name': name, 'size': image.size(), 'createdAt': int(created.timestamp() * 1_000_000)}


def listing(ioctx):
    found = []
    for name in rbd.RBD().list(ioctx):
        try:
            found.append(describe(ioctx, name))
        except rbd.ImageNotFound:
            continue
    json.dump(found, sys.stdout)
    sys.stdout.flush()


def main():
    conf, user, timeout, pool, command, *rest = sys.argv[1:]
    limits = {name: timeout for name in ('client_mount_timeout', 'rados_mon_op_timeout', 'rados_osd_op_timeout')}
    with rados.Rados(conffile=conf, name=f'client.{user}', conf=limits) as cluster:
        with cluster.open_ioctx(pool) as ioctx:
            {'read': read, 'list': listing}[command](ioctx, *rest)


try:
    main()
    code = 0
except (rados.Error, rbd.Error, OSError) as error:
    print(error, file=sys.stderr, flush=True)
    code = abs(getattr(error, 'errno', None) or 1)
# Without the clean-up of the interpreter, which would report a closed pipe once more.
os._exit(code)
