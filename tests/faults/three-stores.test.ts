import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseStore } from '../../src/assembly/image-stores.ts';
import { type OpenedUnkai, openUnkai } from '../../src/assembly/open-unkai.ts';
import { auditCloud } from '../../src/cloud/audit/audit.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { syncStatusReason } from '../../src/cloud/images/sync-status.ts';
import { withDashes } from '../../src/env/env.ts';
import { hasS3Server, Line, S3Server } from '../support/s3-server.ts';
import { hasSftpServer, SftpServer } from '../support/sftp-server.ts';

const subject = operator();
const peer = 'http://10.7.0.201:9292';
const bytes = randomBytes(20_000_000);
/** In the middle of the copy: behind its beginning, and before its end. */
const middle = 8_000_000;

/** Servers of stores elsewhere. */
const kinds = [
  {
    kind: 's3',
    isThere: hasS3Server,
    start: () => S3Server.start(),
    url: (server: S3Server | SftpServer, port: number) => (server as S3Server).url(port, 120),
  },
  {
    kind: 'sftp',
    isThere: hasSftpServer,
    start: () => SftpServer.start(),
    url: (server: S3Server | SftpServer, port: number) => (server as SftpServer).url(undefined, { port, timeout: 120 }),
  },
] as const;

let folder: string;
let server: S3Server | SftpServer;
let line: Line;
let opened: OpenedUnkai | undefined;
let small: string | undefined;

/** The folder of this host, a store in another zone, and (where the system lets us make one) a small file system there. */
describe.each(kinds)(
  'an image of two zones and three stores: $kind',
  { timeout: 400_000 },
  ({ isThere, start, url }) => {
    beforeEach(async ({ skip }) => {
      skip(!isThere, 'this machine has no such server');
      folder = await mkdtemp(join(tmpdir(), 'unkai-three-stores-'));
      server = await start();
      line = await Line.to(server.port);
    });
    afterEach(async () => {
      if (!isThere) return;
      line.mend();
      await opened?.close();
      opened = undefined;
      if (small) execFileSync('umount', ['-l', small]);
      small = undefined;
      await line[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    const farStore = () => `name=far,zone=zone-2,address=${peer},url=${url(server, line.port)}`;

    async function open() {
      opened = await openUnkai({
        dataDir: join(folder, 'cloud'),
        hypervisor: 'simulated',
        adminPassword: 'secret',
        log: pino({ level: 'silent' }),
        imageStores: [parseStore(farStore())],
      });
      return opened.cloud;
    }

    async function uploaded(): Promise<string> {
      const { images } = opened!.cloud;
      const { id } = await images.create(subject, { name: 'copied', diskFormat: 'raw', containerFormat: 'bare' });
      await images.upload(subject, id, [bytes] as never, {});
      return id;
    }

    const reasonOf = async (id: string) => syncStatusReason({ id }, await opened!.cloud.images.replicasOf([id]));
    const failureOf = (id: string) =>
      `ERROR:A failure occurred during synchronize image the server(${peer}) in the image operation. image_id=${withDashes(id)}`;

    /** A resync brings what is missing; then every copy is the image, and the audit has nothing to say. */
    async function heals(id: string, stores: readonly string[], storeIds?: readonly string[]): Promise<void> {
      const { images, imageStores, runner } = opened!.cloud;
      await images.copies.resync(subject, id, storeIds);
      await runner.idle();
      expect(await reasonOf(id)).toBeUndefined();
      for (const name of stores) {
        const hash = createHash('sha512');
        for await (const chunk of await imageStores.driver(imageStores.byName(name)!.id).read(id)) hash.update(chunk);
        expect(hash.digest('hex'), name).toBe(createHash('sha512').update(bytes).digest('hex'));
      }
      expect((await auditCloud(opened!.cloud)).filter(({ level }) => level === 'violation')).toEqual([]);
    }

    it('heals after its line was cut in the middle', async () => {
      const { runner } = await open();
      line.cutAfter = line.sent + middle;
      const id = await uploaded();
      await runner.idle();
      expect(line.isCut).toBe(true);
      expect(await reasonOf(id)).toBe(failureOf(id));
      line.mend();
      await heals(id, ['default', 'far']);
    });

    it('heals after the server that it was copied to was killed in the middle', async () => {
      const { runner } = await open();
      const silent = new Promise<void>((done) => {
        line.onSilence = done;
      });
      line.silentAfter = line.sent + middle;
      const id = await uploaded();
      await silent;
      await server.kill();
      line.mend();
      await runner.idle();
      expect(await reasonOf(id)).toBe(failureOf(id));
      await server.run();
      await heals(id, ['default', 'far']);
    });

    it('goes on after the cloud that copied it was killed in the middle', async () => {
      const file = join(folder, 'image.raw');
      await writeFile(file, bytes);
      const silent = new Promise<void>((done) => {
        line.onSilence = done;
      });
      line.silentAfter = line.sent + middle;
      const program = resolve(import.meta.dirname, 'store-cloud.ts');
      const child = spawn(process.execPath, [program, join(folder, 'cloud'), farStore(), file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      try {
        const [id] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
        await silent;
        child.kill('SIGKILL');
        await ended;
        line.mend();
        const { runner } = await open();
        // Without being asked: the action that was cut off goes on.
        await runner.idle();
        expect(await reasonOf(id)).toBeUndefined();
        await heals(id, ['default', 'far']);
      } finally {
        child.kill('SIGKILL');
      }
    });

    it('heals after there was no room for it', async ({ skip }) => {
      const { imageStores, zones, runner, images } = await open();
      small = join(server.folder, 'small');
      await mkdir(small);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small], { stdio: 'pipe' });
      } catch {
        small = undefined;
        skip('this machine lets nobody mount a small file system');
      }
      const place = join(small!, 'store');
      const smallStore =
        server instanceof SftpServer ? ({ kind: 'sftp', url: server.url(place) } as const) : { url: place };
      if (server instanceof SftpServer) server.give(small!);
      const zone = await zones.ensure('zone-2');
      const store = await imageStores.add({ name: 'small', ...smallStore, address: peer, zoneIds: [zone] });
      const id = await uploaded();
      await images.copies.resync(subject, id, [store.id]);
      await runner.idle();
      expect(await reasonOf(id)).toBe(failureOf(id));
      execFileSync('mount', ['-o', 'remount,size=64m', small!]);
      await heals(id, ['default', 'far', 'small'], [store.id]);
    });
  },
);
