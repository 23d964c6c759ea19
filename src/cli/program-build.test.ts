import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProgram } from './build-program.ts';
import { OpenStackClient } from './clients/openstack-client.ts';
import { ZStackClient } from './clients/zstack-client.ts';
import { DataFolder } from './data-folder.ts';
import { defaultDataDir } from './defaults.ts';

const checkout = resolve(import.meta.dirname, '../..');
let folder: string;

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((ended) => {
    const { UNKAI_DATABASE: _, UNKAI_HYPERVISOR: __, UNKAI_PROGRAM_BUILD: ___, ...rest } = process.env;
    execFile(program, args, { env: { ...rest, ...env } }, (_error, out, err) => ended(out + err));
  });
}

describe('the program in one piece', () => {
  let builds: string;
  let main: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unkai-program-'));
    const cache = join(checkout, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    builds = mkdtempSync(join(cache, 'unkai-program-test-'));
    main = join(await buildProgram(builds), 'main.mjs');
  });

  afterAll(async () => {
    await run(process.execPath, [main, 'down'], { UNKAI_DATA_DIR: join(folder, 'data') });
    for (const path of [builds, folder]) rmSync(path, { recursive: true, force: true });
  });

  test('is a cloud like that of the sources, in all its dialects', async () => {
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    const images = new DataFolder(defaultDataDir).cacheDir;
    mkdirSync(images, { recursive: true });
    symlinkSync(images, join(dataDir, 'cache'));
    const args = [main, 'up', '--hypervisor', 'simulated', '--detach', '--port', '0'];
    expect(await run(process.execPath, args, { UNKAI_DATA_DIR: dataDir })).toContain('is ready at');

    const data = new DataFolder(dataDir);
    const { origin } = data.running()!;
    const password = data.adminPassword()!;
    const client = await OpenStackClient.signIn(origin, { user: 'admin', password });
    const { images: found } = await client.get('/image/v2/images');
    expect(found).toEqual([expect.objectContaining({ name: 'TinyLinux', status: 'active' })]);
    const image = await client.post('/image/v2/images', {
      name: 'raw',
      disk_format: 'raw',
      container_format: 'bare',
    });
    const sent = await fetch(`${origin}/image/v2/images/${image.id}/file`, {
      method: 'PUT',
      headers: { 'x-auth-token': client.token, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(100_000),
    });
    expect(sent.status).toBe(204);
    expect(await client.get(`/image/v2/images/${image.id}`)).toMatchObject({ status: 'active', size: 100_000 });

    const zstack = await ZStackClient.signIn(origin, { account: 'admin', password });
    expect(await zstack.call('GET', '/images')).toMatchObject({ inventories: [expect.anything(), expect.anything()] });
    const page = await fetch(`${origin}/openapi/k5.json`);
    expect(await page.json()).toMatchObject({ openapi: '3.1.0' });
  });
});

describe('the launcher', () => {
  let root: string;
  const launch = (...args: string[]) => run(join(root, 'unkai'), args, { PATH: process.env['PATH'] });
  const put = (path: string, text: string) => {
    mkdirSync(resolve(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'unkai-launcher-'));
    copyFileSync(join(checkout, 'unkai'), join(root, 'unkai'));
    for (const path of ['package-lock.json', 'node_modules/.unkai-lock', 'package.json', 'guest/a.ts']) put(path, '{}');
    put('src/cli/main.ts', 'console.log("sources, to be built:", "UNKAI_PROGRAM_BUILD" in process.env)');
    put('node_modules/.cache/unkai-program/1/main.mjs', 'console.log("one piece", process.argv[2])');
  });

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('takes the one piece where no source is newer, for what users do with a cloud', async () => {
    expect(await launch('up')).toContain('sources, to be built: true');
    expect(await launch('status')).toContain('sources, to be built: false');

    put('node_modules/.cache/unkai-program/current', '1\n');
    expect(await launch('up')).toContain('one piece up');
    expect(await launch('status')).toContain('one piece status');
    expect(await launch('simulate')).toContain('sources, to be built: false');

    put('node_modules/.cache/unkai-program/1/main.mjs', '');
    expect(await launch('up'), 'what a power loss has left').toContain('sources, to be built: true');
    put('node_modules/.cache/unkai-program/1/main.mjs', 'console.log("one piece", process.argv[2])');

    const later = Date.now() / 1000 + 60;
    utimesSync(join(root, 'src/cli/main.ts'), later, later);
    expect(await launch('up')).toContain('sources, to be built: true');
    expect(await launch('down')).toContain('sources, to be built: false');
  });
});
