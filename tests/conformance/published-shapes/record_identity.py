"""
Records the shapes of requests and answers that Keystone declares for its own API, in `identity.tsv`.

Run it with a Python that has Keystone installed:

    python3 -m venv keystone && keystone/bin/pip install keystone
    keystone/bin/python tests/conformance/published-shapes/record_identity.py

It goes through the routes of Keystone, without those of federations, and notes what schemas their methods were given. Requests stand under `> POST /users`;
a fourth column tells how long, large or many a value may be. `read-shapes.ts` beside it says how the lines are read.
"""

import importlib
import importlib.metadata
import logging.config
import logging.handlers
import pkgutil
import re
import warnings
from pathlib import Path

warnings.simplefilter('ignore')

import keystone.api
import keystone.conf

HERE = Path(__file__).parent
# What a method answers with, where it says no more than whether there is a body.
STATUS = {('get', True): '200', ('get', False): '204', ('post', True): '201', ('put', True): '200 201',
          ('put', False): '201 204', ('patch', True): '200', ('delete', False): '204'}
# Of names: they are not blank.
BLANK = r'[\S]+'
BOUNDS = (('length', 'minLength', 'maxLength'), ('range', 'minimum', 'maximum'), ('items', 'minItems', 'maxItems'))


def routes():
    keystone.conf.configure()
    keystone.conf.CONF([])
    # The factory binds what the modules look up when they are loaded.
    importlib.import_module('keystone.server.flask.application')
    for found in pkgutil.iter_modules(keystone.api.__path__):
        module = importlib.import_module(f'keystone.api.{found.name}')
        for kind in getattr(module, 'APIs', ()):
            known = getattr(kind, 'resource_mapping', ())
            for one in known if isinstance(known, list) else ():
                for method in ('get', 'post', 'put', 'patch', 'delete'):
                    handler = getattr(one.resource, method, None)
                    if handler is not None and 'FEDERATION' not in one.url and 'federation' not in module.__name__:
                        url = f"{getattr(kind, '_api_url_prefix', '')}{one.url}"
                        yield method, '/v3' + re.sub(r'<[^>]*>', '{}', url), handler


def literals(values):
    return {repr(value) if not isinstance(value, (str, bool, type(None))) else
            {True: 'true', False: 'false', None: 'null'}[value] if not isinstance(value, str) else f'"{value}"'
            for value in values}


def kinds(schema):
    """The JSON types of a value; of a string with its format, and each single value where only some are allowed."""
    types = schema.get('type', [])
    types = {types} if isinstance(types, str) else set(types)
    if 'enum' in schema:
        values = schema['enum']
        # Booleans that may come as words as well.
        return literals(values) | (types - {'string', 'boolean'} if 'null' in types else set())
    rule = schema.get('format') or ('pattern' in schema and schema['pattern'] != BLANK and 'pattern')
    if rule and 'string' in types:
        types = (types - {'string'}) | {f'string({rule})'}
    if 'object' in types and schema.get('additionalProperties', True) is True and not schema.get('patternProperties'):
        types = (types - {'object'}) | {'object+'}
    return types or {'any'}


def bounds(schema):
    return ' '.join(f"{word} {schema.get(low, '')}..{schema.get(high, '')}"
                    for word, low, high in BOUNDS if low in schema or high in schema)


def flatten(schema, path, rows, is_required=True):
    """Adds one row for each value: its path, what it may be, whether it has to be there, and within which bounds."""
    alternatives = schema.get('oneOf') or schema.get('anyOf')
    if alternatives and not all(set(one) <= {'required'} for one in alternatives):
        common = {key: value for key, value in schema.items() if key not in ('oneOf', 'anyOf')}
        made = []
        for one in alternatives:
            made.append({})
            flatten({**common, **one}, path, made[-1], is_required)
        for found in made:
            for where, (what, needed, limits) in found.items():
                before = rows.get(where, (set(), True, limits))
                everywhere = needed and all(where in one or not one[path][0] & {'object', 'object+'} for one in made)
                rows[where] = (what | before[0], everywhere and before[1], limits or before[2])
        return
    rows[path] = (kinds(schema), is_required, bounds(schema))
    needed = schema.get('required', [])
    for name, value in (schema.get('properties') or {}).items():
        flatten(value, f'{path}.{name}' if path else name, rows, name in needed)
    for value in (schema.get('patternProperties') or {}).values():
        flatten(value, f'{path}.*', rows, False)
    if isinstance(schema.get('additionalProperties'), dict):
        flatten(schema['additionalProperties'], f'{path}.*', rows, False)
    if isinstance(schema.get('items'), dict):
        flatten(schema['items'], f'{path}[]', rows, False)


def lines(key, first, schema):
    yield key
    rows = {}
    if isinstance(schema, dict):
        flatten(schema, '', rows)
    top = rows.pop('', (set(), True, ''))[0]
    yield f"\t\t{first + (' object+' if 'object+' in top and first == '' else '')}\t0-"
    for path, (what, needed, limits) in rows.items():
        yield f"\t{path}{'' if needed else '?'}\t{'|'.join(sorted(what))}\t0-" + (f'\t{limits}' if limits else '')


by_operation = {}
for method, path, handler in routes():
    key = f'{method.upper()} {path}'
    answer = getattr(handler, '_response_body_schema', ...)
    request = getattr(handler, '_request_body_schema', ...)
    if answer is not ...:
        by_operation[key] = lines(key, STATUS[method, bool(answer)], answer)
    if isinstance(request, dict) and method != 'get':
        by_operation[f'> {key}'] = lines(f'> {key}', '', request)

version = importlib.metadata.version('keystone')
text = [f'# Shapes of requests and answers of the identity API, of Keystone {version}; written by record_identity.py.']
for key in sorted(by_operation):
    text += by_operation[key]
(HERE / 'identity.tsv').write_text('\n'.join(text) + '\n')
print(len(by_operation), 'requests and answers')
