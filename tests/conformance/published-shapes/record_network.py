"""
Records what Neutron's own definitions say of the resources of its API: for every extension, the members that it brings.

Run it with a Python that has Neutron installed (a virtual environment in any folder; nothing of it has to run):

    python -m venv folder && folder/bin/pip install neutron
    folder/bin/python tests/conformance/published-shapes/record_network.py

Each extension is a line with its alias, its name and the extensions that it needs; below are its members, a line each:
the collection and the member; what it may be; and in letters whether it is visible (v), may be posted (p), has to be (r),
may be put (u), and whether lists can be filtered (f) and sorted (s) by it. `read-network-shapes.ts` reads the lines.
"""

import importlib
import inspect
import pkgutil
from importlib.metadata import version
from pathlib import Path

import neutron.extensions
from neutron_lib.api import converters
from neutron_lib.api import extensions as library
from neutron_lib.api.definitions import network, port, subnet, subnetpool

# What has standard attributes is known from the tables alone.
TABLES = ('models.l3', 'models.securitygroup', 'models.segment', 'models.address_group', 'qos.models')
for table in TABLES:
    importlib.import_module(f'neutron.db.{table}')
importlib.import_module('neutron.services.trunk.models')
importlib.import_module('neutron.db.models.network_segment_range')

TYPES = {
    'uuid': 'string', 'uuid_or_none': 'string|null', 'uuid_list': 'array', 'mac_address': 'string', 'dict': 'object',
    'ip_address': 'string', 'ip_address_or_none': 'string|null', 'regex': 'string', 'string': 'string',
    'not_empty_string': 'string', 'string_or_none': 'string|null', 'name_string': 'string', 'boolean': 'boolean',
    'regex_or_none': 'string|null', 'dict_or_none': 'object|null', 'dict_or_nodata': 'object|null',
    'dict_or_empty': 'object', 'non_negative': 'integer', 'range': 'integer', 'range_or_none': 'integer|null',
    'integer': 'integer', 'list_of_unique_strings': 'array', 'list_of_any_key_specs_or_none': 'array|null',
    'list_of_subnets_or_none': 'array|null', 'list_of_subnet_service_types': 'array', 'subnet_list': 'array',
    'subnet_or_none': 'string|null', 'subnet': 'string', 'nameservers': 'array', 'hostroutes': 'array',
    'fixed_ips': 'array', 'ip_pools': 'array', 'subnetpool_id_or_none': 'string|null', 'dns_name': 'string',
    'dns_domain_name': 'string', 'fqdn': 'string', 'availability_zone_hint_list': 'array', 'values': 'any',
    'list_of_allowed_address_pairs': 'array', 'external_gw_info': 'object|null', 'rbac_action': 'string',
}
CONVERTERS = {
    converters.convert_to_boolean: 'boolean', converters.convert_to_boolean_if_not_none: 'boolean|null',
    converters.convert_to_int: 'integer', converters.convert_to_int_if_not_none: 'integer|null',
}


def kind(about):
    made = CONVERTERS.get(about.get('convert_to'))
    if made:
        return made
    for rule, detail in (about.get('validate') or {}).items():
        name = rule.removeprefix('type:')
        if name == 'values':
            types = {{str: 'string', int: 'integer', bool: 'boolean', type(None): 'null'}[type(one)] for one in detail}
            return '|'.join(sorted(types))
        return TYPES.get(name, 'any')
    return 'any'


def letters(about):
    said = {
        'v': about.get('is_visible'),
        'p': about.get('allow_post'),
        'r': about.get('allow_post') and 'default' not in about,
        'u': about.get('allow_put'),
        'f': about.get('is_filter'),
        's': about.get('is_sort_key'),
    }
    return ''.join(letter for letter, holds in said.items() if holds) or '-'


def lines(resources):
    """Members of collections, and of collections that are below one of another."""
    for collection in sorted(resources):
        inner = resources[collection]
        own = inner['parameters'] if 'parameters' in inner else inner
        for name in sorted(own):
            yield f'\t{collection}.{name}\t{kind(own[name])}\t{letters(own[name])}'


def members(extension):
    """What an extension brings; some keep it beside their descriptor alone."""
    return extension.get_extended_resources('2.0') or getattr(inspect.getmodule(extension), 'RESOURCE_ATTRIBUTE_MAP', {})


def descriptors():
    for found in pkgutil.iter_modules(neutron.extensions.__path__):
        module = importlib.import_module(f'neutron.extensions.{found.name}')
        kinds = inspect.getmembers(module, lambda one: inspect.isclass(one) and issubclass(one, library.ExtensionDescriptor))
        for name, descriptor in kinds:
            if descriptor.__module__ == module.__name__ and name == found.name.capitalize():
                yield descriptor()


core = {one.COLLECTION_NAME: one.RESOURCE_ATTRIBUTE_MAP[one.COLLECTION_NAME] for one in (network, subnet, port, subnetpool)}
text = [f'# Members of the resources of the network API, of Neutron {version("neutron")}; written by record_network.py.']
text += ['core\tCore\t', *lines(core)]
count = 0
for extension in sorted(descriptors(), key=lambda one: one.get_alias()):
    needs = ','.join(sorted(extension.get_required_extensions() or []))
    text += [f'{extension.get_alias()}\t{extension.get_name()}\t{needs}'.rstrip(), *lines(members(extension))]
    count += 1
(Path(__file__).parent / 'network.tsv').write_text('\n'.join(text) + '\n')
print(f'{count} extensions')
