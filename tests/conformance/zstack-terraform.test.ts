import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveImage } from '../../src/cli/conformance/zstack/image-server.ts';
import { findProvider, runProvider, type TerraformOutcome } from '../../src/cli/conformance/zstack/terraform.ts';
import { TestCloud } from '../support/cloud.ts';

const found = await findProvider();
const obstacle = 'obstacle' in found ? found.obstacle : undefined;
if (obstacle) console.warn(`ZStack's Terraform provider is not tested: ${obstacle}`);

describe.skipIf(obstacle)("ZStack's Terraform provider", () => {
  let cloud: TestCloud;
  let images: Awaited<ReturnType<typeof serveImage>>;

  beforeAll(async () => {
    cloud = await TestCloud.start({});
    images = await serveImage();
  }, 300_000);

  afterAll(async () => {
    await images?.stop();
    await cloud?.close();
  });

  /** What an administrator sets up once, by hand. */
  async function l2Network(): Promise<string> {
    const client = await cloud.zstack();
    const { inventories } = await client.call('GET', '/zones');
    const params = { name: 'wire', zoneUuid: inventories[0].uuid, vlan: 100, physicalInterface: 'eth0' };
    return (await client.call('POST', '/l2-networks/vlan', { params })).inventory.uuid;
  }

  it('makes a server with image, network, volumes and security group, sees no change, and takes all away', async () => {
    const provided = { origin: cloud.origin, adminPassword: 'test-password', imageUrl: images.url };
    const program = 'program' in found ? found.program : '';
    const outcomes: TerraformOutcome[] = [];
    const whole = { ...provided, l2NetworkUuid: await l2Network() };
    for await (const outcome of runProvider(program, whole)) outcomes.push(outcome);
    expect(outcomes).toEqual([{ step: 'apply' }, { step: 'a second plan' }, { step: 'destroy' }]);
  }, 900_000);
});
