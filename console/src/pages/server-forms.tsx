import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type {
  ComputeAttachVolumeBody,
  ComputeCreateServerImageBody,
  ComputeLiveMigrateServerBody,
  ComputeMigrateServerBody,
  ComputeRebuildServerBody,
  ComputeResizeServerBody,
} from '../api/bodies.ts';
import { FormDialog, type FormDialogProps } from '../components/form.tsx';
import { toast } from '../components/toast.tsx';
import { get, send } from '../lib/api.ts';
import { useFlavors, useImages } from '../lib/queries.ts';
import { sendAll } from '../lib/send-all.ts';
import { imageOf } from '../lib/servers.ts';
import { useSession } from '../lib/session.ts';
import type { MigrationTarget, Server, Volume } from '../lib/types.ts';

/** The first version in which a cold migration can name its host. */
const migrationVersion = { 'OpenStack-API-Version': 'compute 2.56' };

/** Which form is open, and for which servers. */
export interface ServerFormState {
  id: string;
  servers: Server[];
}

interface Props {
  form: ServerFormState | undefined;
  onClose: () => void;
  onDone?: () => void;
}

/** The forms of actions that need more than a click. */
export function ServerForms({ form, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const server = form?.servers[0];
  if (!form || !server) return null;
  const path = `/compute/v2.1/servers/${server.id}/action`;
  const done = async () => {
    toast('good', t('asked', { action: t(`action.${form.id}`), name: server.name }));
    onDone?.();
    await client.invalidateQueries({ queryKey: ['servers'] });
    await client.invalidateQueries({ queryKey: ['server', server.id] });
    await client.invalidateQueries({ queryKey: ['activities'] });
  };
  const common = {
    open: true,
    onClose,
    title: t(`action.${form.id}`),
    text: server.name,
    submitLabel: t(`action.${form.id}`),
    submit: async (call: Parameters<typeof send>[0]) => {
      await send(call);
      await done();
    },
  };
  switch (form.id) {
    case 'rebuild':
      return <Rebuild {...common} server={server} path={path} />;
    case 'resize':
      return <Resize {...common} server={server} path={path} />;
    case 'migrate':
      return <Migrate {...common} server={server} path={path} />;
    case 'attachVolume':
      return <Attach {...common} server={server} />;
    case 'createImage':
      return (
        <FormDialog
          {...common}
          fields={[{ name: 'name', label: t('imageName'), required: true, initial: `${server.name}-image` }]}
          toCall={({ name }) => ({
            method: 'POST',
            path,
            body: { createImage: { name } } satisfies ComputeCreateServerImageBody,
          })}
        />
      );
    case 'delete':
      return (
        <FormDialog
          {...common}
          danger
          text={
            form.servers.length === 1
              ? t('deleteServerText', { name: server.name })
              : t('deleteServersText', { count: form.servers.length })
          }
          fields={[]}
          toCall={() => ({ method: 'DELETE', path: `/compute/v2.1/servers/${server.id}` })}
          submit={async () => {
            const path = (id: string) => `/compute/v2.1/servers/${id}`;
            const { failures } = await sendAll(form.servers.map(({ id }) => ({ method: 'DELETE', path: path(id) })));
            await done();
            if (failures[0]) throw failures[0];
          }}
        />
      );
    default:
      return null;
  }
}

type FormProps = Omit<FormDialogProps<string>, 'fields' | 'toCall'> & { server: Server; path?: string };

function Rebuild({ server, path, ...common }: FormProps) {
  const { t } = useTranslation();
  const images = useImages().data ?? [];
  const now = imageOf(server) ?? '';
  return (
    <FormDialog
      {...common}
      text={t('rebuildText', { name: server.name })}
      fields={[
        {
          name: 'image',
          label: t('image'),
          kind: 'select',
          required: true,
          initial: now || images[0]?.id || '',
          options: images
            .filter(({ status }) => status === 'active')
            .map(({ id, name }) => ({ value: id, label: name ?? id })),
        },
      ]}
      toCall={({ image }) => ({
        method: 'POST',
        path: path!,
        body: { rebuild: { imageRef: image } } satisfies ComputeRebuildServerBody,
      })}
    />
  );
}

function Resize({ server, path, ...common }: FormProps) {
  const { t } = useTranslation();
  const flavors = (useFlavors().data ?? []).filter(({ name }) => name !== server.flavor.original_name);
  return (
    <FormDialog
      {...common}
      text={t('resizeText', { name: server.name, flavor: server.flavor.original_name ?? server.flavor.id })}
      fields={[
        {
          name: 'flavor',
          label: t('flavor'),
          kind: 'select',
          required: true,
          options: flavors.map((f) => ({
            value: f.id,
            label: `${f.name}: ${f.vcpus} vCPU, ${f.ram} MB, ${f.disk} GB`,
          })),
        },
      ]}
      toCall={({ flavor }) => ({
        method: 'POST',
        path: path!,
        body: { resize: { flavorRef: flavor } } satisfies ComputeResizeServerBody,
      })}
    />
  );
}

/** Live where the guest runs, with its memory; cold where it does not. */
function Migrate({ server, path, ...common }: FormProps) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ['server', server.id, 'migration-targets'],
    queryFn: async ({ signal }) =>
      (await get<{ targets: MigrationTarget[] }>(`/unkai/v1/servers/${server.id}/migration-targets`, signal)).targets,
  });
  const isLive = server.status !== 'SHUTOFF';
  const hint = error?.message ?? (data?.some((target) => target.is_possible) === false ? t('noTargets') : undefined);
  return (
    <FormDialog
      {...common}
      text={t(isLive ? 'liveMigrationText' : 'coldMigrationText', { name: server.name })}
      fields={[
        {
          name: 'host',
          label: t('targetHost'),
          kind: 'radio',
          required: true,
          hint,
          options: (data ?? []).map(({ name, is_possible, reasons }) => ({
            value: name,
            label: name,
            why: is_possible ? undefined : reasons,
          })),
        },
      ]}
      toCall={({ host }) => ({
        method: 'POST',
        path: path!,
        headers: migrationVersion,
        body: isLive
          ? ({ 'os-migrateLive': { host, block_migration: 'auto' } } satisfies ComputeLiveMigrateServerBody)
          : ({ migrate: { host } } satisfies ComputeMigrateServerBody),
      })}
    />
  );
}

function Attach({ server, ...common }: FormProps) {
  const { t } = useTranslation();
  const project = useSession()?.project.id;
  const { data = [] } = useQuery({
    queryKey: ['volumes', 'available'],
    queryFn: async () =>
      (await get<{ volumes: Volume[] }>(`/volume/v3/${project}/volumes/detail?status=available`)).volumes,
  });
  return (
    <FormDialog
      {...common}
      fields={[
        {
          name: 'volume',
          label: t('volume'),
          kind: 'select',
          required: true,
          hint: data.length === 0 ? t('noFreeVolumes') : undefined,
          options: data.map(({ id, name, size }) => ({ value: id, label: `${name || id} (${size} GiB)` })),
        },
      ]}
      toCall={({ volume }) => ({
        method: 'POST',
        path: `/compute/v2.1/servers/${server.id}/os-volume_attachments`,
        body: { volumeAttachment: { volumeId: volume } } satisfies ComputeAttachVolumeBody,
      })}
    />
  );
}
