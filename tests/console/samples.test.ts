import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiCall } from '../../console/src/lib/api.ts';
import { type SampleForm, sample } from '../../console/src/lib/samples.ts';
import { TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
let folder: string;
let env: NodeJS.ProcessEnv;
const limit = 300_000;
const projectId = '36c27e8ff05c4780bf6d2fa65700f22e';
/** Everything that a shell or a string of a language could trip over. */
const hard = `it's "a" \\ $HOME \`x\` %s 雲`;

beforeAll(async () => {
  cloud = await TestCloud.start();
  folder = await mkdtemp(join(tmpdir(), 'unkai-samples-'));
  // Tells the status of curl's answers, without a word in the sample.
  await writeFile(join(folder, '.curlrc'), 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n');
  env = {
    ...process.env,
    // As on a reader's desk; without any Java prints question marks.
    LC_ALL: 'C.UTF-8',
    CURL_HOME: folder,
    OS_TOKEN: (await cloud.openstack()).token,
    ZSTACK_SESSION: (await cloud.zstack()).session,
  };
}, limit);

afterAll(async () => {
  await cloud?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Requests of every service, with and without bodies. */
const calls: ReadonlyArray<[status: number, call: ApiCall]> = [
  [200, { method: 'GET', path: '/compute/v2.1/flavors?limit=2' }],
  [200, { method: 'GET', path: '/unkai/v1/overview' }],
  [200, { method: 'GET', path: '/zstack/v1/zones' }],
  [200, { method: 'GET', path: '/image/v2/images' }],
  [201, { method: 'POST', path: '/network/v2.0/networks', body: { network: { name: hard, description: '' } } }],
  [202, { method: 'POST', path: `/volume/v3/${projectId}/volumes`, body: { volume: { name: hard, size: 1 } } }],
  [
    201,
    {
      method: 'POST',
      path: '/image/v2/images',
      body: { name: hard, disk_format: 'raw', container_format: 'bare' },
      headers: { 'X-Note': 'plain' },
    },
  ],
];

interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

async function run(command: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const child = spawn(command, args, { cwd: folder, env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    out += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    err += text.toString();
  });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

/** How the sample of each language is run, as a reader would run it. */
const runners = {
  curl: (text) => run('bash', ['-c', text]),
  httpie: (text) => run('bash', ['-c', text]),
  typescript: (text) => inFile('sample.ts', text, process.execPath, []),
  python: (text) => inFile('sample.py', text, 'python3', []),
  go: (text) => inFile('sample.go', text, 'go', ['run']),
  java: (text) => inFile('Call.java', text, 'java', []),
} satisfies Partial<Record<SampleForm, (text: string) => Promise<Outcome>>>;

async function inFile(name: string, text: string, command: string, args: readonly string[]): Promise<Outcome> {
  const file = join(folder, name);
  await writeFile(file, text);
  return await run(command, [...args, file]);
}

function has(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

describe.each(['curl', 'typescript', 'python'] as const)('samples in %s', (form) => {
  test.each(calls)(
    'are answered with %i (request %#)',
    async (status, call) => {
      const { code, out, err } = await runners[form](sample(form, call, cloud.origin)!);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(String(status));
      if (call.body) expect(out).toContain(JSON.stringify(hard).slice(1, -1));
    },
    limit,
  );
});

// Compilers that a machine may not have, and that take seconds for each sample: one that reads, and one that writes.
const slow: ReadonlyArray<[form: 'go' | 'java' | 'httpie', isThere: boolean]> = [
  ['go', has('go', 'version')],
  ['java', has('javac', '-version')],
  ['httpie', has('http', '--version')],
];
for (const [form, isThere] of slow.filter(([, there]) => there)) {
  test(
    `samples in ${form} are answered`,
    async () => {
      expect(isThere).toBe(true);
      for (const [status, call] of [calls[0]!, calls[4]!]) {
        const { code, out, err } = await runners[form](sample(form, call, cloud.origin)!);
        expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
        if (form !== 'httpie') expect(out).toContain(String(status));
        if (call.body) expect(out).toContain(JSON.stringify(hard).slice(1, -1));
      }
    },
    2 * limit,
  );
}

const openrc = (origin: string): NodeJS.ProcessEnv => ({
  OS_AUTH_URL: `${origin}/identity/v3`,
  OS_USERNAME: 'admin',
  OS_PASSWORD: 'test-password',
  OS_PROJECT_NAME: 'admin',
  OS_USER_DOMAIN_ID: 'default',
  OS_PROJECT_DOMAIN_ID: 'default',
  OS_IDENTITY_API_VERSION: '3',
  OS_TOKEN: '',
});

const mapped: readonly ApiCall[] = [
  {
    method: 'POST',
    path: '/network/v2.0/networks',
    body: { network: { name: 'by cli', shared: true, description: "it's" } },
  },
  { method: 'POST', path: '/network/v2.0/security-groups', body: { security_group: { name: 'by cli' } } },
  { method: 'POST', path: '/compute/v2.1/flavors', body: { flavor: { name: 'by-cli', vcpus: 1, ram: 256, disk: 1 } } },
  { method: 'POST', path: `/volume/v3/${projectId}/volumes`, body: { volume: { name: 'by cli', size: 1 } } },
  { method: 'POST', path: '/identity/v3/projects', body: { project: { name: 'by cli' } } },
  { method: 'PUT', path: `/compute/v2.1/os-quota-sets/${projectId}`, body: { quota_set: { server_groups: 44 } } },
  { method: 'PUT', path: `/network/v2.0/quotas/${projectId}`, body: { quota: { security_group: 55 } } },
];

if (has('openstack', '--version')) {
  test(
    'samples of the openstack command do what the request does',
    async () => {
      for (const call of mapped) {
        const { code, err } = await run('bash', ['-c', sample('openstack', call, cloud.origin)!], openrc(cloud.origin));
        expect({ call: call.path, code, err: code === 0 ? '' : err }).toEqual({ call: call.path, code: 0, err: '' });
      }
      const client = await cloud.openstack();
      const { networks } = await client.get('/network/v2.0/networks?name=by%20cli');
      expect(networks).toMatchObject([{ shared: true, description: "it's" }]);
      const { quota_set } = await client.get(`/compute/v2.1/os-quota-sets/${projectId}`);
      expect(quota_set).toMatchObject({ server_groups: 44, security_groups: 55 });
      const { flavors } = await client.get('/compute/v2.1/flavors/detail');
      expect(flavors).toContainEqual(expect.objectContaining({ name: 'by-cli', vcpus: 1, ram: 256, disk: 1 }));
    },
    2 * limit,
  );
}

if (has('openstack', '--version')) {
  test(
    'what is said in a line does what the request does, too',
    async () => {
      const client = await cloud.openstack();
      const make = async (path: string, body: object): Promise<{ id: string }> =>
        Object.values((await client.post(path, body)) as Record<string, { id: string }>)[0]!;
      const user = await make('/identity/v3/users', { user: { name: 'deeds', password: 'test-password' } });
      const role = await make('/identity/v3/roles', { role: { name: 'deeds' } });
      const network = await make('/network/v2.0/networks', { network: { name: 'deeds' } });
      const inSubnet = { network_id: network.id, cidr: '10.77.0.0/24', ip_version: 4 };
      const subnet = await make('/network/v2.0/subnets', { subnet: inSubnet });
      const router = await make('/network/v2.0/routers', { router: { name: 'deeds' } });
      const group = await make('/network/v2.0/security-groups', { security_group: { name: 'deeds' } });
      const about = { name: 'deeds', disk_format: 'raw', container_format: 'bare', visibility: 'shared' };
      const image: { id: string } = await client.post('/image/v2/images', about);
      await client.post('/compute/v2.1/os-keypairs', { keypair: { name: 'deeds' } });
      const grant = `/identity/v3/projects/${projectId}/users/${user.id}/roles/${role.id}`;
      const imagePath = `/image/v2/images/${image.id}`;
      const rule = { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp' };
      const ports = { port_range_min: 8000, port_range_max: 8010, remote_ip_prefix: '10.0.0.0/8' };
      const calls: ApiCall[] = [
        { method: 'PATCH', path: `/identity/v3/users/${user.id}`, body: { user: { enabled: false } } },
        { method: 'PUT', path: grant },
        {
          method: 'PUT',
          path: `/network/v2.0/routers/${router.id}/add_router_interface`,
          body: { subnet_id: subnet.id },
        },
        {
          method: 'POST',
          path: '/network/v2.0/security-group-rules',
          body: { security_group_rule: { ...rule, ...ports } },
        },
        { method: 'PATCH', path: imagePath, body: [{ op: 'replace', path: '/name', value: 'renamed-deed' }] },
        { method: 'PATCH', path: imagePath, body: [{ op: 'replace', path: '/protected', value: true }] },
        { method: 'POST', path: `${imagePath}/members`, body: { member: '776a290892b747c4af8cec5d1d1b4a3f' } },
        { method: 'DELETE', path: '/compute/v2.1/os-keypairs/deeds' },
      ];
      // One shell for all of them: starting it takes longer than any of its commands.
      const lines = calls.map((call) => sample('openstack', call, cloud.origin)!.replace(/^openstack /, ''));
      await writeFile(join(folder, 'deeds'), [...lines, 'exit', ''].join('\n'));
      const { out, err } = await run('bash', ['-c', 'openstack < deeds'], openrc(cloud.origin));
      const said = `${out}\n${err}`;
      expect((await client.get(`/identity/v3/users/${user.id}`)).user.enabled, said).toBe(false);
      // Fails where there is none.
      await client.call('HEAD', grant);
      const { ports: interfaces } = await client.get(`/network/v2.0/ports?device_id=${router.id}`);
      expect(interfaces, said).toHaveLength(1);
      const { security_group } = await client.get(`/network/v2.0/security-groups/${group.id}`);
      expect(security_group.security_group_rules, said).toContainEqual(expect.objectContaining({ ...rule, ...ports }));
      expect(await client.get(imagePath), said).toMatchObject({ name: 'renamed-deed', protected: true });
      expect((await client.get(`${imagePath}/members`)).members, said).toHaveLength(1);
      expect((await client.get('/compute/v2.1/os-keypairs')).keypairs, said).toEqual([]);
    },
    2 * limit,
  );
}

if (has('terraform', '-version')) {
  test(
    'samples of Terraform are what Terraform reads',
    async () => {
      for (const call of mapped) {
        const text = sample('terraform', call, cloud.origin)!;
        await writeFile(join(folder, 'sample.tf'), text);
        const { code, err } = await run('terraform', ['fmt', 'sample.tf']);
        expect({ text, code, err: code === 0 ? '' : err }).toEqual({ text, code: 0, err: '' });
      }
    },
    limit,
  );
}

test('a secret stands in no sample', () => {
  const call = {
    method: 'POST',
    path: '/identity/v3/users',
    headers: { 'X-Auth-Token': 'a-real-token' },
    body: { user: { name: 'rin', password: 'a-real-password' } },
  };
  for (const form of ['curl', 'httpie', 'typescript', 'python', 'go', 'java'] as const)
    expect(sample(form, call, 'http://127.0.0.1:8774')).not.toMatch(/a-real-/);
});
