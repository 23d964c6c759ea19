import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { type Outcome, OutcomeReader } from '../../src/cli/conformance/outcome.ts';
import { clientEnvironment } from './run-client.ts';

/** Tests that the makers of OpenStack's clients publish with them, for clouds like that of DevStack. */
export interface ClientSuite {
  /** Its Python package. */
  package: string;
  /** Below the package's tests, each run by itself; those of services that are not here are left out. */
  areas: readonly string[];
  /** How many tests at once. Those that wait more than they work can be several. */
  concurrency: number;
  /** It learns who it is from variables, and not from clouds.yaml. */
  readsVariables?: true;
}

export const clientSuites: Readonly<Record<string, ClientSuite>> = {
  openstacksdk: {
    package: 'openstack',
    areas: ['cloud', 'block_storage/v3', 'compute', 'identity', 'image', 'network', 'placement'],
    concurrency: 1,
  },
  openstackclient: {
    package: 'openstackclient',
    areas: ['common', 'compute', 'identity/v3', 'image', 'network', 'volume/v3'],
    concurrency: 2,
  },
  novaclient: { package: 'novaclient', areas: ['.'], concurrency: 1 },
  cinderclient: { package: 'cinderclient', areas: ['.'], concurrency: 1, readsVariables: true },
  glanceclient: { package: 'glanceclient', areas: ['v2'], concurrency: 1 },
  keystoneclient: { package: 'keystoneclient', areas: ['.'], concurrency: 1 },
};

const password = 'secret';
const image = 'cirros-0.6.3-x86_64-disk';

/** What the suites take for granted: DevStack's projects, users, flavors, networks and image. */
export async function arrangeLikeDevStack(admin: OpenStackClient): Promise<void> {
  const { roles } = await admin.get('/identity/v3/roles');
  const roleOf = (name: string) => roles.find((role: { name: string }) => role.name === name).id;
  const { users } = await admin.get('/identity/v3/users?name=admin');
  for (const name of ['demo', 'alt_demo']) {
    const { project } = await admin.post('/identity/v3/projects', { project: { name } });
    const asked = { name, password, default_project_id: project.id };
    const { user } = await admin.post('/identity/v3/users', { user: asked });
    const on = `/identity/v3/projects/${project.id}/users`;
    await admin.call('PUT', `${on}/${user.id}/roles/${roleOf('member')}`);
    await admin.call('PUT', `${on}/${users[0].id}/roles/${roleOf('admin')}`);
    if (name === 'demo') await arrangeNetworks(admin, project.id);
  }
  await admin.call('PUT', `/identity/v3/system/users/${users[0].id}/roles/${roleOf('admin')}`);
  // Which flavor is the smallest is asked.
  for (const id of ['42', '84']) await admin.call('DELETE', `/compute/v2.1/flavors/${id}`);
  for (const [id, name, ram, disk] of [
    ['c1', 'cirros256', 256, 1],
    ['d1', 'ds512M', 512, 5],
  ]) {
    await admin.post('/compute/v2.1/flavors', { flavor: { id, name, ram, disk, vcpus: 1 } });
  }
  const { images } = await admin.get('/image/v2/images?name=TinyLinux');
  const renaming = [{ op: 'replace', path: '/name', value: image }];
  const patch = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
  await admin.call('PATCH', `/image/v2/images/${images[0].id}`, renaming, patch);
}

/** The project's own network, and no other one that its servers could mean. */
async function arrangeNetworks(admin: OpenStackClient, projectId: string): Promise<void> {
  const of = async (kind: string, query = '') => (await admin.get(`/network/v2.0/${kind}?${query}`))[kind];
  for (const router of await of('routers')) {
    for (const port of await of('ports', `device_id=${router.id}&device_owner=network:router_interface`)) {
      await admin.call('PUT', `/network/v2.0/routers/${router.id}/remove_router_interface`, { port_id: port.id });
    }
    await admin.call('DELETE', `/network/v2.0/routers/${router.id}`);
  }
  for (const { id } of await of('networks', 'name=default')) await admin.call('DELETE', `/network/v2.0/networks/${id}`);
  const own = { project_id: projectId };
  const { network } = await admin.post('/network/v2.0/networks', { network: { name: 'private', ...own } });
  const plan = { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/26', ...own };
  const { subnet } = await admin.post('/network/v2.0/subnets', { subnet: plan });
  const [outside] = await of('networks', 'router:external=true');
  const gateway = { external_gateway_info: { network_id: outside.id } };
  const { router } = await admin.post('/network/v2.0/routers', { router: { name: 'router1', ...gateway, ...own } });
  await admin.call('PUT', `/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
}

/** The clouds that the suites call by their names in DevStack. */
function cloudsYaml(origin: string, adminPassword: string): string {
  const cloud = (username: string, secret: string, scope: object) => ({
    auth: { auth_url: `${origin}/identity`, username, password: secret, user_domain_id: 'default', ...scope },
    region_name: 'RegionOne',
    identity_api_version: '3',
    volume_api_version: '3',
  });
  const project = (name: string) => ({ project_name: name, project_domain_id: 'default' });
  const clouds = {
    devstack: cloud('demo', password, project('demo')),
    'devstack-alt': cloud('alt_demo', password, project('alt_demo')),
    'devstack-admin': cloud('admin', adminPassword, project('admin')),
    functional_admin: cloud('admin', adminPassword, project('admin')),
    'devstack-admin-demo': cloud('admin', adminPassword, project('demo')),
    'devstack-system-admin': cloud('admin', adminPassword, { system_scope: 'all' }),
  };
  // JSON is YAML.
  return JSON.stringify({ clouds, functional: { image_name: image } }, undefined, 2);
}

export interface SuiteRun {
  /** The virtual environment with the suite. */
  python: string;
  origin: string;
  adminPassword: string;
  /** Where it works. */
  folder: string;
}

/** Runs a suite's tests of one area, and gives how each went. */
export async function runArea(
  { package: name, concurrency, readsVariables }: ClientSuite,
  area: string,
  run: SuiteRun,
): Promise<Outcome[]> {
  const folder = join(run.folder, `${name}-${area.replaceAll('/', '-')}`);
  await mkdir(folder, { recursive: true });
  const clouds = join(folder, 'clouds.yaml');
  await writeFile(clouds, cloudsYaml(run.origin, run.adminPassword), { mode: 0o600 });
  // Tests of images upload it, as they find it in the sources.
  await writeFile(join(folder, 'CONTRIBUTING.rst'), 'any bytes\n');
  const python = join(run.python, 'bin/python');
  const variables = readsVariables ? { ...clientEnvironment(run.origin), OS_PASSWORD: run.adminPassword } : {};
  const where = 'import os, sys; print(os.path.dirname(__import__(sys.argv[1]).__file__))';
  const [top = ''] = await linesOf(python, ['-c', where, name], folder, variables);
  const tests = [`--test-path=${top}/tests/functional/${area}`, `--top-dir=${join(top, '..')}`];
  const reader = new OutcomeReader();
  const told: string[] = [];
  const words = ['-m', 'stestr', ...tests, 'run', `--concurrency=${concurrency}`];
  await linesOf(python, words, folder, variables, (line) => {
    if (!reader.read(line)) told.push(line);
  });
  if (reader.outcomes.length === 0) throw new Error(`${name} ran no test of ${area}:\n${told.slice(-20).join('\n')}`);
  return reader.outcomes;
}

async function linesOf(
  python: string,
  args: string[],
  folder: string,
  variables: Record<string, string>,
  onLine: (line: string) => void = () => {},
): Promise<string[]> {
  const programs = join(python, '..');
  const env = {
    ...variables,
    PATH: `${programs}:${process.env['PATH']}`,
    PYTHON: python,
    HOME: folder,
    LANG: 'C.UTF-8',
    OS_CLIENT_CONFIG_FILE: join(folder, 'clouds.yaml'),
    OS_TEST_TIMEOUT: '600',
    // Where the older clients look for their programs, and what they find there.
    TOX_ENV_DIR: join(programs, '..'),
    OS_NOVACLIENT_NETWORK: 'private',
    OS_CINDERCLIENT_EXEC_DIR: programs,
    OS_GLANCECLIENT_EXEC_DIR: programs,
    OS_STDOUT_CAPTURE: '1',
    OS_STDERR_CAPTURE: '1',
    OS_LOG_CAPTURE: '1',
  };
  const child = spawn(python, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    onLine(line);
  });
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return lines;
}

/** Tests that fail, each with its reason: `client-suites.tsv`. */
export function knownFailures(suite: string): Map<string, string> {
  const lines = readFileSync(join(import.meta.dirname, 'client-suites.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  const rows = lines.map((line) => line.split('\t'));
  return new Map(rows.filter(([of]) => of === suite).map(([, test = '', reason = '']) => [test, reason]));
}
