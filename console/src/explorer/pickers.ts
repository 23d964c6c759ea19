import { useQuery } from '@tanstack/react-query';
import { get } from '../lib/api.ts';
import { useSession } from '../lib/session.ts';

type Item = { id: string; name: string };

/** Lists that parameters of these names choose from. */
const sources: ReadonlyArray<[RegExp, (project: string) => string, string]> = [
  [/^(server_?id|vmInstanceUuid|instance_id)$/i, () => '/compute/v2.1/servers?limit=200', 'servers'],
  [/^image_?(id|uuid)$/i, () => '/image/v2/images?limit=200', 'images'],
  [/^flavor_?id$/i, () => '/compute/v2.1/flavors?limit=200', 'flavors'],
  [/^(volume_?(id|uuid)|rootVolumeUuid)$/i, (project) => `/volume/v3/${project}/volumes?limit=200`, 'volumes'],
  [/^network_?id$/i, () => '/network/v2.0/networks', 'networks'],
  [/^(tenant|project)_?id$/i, () => '/identity/v3/auth/projects', 'projects'],
];

/** Things of the project that a parameter of this name may mean. ZStack's ids have no dashes. */
export function usePickers(name: string): Item[] {
  const current = useSession();
  const source = sources.find(([pattern]) => pattern.test(name));
  const { data } = useQuery({
    queryKey: ['pickers', source?.[2], current?.project.id],
    enabled: source !== undefined && current !== null,
    queryFn: async () => (await get<Record<string, Item[]>>(source![1](current!.project.id)))[source![2]] ?? [],
  });
  if (!data) return [];
  return name.toLowerCase().endsWith('uuid')
    ? data.map((item) => ({ ...item, id: item.id.replaceAll('-', '') }))
    : data;
}
