import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ComputeListAvailabilityZones } from '../api/answers.ts';
import { Failed, Loading, Notice, PageHead } from '../components/basics.tsx';
import { Field, SameRequest } from '../components/form.tsx';
import { type ApiCall, get, send } from '../lib/api.ts';
import { bytes } from '../lib/format.ts';
import { useFlavors, useImages, useKeypairs, useNetworks, useSecurityGroups } from '../lib/queries.ts';
import { type Draft, draftCall, draftProblem, emptyDraft, isEnough } from '../lib/server-draft.ts';
import type { Translate } from '../lib/servers.ts';
import { useSettled } from '../lib/settled.ts';
import { Check, Effect } from './server-effect.tsx';

/** What is typed is checked when it stays so for so long. */
const checkAfterMs = 400;

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
  const [given, setDraft] = useState<Draft>(emptyDraft);
  const create = useMutation({
    meta: { isQuiet: true },
    mutationFn: (call: ApiCall) => send<{ server: { id: string } }>(call),
    onSuccess: async ({ body }) => {
      await client.invalidateQueries({ queryKey: ['servers'] });
      void navigate({ to: `/ui/servers/${body.server.id}` as '/', search: { tab: 'timeline' } as never });
    },
  });
  const settled = useSettled(given, checkAfterMs);
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
  const set = (change: Partial<Draft>) => setDraft({ ...given, ...change });
  const flavor = flavors.find(({ id }) => id === draft.flavor);
  const call = draftCall(draft);
  const problem = draftProblem(draft, flavor, image, t as unknown as Translate);
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
              {flavor && image && <Check draft={draft} isSettled={settled === given} />}
              {create.error && <Notice tone="bad">{create.error.message}</Notice>}
              <div className="row">
                <button type="submit" className="button primary" disabled={Boolean(problem) || create.isPending}>
                  {t('createServer')}
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

function toggled(list: string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
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
