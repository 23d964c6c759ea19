import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { TestCloud } from '../support/cloud.ts';
import { curl, shapeOf } from './curl.ts';

/** The three pages of Fujitsu's K5 that Unkai began with, request by request and field by field. */
describe("K5's reference", () => {
  let cloud: TestCloud;
  let client: OpenStackClient;
  let base: string;
  let imageId: string;

  const send = (method: string, path: string, body?: unknown) =>
    curl(
      ...['-X', method, base + path, '-H', `X-Auth-Token: ${client.token}`, '-H', 'Content-Type: application/json'],
      ...(body === undefined ? [] : ['-d', JSON.stringify(body)]),
    );
  const act = async (id: string, body: object) => {
    const answer = await send('POST', `/servers/${id}/action`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    await settled(id);
    return answer;
  };
  const settled = async (id: string) => {
    await expect
      .poll(async () => (await client.get(`/compute/v2.1/servers/${id}`)).server['OS-EXT-STS:task_state'], {
        interval: 20,
      })
      .toBeNull();
  };
  const create = async (extra: object = {}) => {
    const { server } = await client.post('/compute/v2.1/servers', {
      server: { name: 'page', imageRef: imageId, flavorRef: '42', ...extra },
    });
    await settled(server.id);
    return server.id as string;
  };
  const fromVolume = () =>
    create({
      imageRef: '',
      block_device_mapping_v2: [
        {
          uuid: imageId,
          source_type: 'image',
          destination_type: 'volume',
          boot_index: 0,
          volume_size: 1,
          delete_on_termination: true,
        },
      ],
    });

  beforeAll(async () => {
    cloud = await TestCloud.start({ tinyLinux: true });
    client = await cloud.openstack();
    base = `${cloud.origin}/v2/${client.projectId}`;
    imageId = (await client.get('/image/v2/images?name=TinyLinux')).images[0].id;
  });

  afterAll(async () => {
    await cloud?.close();
  });

  describe('Rebuild server', () => {
    const request = (extra: object = {}) => ({
      rebuild: {
        imageRef: imageId,
        name: 'foobar',
        adminPass: 'seekr3t',
        accessIPv4: '1.2.3.4',
        accessIPv6: 'fe80::100',
        metadata: { 'meta var': 'meta val' },
        ...extra,
      },
    });

    it('answers as its example does', async () => {
      const id = await create();
      const { status, headers, body } = await act(id, request());
      expect(status).toBe(202);
      expect(headers.get('location')).toMatch(new RegExp(`^${cloud.origin}/v2/.*/servers/${id}$`));
      expect(shapeOf(body)).toEqual(
        [
          'server.accessIPv4',
          'server.accessIPv6',
          'server.addresses.default[].addr',
          'server.addresses.default[].version',
          'server.adminPass',
          'server.created',
          'server.flavor.id',
          'server.flavor.links[].href',
          'server.flavor.links[].rel',
          'server.hostId',
          'server.id',
          'server.image.id',
          'server.image.links[].href',
          'server.image.links[].rel',
          'server.links[].href',
          'server.links[].rel',
          'server.metadata.meta var',
          'server.name',
          'server.progress',
          'server.status',
          'server.tenant_id',
          'server.updated',
          'server.user_id',
        ].sort(),
      );
      expect(body.server).toMatchObject({
        id,
        accessIPv4: '1.2.3.4',
        accessIPv6: 'fe80::100',
        adminPass: 'seekr3t',
        name: 'foobar',
        metadata: { 'meta var': 'meta val' },
        image: { id: imageId },
        tenant_id: client.projectId,
      });
      expect(body.server.hostId).toMatch(/^[0-9a-f]{56}$/);
      expect(body.server.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(body.server.links.map(({ rel }: { rel: string }) => rel)).toEqual(['self', 'bookmark']);
      expect(body.server.links[1].href).not.toContain('/v2/');
    });

    it('takes the image as a URL too, and ignores members it does not know', async () => {
      const id = await create();
      const { status } = await act(id, request({ imageRef: `${base}/images/${imageId}`, surprise: 1 }));
      expect(status).toBe(202);
    });

    it('counts metadata in bytes', async () => {
      const id = await create();
      const wide = '雲'.repeat(85);
      expect((await act(id, request({ metadata: { k: wide } }))).status).toBe(202);
      const tooWide = await send('POST', `/servers/${id}/action`, request({ metadata: { k: `${wide}x` } }));
      expect(tooWide.status).toBe(400);
      expect(tooWide.body.badRequest.code).toBe(400);
    });

    it('refuses what is not there, and what is not JSON, in its own words', async () => {
      const id = await create();
      const noImage = await send(
        'POST',
        `/servers/${id}/action`,
        request({ imageRef: '70a599e0-31e7-49b7-b260-868f441e862b' }),
      );
      expect(noImage.status).toBe(400);
      expect(noImage.body.badRequest.message).toBeTruthy();
      const noServer = await send('POST', '/servers/70a599e0-31e7-49b7-b260-868f441e862b/action', request());
      expect(noServer.status).toBe(404);
      expect(noServer.body.itemNotFound.code).toBe(404);
      const broken = await curl(
        '-X',
        'POST',
        `${base}/servers/${id}/action`,
        '-H',
        `X-Auth-Token: ${client.token}`,
        '-d',
        '{"rebuild":',
      );
      expect(broken.status).toBe(400);
      const nobody = await curl('-X', 'POST', `${base}/servers/${id}/action`, '-d', JSON.stringify(request()));
      expect(nobody.status).toBe(401);
    });
  });

  describe('Show server action details', () => {
    const details = async (id: string, requestId: string) => {
      const { status, body } = await send('GET', `/servers/${id}/os-instance-actions/${requestId}`);
      expect(status).toBe(200);
      return body.instanceAction;
    };
    const requestIdOf = (answer: { headers: Map<string, string> }) => answer.headers.get('x-compute-request-id')!;
    const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

    /** The page's nine examples: what was done before, the request, and the events it lists, newest first. */
    const pages: Array<{ action: string; before?: object[]; volume?: boolean; body: object; events: string[] }> = [
      { action: 'reboot', body: { reboot: { type: 'SOFT' } }, events: ['compute_reboot_instance'] },
      {
        action: 'rebuild',
        before: [{ 'os-stop': null }],
        body: { rebuild: { imageRef: 'IMAGE' } },
        events: ['compute_stop_instance', 'compute_rebuild_instance'],
      },
      {
        action: 'resize',
        body: { resize: { flavorRef: '84' } },
        events: ['compute_finish_resize', 'compute_resize_instance', 'compute_prep_resize', 'cold_migrate'],
      },
      {
        action: 'confirmResize',
        before: [{ resize: { flavorRef: '84' } }],
        body: { confirmResize: null },
        events: ['compute_confirm_resize'],
      },
      {
        action: 'revertResize',
        before: [{ 'os-stop': null }, { resize: { flavorRef: '84' } }],
        body: { revertResize: null },
        events: ['compute_stop_instance', 'compute_finish_revert_resize', 'compute_revert_resize'],
      },
      { action: 'shelve', volume: true, body: { shelve: null }, events: ['compute_shelve_offload_instance'] },
      {
        action: 'unshelve',
        volume: true,
        before: [{ shelve: null }],
        body: { unshelve: null },
        events: ['compute_unshelve_instance', 'schedule_instances'],
      },
      {
        action: 'start',
        before: [{ 'os-stop': null }],
        body: { 'os-start': null },
        events: ['compute_start_instance'],
      },
      { action: 'stop', body: { 'os-stop': null }, events: ['compute_stop_instance'] },
    ];

    it.each(pages)('shows $action as its example does', async ({ action, before = [], volume, body, events }) => {
      const id = await (volume ? fromVolume() : create());
      for (const step of before) await act(id, step);
      const answer = await act(id, JSON.parse(JSON.stringify(body).replace('IMAGE', imageId)));
      const shown = await details(id, requestIdOf(answer));
      expect(shown).toMatchObject({
        action,
        instance_uuid: id,
        message: null,
        project_id: client.projectId,
        request_id: requestIdOf(answer),
      });
      expect(Object.keys(shown).sort()).toEqual(
        ['action', 'events', 'instance_uuid', 'message', 'project_id', 'request_id', 'start_time', 'user_id'].sort(),
      );
      expect(shown.events.map((event: { event: string }) => event.event)).toEqual(events);
      for (const event of shown.events) {
        expect(Object.keys(event).sort()).toEqual(['event', 'finish_time', 'result', 'start_time', 'traceback']);
        expect(event).toMatchObject({ result: 'Success', traceback: null });
        expect(event.start_time).toMatch(stamp);
        expect(event.finish_time).toMatch(stamp);
      }
    });

    it('nests the stop of a stopped server inside its rebuild', async () => {
      const id = await create();
      await act(id, { 'os-stop': null });
      const answer = await act(id, { rebuild: { imageRef: imageId } });
      const [stop, rebuild] = (await details(id, requestIdOf(answer))).events;
      expect(stop.start_time > rebuild.start_time).toBe(true);
      expect(stop.finish_time <= rebuild.finish_time).toBe(true);
    });

    it('lists the actions of a server, newest first', async () => {
      const id = await create();
      await act(id, { 'os-stop': null });
      const { status, body } = await send('GET', `/servers/${id}/os-instance-actions`);
      expect(status).toBe(200);
      expect(body.instanceActions.map(({ action }: { action: string }) => action)).toEqual(['stop', 'create']);
    });

    it('does not know actions that were not', async () => {
      const id = await create();
      const { status } = await send(
        'GET',
        `/servers/${id}/os-instance-actions/req-70a599e0-31e7-49b7-b260-868f441e862b`,
      );
      expect(status).toBe(404);
    });
  });

  describe('List images details', () => {
    it('answers as its example does', async () => {
      const { status, body } = await send('GET', '/images/detail');
      expect(status).toBe(200);
      const image = body.images.find(({ id }: { id: string }) => id === imageId);
      expect(Object.keys(image).sort()).toEqual(
        [
          'OS-EXT-IMG-SIZE:size',
          'created',
          'id',
          'links',
          'metadata',
          'minDisk',
          'minRam',
          'name',
          'progress',
          'status',
          'updated',
        ].sort(),
      );
      expect(image).toMatchObject({ name: 'TinyLinux', status: 'ACTIVE', progress: 100 });
      expect(image.links.map(({ rel }: { rel: string }) => rel)).toEqual(['self', 'bookmark', 'alternate']);
      expect(image.links[2].type).toBe('application/vnd.openstack.image');
    });

    it('filters by name, status, type, server and change', async () => {
      const id = await create();
      const made = await act(id, { createImage: { name: 'of-a-server' } });
      expect(made.status).toBe(202);
      const names = async (query: string) => {
        const { status, body } = await send('GET', `/images/detail?${query}`);
        expect(status, query).toBe(200);
        return body.images.map(({ name }: { name: string }) => name).sort();
      };
      expect(await names('name=TinyLinux')).toEqual(['TinyLinux']);
      expect(await names('type=SERVER')).toEqual(['of-a-server']);
      expect(await names('type=ALL&status=ACTIVE')).toEqual(['TinyLinux', 'of-a-server']);
      expect(await names(`server=${encodeURIComponent(`${base}/servers/${id}`)}`)).toEqual(['of-a-server']);
      expect(await names('changes-since=2099-01-01T00:00:00Z')).toEqual([]);
      expect(await names('changes-since=2011-01-01T01:02:03Z')).toEqual(['TinyLinux', 'of-a-server']);
      const [image] = (await send('GET', '/images/detail?name=of-a-server')).body.images;
      expect(image.server.id).toBe(id);
      expect(image.metadata).toMatchObject({ image_type: 'snapshot', instance_uuid: id });
    });
  });
});
