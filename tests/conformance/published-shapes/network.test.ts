import type { TObject, TSchema } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyOperation } from '../../../src/api/operation.ts';
import { allDialects } from '../../../src/assembly/dialects.ts';
import { extensionAliases } from '../../../src/dialects/openstack/network/extensions.ts';
import { ExampleWorld } from '../../api/example-world.ts';
import { TestCloud } from '../../support/cloud.ts';
import { membersOf, type PublishedMember, readNetworkShapes } from './read-network-shapes.ts';

/** The resources of the network API: where their collections are, by the names in Neutron's definitions. */
const collections = [
  ['networks', '/networks'],
  ['subnets', '/subnets'],
  ['ports', '/ports'],
  ['routers', '/routers'],
  ['floatingips', '/floatingips'],
  ['port_forwardings', '/floatingips/{floatingip_id}/port_forwardings'],
  ['security_groups', '/security-groups'],
  ['security_group_rules', '/security-group-rules'],
  ['default_security_group_rules', '/default-security-group-rules'],
  ['subnetpools', '/subnetpools'],
  ['address_scopes', '/address-scopes'],
  ['address_groups', '/address-groups'],
  ['rbac_policies', '/rbac-policies'],
  ['policies', '/qos/policies'],
  ['bandwidth_limit_rules', '/qos/policies/{policy_id}/bandwidth_limit_rules'],
  ['rule_types', '/qos/rule-types'],
  ['agents', '/agents'],
  ['availability_zones', '/availability_zones'],
  ['service_providers', '/service-providers'],
  ['network_ip_availabilities', '/network-ip-availabilities'],
] as const;

/** What is not as published, and why. */
const unlike: Readonly<Record<string, readonly string[]>> = {
  // The network's; nothing of a subnet is shared by itself.
  subnets: ['filter -shared'],
  // Older clients say that a router is neither: it is true, and what else is said is refused.
  routers: ['POST +distributed', 'POST +ha', 'PUT +distributed', 'PUT +ha'],
  // With the extension for tags of new ports alone.
  ports: ['POST -tags'],
  // A forwarding is of its floating IP's project; its ranges are found by their members for single ports.
  port_forwardings: ['POST -project_id', 'POST -tenant_id', 'filter -external_port_range'],
  security_group_rules: ['filter -normalized_cidr'],
};

/** Names that Neutron had for extensions once, by which clients still ask. */
const former = ['tag'];

const published = readNetworkShapes();
let operations: AnyOperation[];

beforeAll(async () => {
  const network = (await allDialects()).find(({ mounts }) => mounts.includes('/network'))!;
  operations = [...network.operations];
});

const singularOf = (plural: string) => plural.replace(/ies$/, 'y').replace(/s$/, '');

function find(method: string, path: string): AnyOperation | undefined {
  return operations.find((one) => one.method === method && one.path === `/v2.0${path}`);
}

const propertiesOf = (schema: TSchema | undefined) => (schema as TObject | undefined)?.properties ?? {};

/** The members of what a list answers. */
function answered(collection: string, path: string): Record<string, TSchema> {
  const list = propertiesOf(find('GET', path)!.responses[200] as TSchema)[collection] as TSchema & { items: TSchema };
  return propertiesOf(list.items);
}

/** The members that may be sent; undefined where there is no such operation. */
function sent(method: 'POST' | 'PUT', collection: string, path: string): string[] | undefined {
  const found = operations.find(
    (one) =>
      one.method === method &&
      one.bodyKey === singularOf(collection) &&
      (method === 'POST' ? one.path : one.path.replace(/\/\{\w+\}$/, '')) === `/v2.0${path}`,
  );
  return found && Object.keys(propertiesOf(found.body));
}

function kindsOf(schema: TSchema): string[] {
  const { type, anyOf } = schema as { type?: string; anyOf?: TSchema[] };
  return anyOf ? anyOf.flatMap(kindsOf) : type === undefined ? [] : [type];
}

/** What is there and not published, and what is published and not there. Lists may be filtered by more. */
function differences(what: string, ours: readonly string[] | undefined, theirs: readonly string[]): string[] {
  if (!ours) return [];
  const more = what === 'filter' ? [] : ours.filter((name) => !theirs.includes(name)).map((name) => `${what} +${name}`);
  const less = theirs.filter((name) => !ours.includes(name)).map((name) => `${what} -${name}`);
  return [...more, ...less].sort();
}

describe.each(collections)('%s', (collection, path) => {
  const members = membersOf(published, extensionAliases, collection);
  const namesWhere = (holds: (about: PublishedMember) => boolean) =>
    [...members].filter(([, about]) => holds(about)).map(([name]) => name);

  it('have the members that their extensions bring, and no others', () => {
    const filters = Object.keys(propertiesOf(find('GET', path)!.query));
    const found = [
      ...differences(
        'answered',
        Object.keys(answered(collection, path)),
        namesWhere(({ isVisible }) => isVisible),
      ),
      ...differences(
        'POST',
        sent('POST', collection, path),
        namesWhere(({ mayBePosted }) => mayBePosted),
      ),
      ...differences(
        'PUT',
        sent('PUT', collection, path),
        namesWhere(({ mayBePut }) => mayBePut),
      ),
      ...differences(
        'filter',
        filters,
        namesWhere(({ isFilter }) => isFilter),
      ),
    ];
    expect(found).toEqual(unlike[collection] ?? []);
  });

  it('have the published types', () => {
    const wrong = Object.entries(answered(collection, path)).flatMap(([name, schema]) => {
      const kinds = members.get(name)?.kinds ?? ['any'];
      // What was never said is null, whatever may be said.
      const others = kindsOf(schema).filter(
        (kind) => kind !== 'null' && !kinds.includes(kind) && !kinds.includes('any'),
      );
      return others.map((kind) => `${name} may be ${kind}, not only ${kinds.join(' or ')}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe('extensions', () => {
  it('that are told exist, with all that they need', () => {
    const unknown = extensionAliases.filter((alias) => !published.has(alias) && !former.includes(alias));
    const missing = extensionAliases.flatMap((alias) => published.get(alias)?.needs ?? []);
    expect({ unknown, missing: missing.filter((alias) => !extensionAliases.includes(alias)) }).toEqual({
      unknown: [],
      missing: [],
    });
  });
});

/** How there comes to be one of each, where that is not by the example of its operation. */
const words: Readonly<Record<string, (world: ExampleWorld) => Promise<object>>> = {
  subnets: async (world) => ({ network_id: await world.fresh('network'), ip_version: 4, cidr: '10.96.0.0/24' }),
  ports: async (world) => ({ network_id: await world.shared('network') }),
  security_group_rules: async (world) => ({
    security_group_id: await world.fresh('security_group'),
    direction: 'ingress',
  }),
  rbac_policies: async (world) => ({
    object_type: 'network',
    object_id: await world.fresh('network'),
    action: 'access_as_shared',
    target_tenant: await world.fresh('project'),
  }),
  floatingips: async (world) => {
    const floating_network_id = await world.neutron('networks', { name: 'outside', 'router:external': true });
    await world.neutron('subnets', { network_id: floating_network_id, ip_version: 4, cidr: '198.18.9.0/24' });
    return { floating_network_id };
  },
};

describe('what is made', () => {
  let cloud: TestCloud;
  let world: ExampleWorld;

  beforeAll(async () => {
    cloud = await TestCloud.start();
    world = await ExampleWorld.open(cloud);
  });
  afterAll(() => cloud?.close());

  const whole = collections.filter(([, path]) => !path.includes('{'));

  it.each(whole)('of %s has every member that is published', async (collection, path) => {
    const make = find('POST', path);
    if (!make) return;
    const singular = singularOf(collection);
    const example = (make.examples[0]!.body as Record<string, object>)[singular]!;
    const body = { [singular]: (await words[collection]?.(world)) ?? example };
    const made = (await world.admin.post(`/network/v2.0${path}`, body))[singular];
    const shown = (await world.admin.get(`/network/v2.0${path}/${made.id}`))[singular];
    const members = membersOf(published, extensionAliases, collection);
    const visible = [...members].filter(([, { isVisible }]) => isVisible).map(([name]) => name);
    expect(Object.keys(made).sort()).toEqual(visible.toSorted());
    expect(Object.keys(shown).sort()).toEqual(visible.toSorted());
  });
});
