import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OpenStackClient } from './clients/openstack-client.ts';
import { DataFolder } from './data-folder.ts';
import { defaultDataDir } from './defaults.ts';
import { isAlive } from './process-identity.ts';

let root: string;
let dataDir: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'unkai-cli-'));
  dataDir = join(root, 'data');
  mkdirSync(dataDir);
  const cache = new DataFolder(defaultDataDir).cacheDir;
  mkdirSync(cache, { recursive: true });
  symlinkSync(cache, join(dataDir, 'cache'));
});

afterAll(async () => {
  await unkai('down');
  rmSync(root, { recursive: true, force: true });
});

interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs a command on the test's data folder, as a user does. */
function unkai(...args: string[]): Promise<Ended> {
  const main = resolve(import.meta.dirname, 'main.ts');
  const env = { ...process.env, UNKAI_DATA_DIR: dataDir, UNKAI_DATABASE: undefined, UNKAI_HYPERVISOR: undefined };
  return new Promise((ended) => {
    const child = execFile(process.execPath, [main, ...args], { env }, (_error, out, err) => {
      ended({ code: child.exitCode ?? -1, out, err });
    });
  });
}

const up = () => unkai('up', '--hypervisor', 'simulated', '--detach', '--port', '0');
const folder = () => new DataFolder(dataDir);

describe('before the first start', () => {
  test('status, openrc and down say so', async () => {
    expect(await unkai('status')).toMatchObject({ code: 3, out: expect.stringContaining('No cloud in') });
    expect(await unkai('openrc')).toMatchObject({ code: 1, err: expect.stringContaining('unkai up') });
    expect(await unkai('down')).toMatchObject({ code: 1, err: expect.stringContaining('holds no cloud') });
  });

  test('a port that is taken is refused before anything is made', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const { code, err } = await unkai('up', '--port', String(port));
    server.close();
    expect(code).toBe(1);
    expect(err).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(folder().settings()).toBeUndefined();
  });

  test('what is wrong with a data folder is said in words', async () => {
    const other = join(root, 'other');
    const start = (path = other) => unkai('up', '--hypervisor', 'simulated', '--port', '0', '--data-dir', path);
    const refused = (words: string) => ({ code: 1, err: expect.stringMatching(new RegExp(`^unkai: .*${words}`, 'm')) });
    mkdirSync(other);
    symlinkSync(join(dataDir, 'cache'), join(other, 'cache'));

    writeFileSync(join(other, 'unkai.sqlite'), 'this is a letter, not a database, as long as it may be');
    const { code, err } = await start();
    expect({ code, err }).toMatchObject(refused('The file of the database is none'));
    expect(err).not.toContain('    at ');
    expect(await unkai('doctor', '--data-dir', other)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/PROBLEM +database .*file is not a database/),
    });
    expect(await start(join(other, 'unkai.sqlite'))).toMatchObject(refused('Choose another folder'));
    expect(await start('/proc/unkai')).toMatchObject(refused('Choose another folder'));

    writeFileSync(join(other, 'settings.json'), '');
    expect(await start()).toMatchObject(refused('settings.json is damaged'));
    rmSync(join(other, 'settings.json'));
    writeFileSync(join(other, 'run.json'), '{"pid": 1');
    expect(await unkai('status', '--data-dir', other)).toMatchObject({ code: 3, err: '' });
  });

  test('an address for tunnels that this machine has not is refused in words', async () => {
    const none = await unkai('up', '--tunnel-address', 'here');
    expect(none).toMatchObject({
      code: 1,
      err: expect.stringContaining('--tunnel-address here: say the IPv4 address'),
    });
    if (process.getuid?.() !== 0) return console.log('not root: networks of guests are not opened');
    const other = join(root, 'apart');
    mkdirSync(other);
    symlinkSync(join(dataDir, 'cache'), join(other, 'cache'));
    const kind = ['--hypervisor', 'qemu', '--network', 'bridge', '--port', '0', '--data-dir', other];
    const { code, err } = await unkai('up', ...kind, '--tunnel-address', '203.0.113.9');
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/^unkai: .*--tunnel-address ADDRESS, or none/m),
    });
    expect(err).not.toContain('    at ');
    expect(new DataFolder(other).settings()).toBeUndefined();
  });

  test('a start that fails shows the end of the log', async () => {
    const url = 'postgres://nobody:hidden@127.0.0.1:1/unkai';
    const { code, out, err } = await unkai(
      'up',
      '--hypervisor',
      'simulated',
      '--detach',
      '--port',
      '0',
      '--database',
      url,
    );
    expect(code).toBe(1);
    expect(err).toContain('The database unkai on 127.0.0.1:1 can');
    expect(out + err).not.toContain('hidden');
    expect(folder().settings()).toBeUndefined();
  });
});

describe('a cloud in the background', () => {
  test('the first start prints the password once, and keeps it for its owner alone', async () => {
    const { code, out, err } = await up();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const password = folder().adminPassword()!;
    expect(out).toContain(`password ${password}`);
    expect(out).toContain('SIMULATED');
    expect(statSync(folder().passwordFile).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'settings.json')).mode & 0o777).toBe(0o600);
    const client = await OpenStackClient.signIn(folder().running()!.origin, { user: 'admin', password });
    const { images } = await client.get('/image/v2/images?name=TinyLinux');
    expect(images).toMatchObject([
      { status: 'active', visibility: 'public', os_type: 'linux', architecture: 'x86_64' },
    ]);
  });

  test('another start leaves it alone', async () => {
    const before = folder().running();
    expect(await up()).toMatchObject({ code: 0, out: expect.stringContaining('runs already') });
    expect(folder().running()).toEqual(before);
  });

  test('status and openrc tell of it', async () => {
    const { origin, pid } = folder().running()!;
    const { code, out } = await unkai('status', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'ready', origin, pid, hypervisor: 'simulated', servers: {} });
    const lines = (await unkai('openrc')).out.split('\n');
    expect(lines).toContain(`export OS_AUTH_URL=${origin}/identity/v3`);
    expect(lines).toContain(`export OS_PASSWORD=${folder().adminPassword()}`);
  });

  test('down stops it, and the next start finds everything again without a word about the password', async () => {
    const record = folder().running()!;
    const password = folder().adminPassword()!;
    expect(await unkai('down')).toMatchObject({ code: 0, out: expect.stringContaining('go on running') });
    expect(isAlive(record)).toBe(false);
    expect(await unkai('status')).toMatchObject({ code: 3 });

    const { code, out } = await unkai('up', '--detach', '--port', '0');
    expect(code).toBe(0);
    expect(out).not.toContain(password);
    const client = await OpenStackClient.signIn(folder().running()!.origin, { user: 'admin', password });
    expect((await client.get('/image/v2/images')).images).toHaveLength(1);
  });

  test('what a killed one left does not hold up the next', async () => {
    const killed = folder().running()!;
    process.kill(killed.pid, 'SIGKILL');
    await expect.poll(() => isAlive(killed)).toBe(false);
    expect(await unkai('status')).toMatchObject({ code: 3 });
    expect(await unkai('up', '--detach', '--port', '0')).toMatchObject({ code: 0 });
    expect(folder().running()!.pid).not.toBe(killed.pid);
  });

  test('down --guests stops the servers through the engine', async () => {
    expect(await unkai('down', '--guests')).toMatchObject({
      code: 0,
      out: expect.stringContaining('No virtual machine was running'),
    });
  });
});

test('help is there for each command', async () => {
  const { out } = await unkai('--help');
  for (const name of ['up', 'down', 'status', 'openrc', 'doctor', 'demo', 'test']) {
    expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  }
});
