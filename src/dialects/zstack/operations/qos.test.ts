import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/simulated-host.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { desiredNetworks } from '../../../cloud/networks/host-networks/desired-networks.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(() => zstack.stop());

const failing = (code: string, details: unknown) => ({ status: 503, json: { error: { code, details } } });
const put = (path: string, body: Body) => zstack.run('PUT', `${path}/actions`, body, alice.headers);
const qosOf = async (path: string) => (await zstack.call('GET', path, undefined, alice.headers)).json;

async function limitsInGuest(volumeId: string): Promise<unknown> {
  const { hostId } = await zstack.cloud.servers.byId(alice.own['vm']!);
  const agent = zstack.cloud.hosts.agent(hostId!) as SimulatedHost;
  return agent.guestSpec(alice.own['vm']!)!.disks.find((disk) => disk.volumeId === volumeId)!.limits;
}

describe('limits of a volume', () => {
  it('are told to the guest that has it, data volume or root', async () => {
    for (const uuid of [alice.own['volume']!, alice.own['rootVolume']!]) {
      const set = (body: Body) => put(`/volumes/${uuid}`, { setVolumeQos: body });
      expect(await set({ mode: 'total', volumeBandwidth: 1_048_576, totalIOPS: 500 })).toMatchObject({
        status: 200,
        json: { inventory: { uuid } },
      });
      expect(await limitsInGuest(uuid)).toEqual({ totalBytes: { rate: 1_048_576 }, totalRequests: { rate: 500 } });
      expect(await qosOf(`/volumes/${uuid}/qos`)).toMatchObject({
        ...{ volumeUuid: uuid, volumeBandwidth: 1_048_576, iopsTotal: 500, volumeBandwidthRead: -1 },
        ...{ volumeBandwidthUpthreshold: -1, iopsWriteUpthreshold: -1 },
      });
      expect((await set({ mode: 'read', volumeBandwidth: 4096, totalIOPS: 7 })).status).toBe(200);
      expect((await set({ writeBandwidth: 8192 })).status).toBe(200);
      const apart = { readBytes: { rate: 4096 }, writeBytes: { rate: 8192 }, totalRequests: { rate: 500 } };
      expect(await limitsInGuest(uuid)).toEqual(apart);
      const remove = (query: string) => zstack.run('DELETE', `/volumes/${uuid}/qos${query}`, undefined, alice.headers);
      expect(await remove('?mode=read')).toMatchObject({ status: 200, json: { inventory: { uuid } } });
      expect(await remove('?mode=')).toMatchObject({ status: 200, json: { inventory: { uuid } } });
      expect(await limitsInGuest(uuid)).toEqual({ writeBytes: { rate: 8192 } });
      await remove('?mode=all');
      expect(await limitsInGuest(uuid)).toBe(undefined);
    }
  });

  it('are held to along with those of its offering, of which the lower ones hold', async () => {
    const { flavor } = await zstack.cloud.servers.byId(alice.own['vm']!);
    const extraSpecs = JSON.stringify({ ...flavor, extraSpecs: { 'quota:disk_total_iops_sec': '100' } });
    await zstack.cloud.db.write((tx) =>
      tx.updateTable('servers').set({ flavor: extraSpecs }).where('id', '=', alice.own['vm']!).execute(),
    );
    const uuid = alice.own['rootVolume']!;
    await put(`/volumes/${uuid}`, { setVolumeQos: { totalIOPS: 1000, readBandwidth: 4096 } });
    expect(await limitsInGuest(uuid)).toEqual({ totalRequests: { rate: 100 }, readBytes: { rate: 4096 } });
    const shown = { iopsTotal: 100, iopsTotalUpthreshold: 100, volumeBandwidthRead: 4096 };
    expect(await qosOf(`/volumes/${uuid}/qos`)).toMatchObject(shown);
    await put(`/volumes/${uuid}`, { setVolumeQos: { totalIOPS: 10 } });
    expect(await limitsInGuest(uuid)).toMatchObject({ totalRequests: { rate: 10 } });
  });

  it('hold for a volume that no server has from when it is attached', async () => {
    const params = { name: 'free', diskSize: 2 ** 30 };
    const { json } = await zstack.run('POST', '/volumes/data', { params }, alice.headers);
    const uuid = String((json['inventory'] as Body)['uuid']);
    expect((await put(`/volumes/${uuid}`, { setVolumeQos: { readIOPS: 5 } })).status).toBe(200);
    await zstack.run('POST', `/volumes/${uuid}/vm-instances/${alice.own['vm']}`, { params: {} }, alice.headers);
    expect(await limitsInGuest(uuid)).toEqual({ readRequests: { rate: 5 } });
  });

  it.each([
    [{}, 'at least one bandwidth or IOPS must be set'],
    [{ totalIOPS: 5, readIOPS: 5 }, 'a total can not be set along with a limit of reads or writes'],
    [{ readBandwidth: 5 }, 'the bandwidth of a volume must be at least 1024 bytes a second'],
    [{ readBandwidth: -5 }, expect.stringContaining('readBandwidth')],
  ])('are refused where they are no limits: %j', async (body, details) => {
    expect(await put(`/volumes/${alice.own['volume']}`, { setVolumeQos: body })).toMatchObject(
      failing('SYS.1007', details),
    );
  });
});

describe('limits of an interface', () => {
  const path = () => `/vm-instances/${alice.own['nic']}`;

  async function bandwidth(): Promise<unknown> {
    const { hostId } = await zstack.cloud.servers.byId(alice.own['vm']!);
    const { ports } = await desiredNetworks(zstack.cloud.db, [{ hostId: hostId!, seat: 0 }]);
    return ports.find(({ portId }) => portId === alice.own['nic'])!.bandwidth;
  }

  it('are told to its host, and the lower one holds of them and of a policy', async () => {
    expect(await put(path(), { setNicQos: { outboundBandwidth: 1_000_000, inboundBandwidth: 0 } })).toMatchObject({
      status: 200,
    });
    expect(await bandwidth()).toEqual({ egress: 1_000_000 });
    await put(path(), { setNicQos: { inboundBandwidth: 9_000_000 } });
    const { qosPolicies, ports } = zstack.cloud.networks;
    const [policy] = await qosPolicies.create(operator(), [{ name: 'slow', shared: true }]);
    await qosPolicies.addRule(operator(), policy!.id, { direction: 'ingress', maxKbps: 500, maxBurstKbps: 0 });
    await ports.update(operator(), alice.own['nic']!, { qosPolicyId: policy!.id });
    expect(await bandwidth()).toEqual({ egress: 1_000_000, ingress: 500_000 });
    expect(await qosOf(`${path()}/nic-qos`)).toEqual({
      ...{ outboundBandwidth: 1_000_000, outboundBandwidthUpthreshold: -1 },
      ...{ inboundBandwidth: 500_000, inboundBandwidthUpthreshold: 500_000 },
    });
    const remove = (direction: string) =>
      zstack.run('DELETE', `${path()}/nic-qos?direction=${direction}`, undefined, alice.headers);
    await remove('in');
    expect(await bandwidth()).toEqual({ egress: 1_000_000, ingress: 500_000 });
    await remove('out');
    expect(await bandwidth()).toEqual({ ingress: 500_000 });
    expect(await remove('up')).toMatchObject(failing('SYS.1007', expect.stringContaining('direction')));
  });

  it('are refused where they are none, or of no interface', async () => {
    expect(await put(path(), { setNicQos: {} })).toMatchObject(
      failing('SYS.1007', 'outboundBandwidth or inboundBandwidth must be set'),
    );
    expect(await put(path(), { setNicQos: { outboundBandwidth: 5 } })).toMatchObject(
      failing('SYS.1007', 'the bandwidth of an interface must be at least 8192 bits per second'),
    );
    const wrong = `/vm-instances/${alice.own['vm']}`;
    expect(await put(wrong, { setNicQos: { outboundBandwidth: 8192 } })).toMatchObject(
      failing('SYS.1003', expect.stringContaining('type:VmNicVO')),
    );
  });
});
