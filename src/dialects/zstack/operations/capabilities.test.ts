import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

describe('what an account can do', () => {
  let test: TestZStack;
  let alice: SettledAccount;
  beforeAll(async () => {
    test = await TestZStack.start();
    alice = await SettledAccount.settle(test, 'alice');
  });
  afterAll(async () => {
    await test?.stop();
  });

  it('is told of each request by the rule that decides on it', async () => {
    const apiNames = ['org.zstack.header.image.APIAddImageMsg', 'org.zstack.header.zone.APICreateZoneMsg'];
    const body = { checkApiPermission: { apiNames } };
    const path = '/accounts/permissions/actions';
    const own = await test.call('PUT', path, body, alice.headers);
    expect(own.json['inventory']).toEqual({ [apiNames[0]!]: 'Allow', [apiNames[1]!]: 'Deny' });
    const admin = await test.call('PUT', path, body);
    expect(admin.json['inventory']).toEqual({ [apiNames[0]!]: 'Allow', [apiNames[1]!]: 'Allow' });
    const nothing = { checkApiPermission: { apiNames: ['APIFlyMsg'] } };
    expect((await test.call('PUT', path, nothing)).json['error']).toMatchObject({ code: 'SYS.1007' });
  });

  it('is which images go with which networks', async () => {
    const zone = (await test.query('/zones'))[0]!['uuid'];
    const ask = async (more: string, zoneUuid = zone) => {
      const path = `/images-l3networks/dependencies?zoneUuid=${zoneUuid}${more}`;
      return (await test.call('GET', path, undefined, alice.headers)).json;
    };
    const uuids = (json: Body) => (json['inventories'] as Body[]).map(({ uuid }) => uuid);
    expect(uuids(await ask(`&imageUuid=${alice.own['image']}`))).toContain(alice.own['l3Network']);
    expect(uuids(await ask(`&l3NetworkUuids=${alice.own['l3Network']}`))).toContain(alice.own['image']);
    expect((await ask('&imageUuid=nothing'))['error']).toMatchObject({ code: 'SYS.1003' });
    expect((await ask('&l3NetworkUuids=nothing'))['error']).toMatchObject({ code: 'SYS.1003' });
    const elsewhere = '0'.repeat(32);
    const network = `&l3NetworkUuids=${alice.own['l3Network']}`;
    expect(uuids(await ask(network, elsewhere))).toEqual([]);
    expect((await ask(`${network}&raiseException=true`, elsewhere))['error']).toMatchObject({ code: 'SYS.1007' });
    expect((await ask(''))['error']).toMatchObject({ code: 'SYS.1007' });
  });
});
