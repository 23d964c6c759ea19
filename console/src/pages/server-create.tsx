import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ComputeListAvailabilityZones } from '../api/answers.ts';
import type { ComputeCreateServerBody } from '../api/bodies.ts';
import { Failed, Loading, Meter, Notice, PageHead } from '../components/basics.tsx';
import { Field, SameRequest } from '../components/form.tsx';
import { type ApiCall, get, send } from '../lib/api.ts';
import { dryRun } from '../lib/dry-run.ts';
import { bytes, number } from '../lib/format.ts';
import { useFlavors, useImages, useKeypairs, useNetworks, useOverview, useSecurityGroups } from '../lib/queries.ts';
import type { Translate } from '../lib/servers.ts';
import type { Flavor } from '../lib/types.ts';

const maxCount = 50;

interface Draft {
  name: string;
  count: string;
  image: string;
  flavor: string;
  networks: string[];
  key: string;
  groups: string[];
  zone: string;
  userData: string;
}

const empty: Draft = {
  name: '',
  count: '1',
  image: '',
  flavor: '',
  networks: [],
  key: '',
  groups: [],
  zone: '',
  userData: '',
};

/** Makes one or several servers: everything is chosen from what there is, and checked while one chooses. */
export function ServerCreate() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const lists = [useImages(), useFlavors(), useNetworks()] as const;
  const [images, flavors] = [lists[0].data, lists[1].data];
  const networks = lists[2].data?.filter((network) => !network['router:external']);
  const keypairs = useKeypairs().data ?? [];
  const groups = useSecurityGroups().data ?? [];
  const zones = useQuery({
    queryKey: ['zones'],
    queryFn: async () =>
      (await get<ComputeListAvailabilityZones>('/compute/v2.1/os-availability-zone')).availabilityZoneInfo,
  }).data;
  const [given, setDraft] = useState<Draft>(empty);
  const create = useMutation({
    meta: { isQuiet: true },
    mutationFn: (call: ApiCall) => send<{ server: { id: string } }>(call),
    onSuccess: async ({ body }) => {
      await client.invalidateQueries({ queryKey: ['servers'] });
      void navigate({ to: `/ui/servers/${body.server.id}` as '/', search: { tab: 'timeline' } as never });
    },
  });
  const check = useMutation({ meta: { isQuiet: true }, mutationFn: (call: ApiCall) => dryRun(call) });
  const failed = lists.find(({ error }) => error);
  if (failed?.error) return <Failed error={failed.error} retry={() => void failed.refetch()} />;
  if (!images || !flavors || !networks) return <Loading />;
  const usable = images.filter((image) => image.status === 'active');
  const chosen = given.image || (usable[0]?.id ?? '');
  const image = usable.find(({ id }) => id === chosen);
  const draft: Draft = {
    ...given,
    image: chosen,
    flavor: given.flavor || (flavors.find((one) => image && isEnough(one, image)) ?? flavors[0])?.id || '',
    networks: given.networks.length > 0 ? given.networks : networks.slice(0, 1).map(({ id }) => id),
  };
  const set = (change: Partial<Draft>) => {
    setDraft({ ...given, ...change });
    check.reset();
  };
  const flavor = flavors.find(({ id }) => id === draft.flavor);
  const call = toCall(draft);
  const problem = problemOf(draft, flavor, image, t as unknown as Translate);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!problem) create.mutate(call);
  };
  return (
    <div className="page">
      <PageHead
        title={t('createServer')}
        text={t('createServerText')}
        crumbs={<Link to={'/ui/servers' as '/'}>{t('servers')}</Link>}
      />
      <form onSubmit={submit} className="create">
        <div className="stack" style={{ gap: 18 }}>
          <section className="card">
            <div className="body two-fields">
              <Field
                spec={{ name: 'name', label: t('name'), required: true, placeholder: 'web-1' }}
                value={draft.name}
                onChange={(name) => set({ name })}
              />
              <Field
                spec={{ name: 'count', label: t('count'), kind: 'number' }}
                value={draft.count}
                onChange={(count) => set({ count })}
              />
            </div>
          </section>
          <Choices
            title={t('image')}
            name="image"
            value={draft.image}
            onChange={(id) => set({ image: id })}
            items={usable.map((one) => ({
              id: one.id,
              title: one.name ?? one.id,
              text: `${one.disk_format ?? ''} · ${bytes(one.size)}`,
            }))}
          />
          <Choices
            title={t('flavor')}
            name="flavor"
            value={draft.flavor}
            onChange={(id) => set({ flavor: id })}
            items={flavors.map((one) => ({
              id: one.id,
              title: one.name,
              text: `${one.vcpus} vCPU · ${bytes(one.ram * 2 ** 20)} · ${one.disk} GiB`,
            }))}
          />
          <section className="card">
            <header>
              <h2>{t('networkAndAccess')}</h2>
            </header>
            <div className="body stack">
              <fieldset className="plain">
                <legend>{t('networks')}</legend>
                <div className="choice-grid">
                  {networks.map((network) => (
                    <label key={network.id} className="choice">
                      <input
                        type="checkbox"
                        checked={draft.networks.includes(network.id)}
                        onChange={() => set({ networks: toggled(draft.networks, network.id) })}
                      />
                      <b>{network.name || network.id}</b>
                      <small>{network.shared ? t('shared') : t('ofProject')}</small>
                    </label>
                  ))}
                </div>
              </fieldset>
              {groups.length > 0 && (
                <fieldset className="plain">
                  <legend>{t('securitygroups')}</legend>
                  <div className="row">
                    {groups.map(({ id, name }) => (
                      <label key={id} className="check">
                        <input
                          type="checkbox"
                          checked={draft.groups.includes(name)}
                          onChange={() => set({ groups: toggled(draft.groups, name) })}
                        />
                        {name}
                      </label>
                    ))}
                  </div>
                </fieldset>
              )}
              <div className="two-fields">
                <Field
                  spec={{
                    name: 'key',
                    label: t('keypair'),
                    kind: 'select',
                    options: keypairs.map(({ name }) => ({ value: name, label: name })),
                  }}
                  value={draft.key}
                  onChange={(key) => set({ key })}
                />
                <Field
                  spec={{
                    name: 'zone',
                    label: t('zone'),
                    kind: 'select',
                    options: (zones ?? []).map(({ zoneName }) => ({ value: zoneName, label: zoneName })),
                  }}
                  value={draft.zone}
                  onChange={(zone) => set({ zone })}
                />
              </div>
              <Field
                spec={{ name: 'userData', label: t('userData'), kind: 'area', hint: t('userDataHint') }}
                value={draft.userData}
                onChange={(userData) => set({ userData })}
              />
            </div>
          </section>
        </div>
        <aside className="stack" style={{ gap: 18 }}>
          <section className="card">
            <header>
              <h2>{t('effect')}</h2>
            </header>
            <div className="body stack">
              <Effect flavor={flavor} count={Number(draft.count)} />
              {problem && draft.name && <Notice tone="warn">{problem}</Notice>}
              {check.data && (
                <Notice tone="good">{t('dryRunFine', { host: check.data.placement?.[0]?.hosts[0] ?? '–' })}</Notice>
              )}
              {(create.error ?? check.error) && <Notice tone="bad">{(create.error ?? check.error)!.message}</Notice>}
              <div className="row">
                <button type="submit" className="button primary" disabled={Boolean(problem) || create.isPending}>
                  {t('createServer')}
                </button>
                <button
                  type="button"
                  className="button"
                  disabled={Boolean(problem) || check.isPending}
                  onClick={() => check.mutate(call)}
                >
                  {t('dryRun')}
                </button>
              </div>
              <SameRequest call={call} />
            </div>
          </section>
        </aside>
      </form>
    </div>
  );
}

function toCall(draft: Draft): ApiCall {
  const count = Number(draft.count);
  const server = {
    name: draft.name,
    imageRef: draft.image,
    flavorRef: draft.flavor,
    networks: draft.networks.map((uuid) => ({ uuid })),
    ...(draft.key ? { key_name: draft.key } : {}),
    ...(draft.zone ? { availability_zone: draft.zone } : {}),
    ...(draft.groups.length > 0 ? { security_groups: draft.groups.map((name) => ({ name })) } : {}),
    ...(draft.userData ? { user_data: base64(draft.userData) } : {}),
    ...(count > 1 ? { min_count: count, max_count: count } : {}),
  };
  return { method: 'POST', path: '/compute/v2.1/servers', body: { server } satisfies ComputeCreateServerBody };
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function toggled(list: string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

/** What an image asks of a flavor. A flavor without a disk of its own takes the image's. */
type Needs = { min_disk: number; min_ram: number };
const hasMemory = ({ ram }: Flavor, { min_ram }: Needs) => ram >= min_ram;
const hasDisk = ({ disk }: Flavor, { min_disk }: Needs) => disk === 0 || disk >= min_disk;
const isEnough = (flavor: Flavor, image: Needs) => hasMemory(flavor, image) && hasDisk(flavor, image);

function problemOf(
  draft: Draft,
  flavor: Flavor | undefined,
  image: Needs | undefined,
  t: Translate,
): string | undefined {
  const count = Number(draft.count);
  if (draft.name.trim() === '') return t('fieldRequired');
  if (!Number.isInteger(count) || count < 1 || count > maxCount) return t('countProblem', { max: maxCount });
  if (!flavor || !image) return t('chooseBoth');
  if (!hasMemory(flavor, image)) return t('needsMemory', { mb: image.min_ram });
  if (!hasDisk(flavor, image)) return t('needsDisk', { gb: image.min_disk });
  return undefined;
}

/** What the servers take of the project's quota, before they are asked for. */
function Effect({ flavor, count }: { flavor: Flavor | undefined; count: number }) {
  const { t } = useTranslation();
  const { data } = useOverview();
  if (!data || !flavor || !(count > 0)) return null;
  const rows: Array<[string, string, number, (n: number) => string]> = [
    [t('servers'), 'instances', count, number],
    ['vCPU', 'cores', flavor.vcpus * count, number],
    [t('memory'), 'ram_mb', flavor.ram * count, (mb) => bytes(mb * 2 ** 20)],
  ];
  return (
    <div className="stack">
      {rows.map(([label, key, more, show]) => {
        const used = data.usage[key] ?? 0;
        const limit = data.limits[key] ?? -1;
        return (
          <div key={key}>
            <div className="row" style={{ justifyContent: 'space-between' }}>
              <span>{label}</span>
              <span className="number soft">
                {show(used)} <b>+ {show(more)}</b> / {limit < 0 ? t('unlimited') : show(limit)}
              </span>
            </div>
            {limit >= 0 && <Meter used={used + more} total={limit} label={label} />}
          </div>
        );
      })}
    </div>
  );
}

interface ChoicesProps {
  title: string;
  name: string;
  value: string;
  onChange: (id: string) => void;
  items: ReadonlyArray<{ id: string; title: string; text: string }>;
}

function Choices({ title, name, value, onChange, items }: ChoicesProps) {
  const { t } = useTranslation();
  return (
    <fieldset className="card plain">
      <legend className="visually-hidden">{title}</legend>
      <header aria-hidden>
        <h2>{title}</h2>
      </header>
      <div className="body choice-grid">
        {items.length === 0 && <p className="soft">{t('nothingYet')}</p>}
        {items.map((item) => (
          <label key={item.id} className="choice">
            <input type="radio" name={name} checked={value === item.id} onChange={() => onChange(item.id)} />
            <b>{item.title}</b>
            <small>{item.text}</small>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
