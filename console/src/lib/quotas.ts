import type { ComputeUpdateQuotaBody, NetworkUpdateQuotaBody, VolumeUpdateVolumeQuotasBody } from '../api/bodies.ts';
import { type ApiCall, get } from './api.ts';
import { session } from './session.ts';
import type { Overview } from './types.ts';

type Service = 'compute' | 'volume' | 'network';

/** Whose quota it is, by what name there, and how many bytes one of it is. */
interface QuotaKind {
  service?: Service;
  name: string;
  unit?: number;
}

/** The quotas that are shown, by the names that the overview has for them. Those of images are nobody's to set by an API. */
const kinds: Record<string, QuotaKind> = {
  instances: { service: 'compute', name: 'instances' },
  cores: { service: 'compute', name: 'cores' },
  ram_mb: { service: 'compute', name: 'ram', unit: 2 ** 20 },
  server_groups: { service: 'compute', name: 'server_groups' },
  volumes: { service: 'volume', name: 'volumes' },
  gigabytes: { service: 'volume', name: 'gigabytes', unit: 2 ** 30 },
  snapshots: { service: 'volume', name: 'snapshots' },
  backups: { service: 'volume', name: 'backups' },
  backup_gigabytes: { service: 'volume', name: 'backup_gigabytes', unit: 2 ** 30 },
  networks: { service: 'network', name: 'network' },
  subnets: { service: 'network', name: 'subnet' },
  ports: { service: 'network', name: 'port' },
  routers: { service: 'network', name: 'router' },
  floating_ips: { service: 'network', name: 'floatingip' },
  security_groups: { service: 'network', name: 'security_group' },
  security_group_rules: { service: 'network', name: 'security_group_rule' },
  images: { name: 'images' },
  image_bytes: { name: 'image_bytes', unit: 1 },
};

/** How much of something a project has, and may have: -1 is as much as there is. */
export interface Quota {
  name: string;
  used: number;
  limit: number;
  /** Bytes of one, where it is counted in such. */
  unit?: number;
  /** Whether a call can set it. */
  canBeSet: boolean;
}

/** Cinder has the project of whoever asks in its paths. */
const volumeSets = () => `/volume/v3/${session()?.project.id}/os-quota-sets`;

type Details = Record<string, { limit: number; in_use?: number; used?: number }>;

/** What each service says of a project. `own`: the overview, where it is the project that one works in. */
export async function quotasOf(projectId: string, own?: Overview): Promise<Quota[]> {
  const [compute, volume, network] = await Promise.all([
    get<{ quota_set: Details }>(`/compute/v2.1/os-quota-sets/${projectId}/detail`),
    get<{ quota_set: Details }>(`${volumeSets()}/${projectId}?usage=True`),
    get<{ quota: Details }>(`/network/v2.0/quotas/${projectId}/details.json`),
  ]);
  const said = { compute: compute.quota_set, volume: volume.quota_set, network: network.quota };
  return Object.entries(kinds).flatMap(([name, { service, name: there, unit }]) => {
    const detail = service && said[service][there];
    if (detail) return { name, unit, used: detail.in_use ?? detail.used ?? 0, limit: detail.limit, canBeSet: true };
    if (!own || service) return [];
    return { name, unit, used: own.usage[name] ?? 0, limit: own.limits[name] ?? -1, canBeSet: false };
  });
}

/** The request that sets one quota of a project. */
export function quotaCall(projectId: string, quota: string, limit: number): ApiCall {
  const { service, name } = kinds[quota]!;
  const change = { [name]: limit };
  if (service === 'network')
    return {
      method: 'PUT',
      path: `/network/v2.0/quotas/${projectId}`,
      body: { quota: change } satisfies NetworkUpdateQuotaBody,
    };
  if (service === 'volume')
    return {
      method: 'PUT',
      path: `${volumeSets()}/${projectId}`,
      body: { quota_set: change } satisfies VolumeUpdateVolumeQuotasBody,
    };
  return {
    method: 'PUT',
    path: `/compute/v2.1/os-quota-sets/${projectId}`,
    body: { quota_set: change } satisfies ComputeUpdateQuotaBody,
  };
}
