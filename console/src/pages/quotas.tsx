import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Failed, Loading, Meter, PageHead } from '../components/basics.tsx';
import { FormDialog } from '../components/form.tsx';
import { toast } from '../components/toast.tsx';
import { get, send } from '../lib/api.ts';
import { bytes, number } from '../lib/format.ts';
import { useOverview } from '../lib/queries.ts';
import { type Quota, quotaCall, quotasOf } from '../lib/quotas.ts';
import { useSession } from '../lib/session.ts';
import type { Project } from '../lib/sign-in.ts';
import type { ListSearch } from '../router.tsx';

/** What a project may have, and how much of it it has. Administrators choose the project, and change what it may have. */
export function Quotas() {
  const { t } = useTranslation();
  const current = useSession();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { project: chosen } = useSearch({ strict: false }) as ListSearch;
  const [edited, setEdited] = useState<Quota>();
  const own = current?.project.id ?? '';
  const id = (current?.isAdmin && chosen) || own;
  const overview = useOverview().data;
  const projects = useQuery({
    queryKey: ['projects', 'names'],
    enabled: current?.isAdmin === true,
    queryFn: async ({ signal }) => (await get<{ projects: Project[] }>('/identity/v3/projects', signal)).projects,
  }).data;
  const { data, error, refetch } = useQuery({
    queryKey: ['quotas', id, overview?.usage, overview?.limits],
    enabled: id !== '',
    placeholderData: (before, query) => (query?.queryKey[1] === id ? before : undefined),
    queryFn: () => quotasOf(id, id === own ? overview : undefined),
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Loading />;
  const name = projects?.find((one) => one.id === id)?.name ?? current?.project.name ?? '';
  const labelOf = (quota: Quota) => t(`quota.${quota.name}`, { defaultValue: quota.name });
  return (
    <div className="page">
      <PageHead title={t('quotas')} text={t('quotasText', { project: name })}>
        {projects && (
          <select
            className="select"
            aria-label={t('project')}
            value={id}
            onChange={({ target }) => void navigate({ search: { project: target.value } as never, replace: true })}
          >
            {projects.map((project) => (
              <option key={project.id} value={project.id}>
                {project.name}
              </option>
            ))}
          </select>
        )}
      </PageHead>
      <div className="grid">
        {data.map((quota) => {
          const { used, limit, unit } = quota;
          const show = (value: number) => (unit ? bytes(value * unit) : number(value));
          const label = labelOf(quota);
          return (
            <div key={quota.name} className="card stat">
              <div className="label">
                <span className="grow">{label}</span>
                {current?.isAdmin && quota.canBeSet && (
                  <button
                    type="button"
                    className="button ghost small icon"
                    aria-label={t('changeQuota', { quota: label })}
                    title={t('changeQuota', { quota: label })}
                    onClick={() => setEdited(quota)}
                  >
                    <Pencil size={14} aria-hidden />
                  </button>
                )}
              </div>
              <div className="value">
                {show(used)} <small>/ {limit < 0 ? t('unlimited') : show(limit)}</small>
              </div>
              {limit >= 0 && <Meter used={used} total={limit} label={label} />}
            </div>
          );
        })}
      </div>
      {edited && (
        <FormDialog
          open
          onClose={() => setEdited(undefined)}
          title={t('changeQuota', { quota: labelOf(edited) })}
          text={name}
          fields={[
            {
              name: 'limit',
              label: unitOf(edited) ? `${t('limit')} (${unitOf(edited)})` : t('limit'),
              kind: 'number',
              required: true,
              initial: String(edited.limit),
              hint: t('limitHint'),
              check: (value) =>
                Number.isInteger(Number(value)) && Number(value) >= -1 ? undefined : t('limitProblem'),
            },
          ]}
          toCall={({ limit }) => quotaCall(id, edited.name, Number(limit))}
          submit={async (call) => {
            await send(call);
            toast('good', t('saved'));
            await client.invalidateQueries({ queryKey: ['overview'] });
            await client.invalidateQueries({ queryKey: ['quotas'] });
          }}
          submitLabel={t('save')}
        />
      )}
    </div>
  );
}

/** What the service counts it in. */
function unitOf({ unit }: Quota): string | undefined {
  return unit === 2 ** 20 ? 'MiB' : unit === 2 ** 30 ? 'GiB' : undefined;
}
