import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { isoMicros } from '../common/time.ts';
import { controlServices, internalZone } from './control-services.ts';
import { computeBinary, isUp } from './hosts-view.ts';

const common = { dialect: 'compute', group: 'hosts', method: 'GET', since: '2.1', mode: 'sync' } as const;

const ZoneState = Type.Object({ available: Type.Boolean() });
const HostServices = Type.Record(
  Type.String(),
  Type.Record(
    Type.String(),
    Type.Object({ available: Type.Boolean(), active: Type.Boolean(), updated_at: Type.String() }),
  ),
);

export const zoneOperations = [
  operation({
    ...common,
    id: 'ListAvailabilityZones',
    path: '/os-availability-zone',
    allow: 'reader',
    responses: {
      200: Type.Object({
        availabilityZoneInfo: Type.Array(
          Type.Object({ zoneName: Type.String(), zoneState: ZoneState, hosts: Type.Null() }),
        ),
      }),
    },
    errors: [401, 403],
    title: 'List availability zones',
    summary: 'Where servers can be.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud }) {
      const zones = await cloud.zones.ofHosts();
      const info = zones.map(({ name, enabled }) => ({
        zoneName: name,
        zoneState: { available: enabled },
        hosts: null,
      }));
      return { body: { availabilityZoneInfo: info } };
    },
  }),
  operation({
    ...common,
    id: 'ListAvailabilityZonesDetails',
    path: '/os-availability-zone/detail',
    allow: 'admin',
    responses: {
      200: Type.Object({
        availabilityZoneInfo: Type.Array(
          Type.Object({ zoneName: Type.String(), zoneState: ZoneState, hosts: HostServices }),
        ),
      }),
    },
    errors: [401, 403],
    title: 'List availability zones with details',
    summary: 'Where servers can be, with the hosts, and the zone of what the control plane does itself.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud }) {
      const hosts = await cloud.hosts.list();
      const info = (await cloud.zones.ofHosts()).map((zone) => ({
        zoneName: zone.name,
        zoneState: { available: zone.enabled },
        hosts: Object.fromEntries(
          hosts
            .filter(({ zoneId }) => zoneId === zone.id)
            .map((host) => {
              const service = { available: isUp(host), active: host.state === 'enabled' };
              return [host.name, { [computeBinary]: { ...service, updated_at: isoMicros(host.updatedAt) } }];
            }),
        ),
      }));
      const byHost = Map.groupBy(await controlServices(cloud), ({ on }) => on.name);
      const internal = [...byHost].map(([name, services]) => {
        const told = services.map(({ binary, on }) => {
          return [binary, { available: on.isUp, active: true, updated_at: isoMicros(on.seenAt) }] as const;
        });
        return [name, Object.fromEntries(told)] as const;
      });
      const own = { zoneName: internalZone, zoneState: { available: true }, hosts: Object.fromEntries(internal) };
      return { body: { availabilityZoneInfo: [...info, own] } };
    },
  }),
];
