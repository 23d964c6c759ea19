import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { ComputeGetConsoleOutputBody } from '../api/bodies.ts';
import { Code, Failed, Loading, Status } from '../components/basics.tsx';
import { get, send } from '../lib/api.ts';
import { ago, bytes, dateTime } from '../lib/format.ts';
import { useImages } from '../lib/queries.ts';
import { useSession } from '../lib/session.ts';
import type { Port, Server, Snapshot, Volume } from '../lib/types.ts';

/** The end of what the guest wrote to its serial console. */
export function ConsoleLog({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery({
    queryKey: ['log', id],
    queryFn: async () =>
      (
        await send<{ output: string }>({
          method: 'POST',
          path: `/compute/v2.1/servers/${id}/action`,
          body: { 'os-getConsoleOutput': { length: 400 } } satisfies ComputeGetConsoleOutputBody,
        })
      ).body.output,
    refetchInterval: 5000,
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading />;
  return data === '' ? <p className="soft">{t('nothingYet')}</p> : <Code text={data} label={t('tab.log')} />;
}

/** Its root disk, and the volumes that are attached to it. */
export function Disks({ server }: { server: Server }) {
  const { t } = useTranslation();
  const project = useSession()?.project.id;
  const ids = server['os-extended-volumes:volumes_attached']?.map(({ id }) => id) ?? [];
  const { data } = useQuery({
    queryKey: ['volumes', 'of', server.id, ids],
    queryFn: async () => (await get<{ volumes: Volume[] }>(`/volume/v3/${project}/volumes/detail`)).volumes,
  });
  const mine = data?.filter(({ id }) => ids.includes(id)) ?? [];
  return (
    <ul className="stack">
      <li className="card stat">
        <b>{t('rootDisk')}</b> <span className="soft">{server.flavor.disk ?? '–'} GiB</span>
      </li>
      {mine.map((volume) => (
        <li key={volume.id} className="card stat row">
          <b>{volume.name || volume.id}</b> <Status value={volume.status} />
          <span className="soft">
            {volume.size} GiB · {volume.attachments[0]?.device}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Its interfaces. */
export function Ports({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ['ports', id],
    queryFn: async () => (await get<{ ports: Port[] }>(`/network/v2.0/ports?device_id=${id}`)).ports,
  });
  if (error) return <Failed error={error} />;
  if (!data) return <Loading />;
  return (
    <ul className="stack">
      {data.length === 0 && <li className="soft">{t('nothingYet')}</li>}
      {data.map((port) => (
        <li key={port.id} className="card stat">
          <div className="row">
            <Status value={port.status} />
            <span className="mono">{port.fixed_ips.map(({ ip_address }) => ip_address).join(', ')}</span>
            <span className="mono soft">{port.mac_address}</span>
            <span className="mono small faint">{port.id}</span>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Images that were made of it, and the snapshots of its volumes: the newest first. */
export function Snapshots({ server }: { server: Server }) {
  const { t } = useTranslation();
  const project = useSession()?.project.id;
  const images = useImages();
  const volumes = server['os-extended-volumes:volumes_attached']?.map(({ id }) => id) ?? [];
  const snapshots = useQuery({
    queryKey: ['snapshots', 'of', server.id],
    enabled: volumes.length > 0,
    queryFn: async ({ signal }) =>
      (await get<{ snapshots: Snapshot[] }>(`/volume/v3/${project}/snapshots/detail`, signal)).snapshots,
  });
  const failure = images.error ?? snapshots.error;
  if (failure) return <Failed error={failure} />;
  if (!images.data) return <Loading />;
  const all = [
    ...images.data
      .filter((image) => image['instance_uuid'] === server.id)
      .map(({ id, name, status, size, created_at }) => ({
        id,
        name,
        status,
        size,
        at: created_at,
        to: `/ui/images/${id}`,
      })),
    ...(snapshots.data ?? [])
      .filter(({ volume_id }) => volumes.includes(volume_id))
      .map(({ id, name, status, size, created_at }) => ({
        id,
        name,
        status,
        size: size * 2 ** 30,
        at: created_at,
        to: '/ui/r/snapshots',
      })),
  ].sort((one, other) => other.at.localeCompare(one.at));
  return (
    <section className="card">
      {all.length === 0 && <p className="empty">{t('noSnapshots')}</p>}
      <ul className="feed">
        {all.map(({ id, name, status, size, at, to }) => (
          <li key={id}>
            <Status value={status} />
            <Link className="what" to={to as '/'}>
              {name || id}
            </Link>
            <span className="soft small" title={dateTime(at)}>
              {bytes(size)} · {ago(at)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
