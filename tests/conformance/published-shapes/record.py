"""
Records the shapes of answers that OpenStack's own clients of its conformance suite demand at each microversion.

Run it with the Python that has Tempest installed, as `./unkai conformance` leaves it in the cache folder:

    var/cache/tempest-47.0.0/bin/python tests/conformance/published-shapes/record.py compute 96
    var/cache/tempest-47.0.0/bin/python tests/conformance/published-shapes/record.py volume 70

It calls every method of every client over a transport that answers nothing, and notes which request it makes and which
schema it would hold the answer against. `read-shapes.ts` beside it says how the lines are read.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tempest.lib.common import rest_client

SERVICE, NEWEST = sys.argv[1], int(sys.argv[2])
MAJOR = {'compute': 2, 'volume': 3}[SERVICE]
HERE = Path(__file__).parent
PACKAGE = {'compute': 'tempest.lib.services.compute', 'volume': 'tempest.lib.services.volume.v3'}[SERVICE]
BASE = {
    'compute': ('tempest.lib.services.compute.base_compute_client', 'COMPUTE_MICROVERSION'),
    'volume': ('tempest.lib.services.volume.base_client', 'VOLUME_MICROVERSION'),
}[SERVICE]
# What clients are told of themselves before their methods are called.
ABOUT = {
    'enable_instance_password': True,
    'ssh_key_type': 'ed25519',
    'service_token': False,
    'expected_success': lambda *_: None,
}
# Methods that make no request of their own.
HELPERS = ('get_schema', 'action')


class Known(Exception):
    """The method has said all that we ask of it."""


class Answer(dict):
    status = 0


class Signed:
    """Says who asks, where a client builds its path from that."""

    credentials = type('Credentials', (), {'tenant_id': '{project_id}', 'project_id': '{project_id}'})


class Recorder:
    """Stands where a client sends requests, and where it looks at their answers."""

    def __init__(self):
        self.request = None
        self.schema = None

    def send(self, method):
        def sent(url, *arguments, **named):
            body = named.get('body', arguments[0] if arguments and method in ('POST', 'PUT', 'PATCH') else None)
            self.request = (method, url, body)
            return Answer(), '{}'
        return sent

    def validate(self, schema, resp, body):
        self.schema = schema
        raise Known()


def clients():
    package = importlib.import_module(PACKAGE)
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f'{PACKAGE}.{found.name}')
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and issubclass(kind, rest_client.RestClient):
                yield kind


def variants(method):
    """The arguments to call a method with: each flag that stands in its signature both ways."""
    parameters = list(inspect.signature(method).parameters.values())
    required = [f'{{{one.name}}}' for one in parameters if one.default is one.empty and one.kind == one.POSITIONAL_OR_KEYWORD]
    flags = [one.name for one in parameters if one.default is False or one.default is True]
    yield required, {}
    for flag in flags:
        yield required, {flag: True}


def operation(request):
    method, url, body = request
    path = re.sub(r'\{[^}]*\}', '{}', urlsplit(url).path.strip('/'))
    key = ''
    if method == 'POST' and path.endswith('/action'):
        document = json.loads(body) if isinstance(body, (str, bytes)) else body
        key = ' ' + next(iter(document))
    return f'{method} /{path}{key}'


def literals(values):
    return {json.dumps(value) for value in values}


def kinds(schema):
    """The JSON types of a value; of a string with its format, and each single value where only some are allowed."""
    if 'enum' in schema:
        return literals(schema['enum'])
    types = schema.get('type', [])
    types = {types} if isinstance(types, str) else set(types)
    if 'format' in schema and 'string' in types:
        types = (types - {'string'}) | {f"string({schema['format']})"}
    if 'object' in types and schema.get('additionalProperties', True) is True and not schema.get('patternProperties'):
        types = (types - {'object'}) | {'object+'}
    return types or {'any'}


def flatten(schema, path, rows, is_required=True):
    """Adds one row for each value: its path, what it may be, and whether it has to be there."""
    alternatives = schema.get('oneOf') or schema.get('anyOf')
    if alternatives and not any(set(one) <= {'required'} for one in alternatives):
        made = []
        for one in alternatives:
            rows_of_one = {}
            flatten({**{k: v for k, v in schema.items() if k not in ('oneOf', 'anyOf')}, **one}, path, rows_of_one, is_required)
            made.append(rows_of_one)
        for found in made:
            for where, (what, needed) in found.items():
                others = [one for one in made if one is not found and one.get(path, (set(),))[0] & {'object', 'object+'}]
                everywhere = needed and all(where in one for one in others)
                before = rows.get(where)
                rows[where] = (what | (before[0] if before else set()), everywhere and (before is None or before[1]))
        return
    rows[path] = (kinds(schema), is_required)
    needed = schema.get('required', [])
    for name, value in schema.get('properties', {}).items():
        flatten(value, f'{path}.{name}' if path else name, rows, name in needed)
    for value in schema.get('patternProperties', {}).values():
        flatten(value, f'{path}.*', rows, False)
    if isinstance(schema.get('additionalProperties'), dict):
        flatten(schema['additionalProperties'], f'{path}.*', rows, False)
    items = schema.get('items')
    if isinstance(items, dict):
        flatten(items, f'{path}[]', rows, False)


def shapes_at(minor):
    """Operation → (status, rows) at one microversion."""
    module = importlib.import_module(BASE[0])
    setattr(module, BASE[1], f'{MAJOR}.{minor}')
    found = {}
    for kind in clients():
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith('_') or name in HELPERS or hasattr(rest_client.RestClient, name):
                continue
            for required, flags in variants(getattr(kind, name).__get__(object())):
                recorder = Recorder()
                client = kind.__new__(kind)
                for verb in ('get', 'post', 'put', 'patch', 'delete', 'head'):
                    setattr(client, verb, recorder.send(verb.upper()))
                client.validate_response = recorder.validate
                for attribute, value in ABOUT.items():
                    setattr(client, attribute, value)
                client.auth_provider = Signed()
                try:
                    getattr(client, name)(*required, **flags)
                except Known:
                    pass
                except Exception as problem:
                    # A schema that this microversion has not: the operation came later.
                    if recorder.schema is None and 'api_schema.response' not in str(problem):
                        missed.add(f'{kind.__name__}.{name}: {problem!r}')
                if recorder.schema is None or recorder.request is None:
                    continue
                rows = {}
                if 'response_body' in recorder.schema:
                    flatten(recorder.schema['response_body'], '', rows)
                    rows.pop('')
                found.setdefault(operation(recorder.request), (tuple(recorder.schema['status_code']), rows))
    return found


def spans(minors):
    """[1, 2, 3, 7] → '1-3 7-7'; the newest is left open, as '9-'."""
    parts = []
    for minor in sorted(minors):
        if parts and parts[-1][1] == minor - 1:
            parts[-1][1] = minor
        else:
            parts.append([minor, minor])
    return ','.join(f'{first}-{"" if last == NEWEST else last}' for first, last in parts)


missed = set()
first = {'compute': 1, 'volume': 0}[SERVICE]
by_operation, latest = {}, {}
for minor in range(first, NEWEST + 1):
    # A client that finds no schema of its own for a later microversion means the last that there was.
    latest.update(shapes_at(minor))
    for key, (status, rows) in latest.items():
        lines = by_operation.setdefault(key, {})
        lines.setdefault(('', ' '.join(map(str, status)), ''), []).append(minor)
        for path, (what, needed) in rows.items():
            lines.setdefault((path, '|'.join(sorted(what)), '' if needed else '?'), []).append(minor)

version = importlib.import_module('importlib.metadata').version('tempest')
text = [f'# Shapes of answers of the {SERVICE} API up to {MAJOR}.{NEWEST}, of Tempest {version}; written by record.py.']
for key in sorted(by_operation):
    text.append(key)
    for (path, what, needed), minors in by_operation[key].items():
        text.append(f'\t{path}{needed}\t{what}\t{spans(minors)}')
(HERE / f'{SERVICE}.tsv').write_text('\n'.join(text) + '\n')
print(f'{len(by_operation)} operations', *sorted(missed), sep='\n')
