import type { OperationExample } from '../../api/operation.ts';

const origin = 'http://cloud.example.com';
const project = 'bb46ff7286ed4e418958c2a5e06cd4a2';
const user = '1f708e1376784e529a7b09eb5ff1a5fc';
const serverId = 'fee86478-a120-488f-8359-97d200564b90';
const imageId = '70a599e0-31e7-49b7-b260-868f441e862b';
const params = { server_id: serverId };

/** Of what the reference shows, with names of this cloud. */
export const rebuildExamples: readonly OperationExample[] = [
  {
    title: 'With a new name, password, addresses and metadata',
    params,
    body: {
      rebuild: {
        imageRef: imageId,
        name: 'foobar',
        adminPass: 'seekr3t',
        accessIPv4: '1.2.3.4',
        accessIPv6: 'fe80::100',
        metadata: { 'meta var': 'meta val' },
      },
    },
    status: 202,
    response: {
      server: {
        accessIPv4: '1.2.3.4',
        accessIPv6: 'fe80::100',
        addresses: { private: [{ addr: '192.168.0.3', version: 4 }] },
        adminPass: 'seekr3t',
        created: '2012-09-12T17:20:36Z',
        flavor: { id: '1', links: [{ href: `${origin}/${project}/flavors/1`, rel: 'bookmark' }] },
        hostId: '1e3da81662354c25560b7e5ea6d8123031f67168b6992f20bb84df69',
        id: serverId,
        image: { id: imageId, links: [{ href: `${origin}/${project}/images/${imageId}`, rel: 'bookmark' }] },
        links: [
          { href: `${origin}/v2/${project}/servers/${serverId}`, rel: 'self' },
          { href: `${origin}/${project}/servers/${serverId}`, rel: 'bookmark' },
        ],
        metadata: { 'meta var': 'meta val' },
        name: 'foobar',
        progress: 0,
        status: 'REBUILD',
        tenant_id: project,
        updated: '2012-09-12T17:20:37Z',
        user_id: user,
      },
    },
  },
  {
    title: 'The image by its URL',
    params,
    body: { rebuild: { imageRef: `${origin}/v2/${project}/images/${imageId}` } },
    status: 202,
  },
];

type Event = [name: string, start: string, finish: string];

/** One action with its events, all of which succeeded. Times are of one day. */
function action(name: string, requestId: string, day: string, start: string, events: Event[]): OperationExample {
  const at = (clock: string) => `${day}T${clock}.000000`;
  return {
    title: `Action ${name}`,
    params: { ...params, action_id: requestId },
    status: 200,
    response: {
      instanceAction: {
        action: name,
        events: events.map(([event, began, ended]) => ({
          event,
          finish_time: at(ended),
          result: 'Success',
          start_time: at(began),
          traceback: null,
        })),
        instance_uuid: serverId,
        message: null,
        project_id: project,
        request_id: requestId,
        start_time: at(start),
        user_id: user,
      },
    },
  };
}

/** One for each action that the reference shows. */
export const actionExamples: readonly OperationExample[] = [
  action('reboot', 'req-6526fc56-b172-4f48-ae81-0cad0c60c82b', '2016-11-30', '01:14:52', [
    ['compute_reboot_instance', '01:14:53', '01:15:02'],
  ]),
  action('rebuild', 'req-73190894-7461-4b1e-abf9-dc31b9a64ced', '2016-12-12', '05:02:23', [
    ['compute_stop_instance', '05:02:35', '05:02:37'],
    ['compute_rebuild_instance', '05:02:25', '05:02:37'],
  ]),
  action('resize', 'req-695e2d33-988f-4ba1-b02d-1f92ea95fba4', '2016-12-02', '05:55:06', [
    ['compute_finish_resize', '05:55:17', '05:55:28'],
    ['compute_resize_instance', '05:55:10', '05:55:17'],
    ['compute_prep_resize', '05:55:09', '05:55:10'],
    ['cold_migrate', '05:55:06', '05:55:09'],
  ]),
  action('confirmResize', 'req-17fd6031-d176-42fe-8a20-a3318fb04507', '2016-12-02', '06:05:02', [
    ['compute_confirm_resize', '06:05:02', '06:05:08'],
  ]),
  action('revertResize', 'req-8498580f-81fe-43c1-b392-cfd10b805ed4', '2016-12-02', '06:23:32', [
    ['compute_stop_instance', '06:23:45', '06:23:46'],
    ['compute_finish_revert_resize', '06:23:38', '06:23:46'],
    ['compute_revert_resize', '06:23:33', '06:23:38'],
  ]),
  action('shelve', 'req-6c0a3251-c2ab-4c06-b85b-acf719e0d41a', '2017-02-15', '08:50:20', [
    ['compute_shelve_offload_instance', '08:50:20', '08:50:31'],
  ]),
  action('unshelve', 'req-c13e5267-6afe-4370-a167-1862e8db703d', '2016-11-14', '08:05:15', [
    ['compute_unshelve_instance', '08:05:17', '08:05:25'],
    ['schedule_instances', '08:05:16', '08:05:17'],
  ]),
  action('start', 'req-7a76e310-e0e7-46ec-80d4-da36161d254e', '2016-11-30', '01:13:06', [
    ['compute_start_instance', '01:13:07', '01:13:12'],
  ]),
  action('stop', 'req-f6d67e87-9b29-47f4-b3b7-8f1ebecebbbf', '2016-11-15', '04:56:20', [
    ['compute_stop_instance', '04:56:20', '04:56:22'],
  ]),
];
