import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveImage } from '../../src/cli/conformance/zstack/image-server.ts';
import { findJavaSdk, runJavaSdk, type SdkOutcome } from '../../src/cli/conformance/zstack/java-sdk.ts';
import { TestCloud } from '../support/cloud.ts';

const found = await findJavaSdk();
const obstacle = 'obstacle' in found ? found.obstacle : undefined;
if (obstacle) console.warn(`ZStack's Java SDK is not tested: ${obstacle}`);

describe.skipIf(obstacle)("ZStack's Java SDK", () => {
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

  it('makes a server with everything around it, with a session and with an access key, and takes it away', async () => {
    const outcomes: SdkOutcome[] = [];
    const whole = { origin: cloud.origin, adminPassword: 'test-password', imageUrl: images.url };
    for await (const outcome of runJavaSdk('jar' in found ? found.jar : '', whole)) outcomes.push(outcome);
    expect(outcomes.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
    expect(outcomes.at(-1)).toEqual({ call: 'QueryZone, refused' });
  }, 900_000);
});
