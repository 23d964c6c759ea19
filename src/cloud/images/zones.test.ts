import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasS3Server, Line, S3Server } from '../../../tests/support/s3-server.ts';
import { withDashes } from '../../env/env.ts';
import { syncStatusReason } from './sync-status.ts';
import { inPieces, TestCloud, testSubject } from './test-cloud.ts';

const alice = testSubject('alice');
const raw = { diskFormat: 'raw', containerFormat: 'bare' } as const;
const peer = 'http://10.7.0.201:9292';

/** A zone with a folder, a zone with a bucket of a real S3 server, and between them a line that can be cut. */
describe.skipIf(!hasS3Server)('an image of two zones', () => {
  let server: S3Server;
  let line: Line;
  let cloud: TestCloud;
  let far: string;

  beforeAll(async () => {
    server = await S3Server.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    line = await Line.to(server.port);
  });
  afterEach(async () => {
    line.mend();
    await cloud.stop();
    await line[Symbol.asyncDispose]();
  });

  /** Silence is borne for so many seconds: a slow machine is no reason to give up, where a test is not about that. */
  async function open(patience = 120): Promise<void> {
    cloud = await TestCloud.start({ copyTimeout: patience });
    const place = { name: 'far', kind: 's3', url: server.url(line.port, patience), address: peer } as const;
    far = (await cloud.stores.add({ ...place, zoneIds: [cloud.zones.beta] })).id;
  }

  const reasonOf = async (id: string) => syncStatusReason({ id }, await cloud.images.replicasOf([id]));

  async function uploaded(bytes: Buffer, storeId?: string): Promise<string> {
    const { id } = await cloud.images.create(alice, { ...raw, name: 'i' });
    await cloud.images.upload(alice, id, inPieces(bytes), { storeId });
    return id;
  }

  async function copyIn(store: string, id: string): Promise<Buffer> {
    return await buffer(await cloud.stores.driver(store).read(id));
  }

  it('tells the zone of its origin that the other one lacks it, until a resync has healed it', async () => {
    await open();
    const bytes = randomBytes(20_000_000);
    line.cutAfter = line.sent + 5_000_000;
    const id = await uploaded(bytes);
    expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'active', originStoreId: cloud.storeId });
    await cloud.core.runner.idle();
    expect(await reasonOf(id)).toBe(
      `ERROR:A failure occurred during synchronize image the server(${peer}) in the image operation. ` +
        `image_id=${withDashes(id)}`,
    );
    line.mend();
    await cloud.images.copies.resync(alice, id);
    await cloud.core.runner.idle();
    expect(await reasonOf(id)).toBeUndefined();
    expect((await copyIn(far, id)).equals(bytes)).toBe(true);
  }, 400_000);

  it('says that the time was up, in the words of K5, when the other zone falls silent', async () => {
    await open(2);
    const bytes = randomBytes(20_000_000);
    line.freeze();
    const id = await uploaded(bytes);
    await cloud.core.runner.idle();
    expect(await reasonOf(id)).toBe(
      `ERROR:A timeout occurred during synchronize image the server(${peer}) in the image operation. ` +
        `image_id=${withDashes(id)}`,
    );
  }, 400_000);

  it('is fetched from where the line was cut, not from its beginning', async () => {
    await open();
    const bytes = randomBytes(20_000_000);
    const { received } = line;
    // Long before the end, and long after the beginning: what came before is not asked for again.
    const cut = line.received + 12_000_000;
    const id = await cloud.images.create(alice, { ...raw, name: 'i' }).then((image) => image.id);
    const mended = new Promise<void>((resolve) => {
      const stop = cloud.core.env.every(20, () => {
        if (!line.isCut) return;
        stop();
        line.mend();
        resolve();
      });
    });
    line.cutAfterReceived = cut;
    await cloud.images.upload(alice, id, inPieces(bytes), { storeId: far });
    await mended;
    await cloud.core.runner.idle();
    expect(await reasonOf(id)).toBeUndefined();
    expect((await copyIn(cloud.storeId, id)).equals(bytes)).toBe(true);
    expect(line.received - received).toBeLessThan(30_000_000);
  }, 400_000);
});
